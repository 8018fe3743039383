package gate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/demo"
)

// Load calls a tool at a steady rate in the name of several people who have signed in.
type Load struct {
	People  []*demo.Person
	Rate    int    // calls per second, all people together
	Workers int    // calls at once; 16 when zero
	Tool    string // list_notes when empty
}

// Report is what became of a Load.
type Report struct {
	Calls, Failed int
	First         error         // the first failure
	Slowest       time.Duration // of the calls that succeeded
}

func (r Report) String() string {
	return fmt.Sprintf("%d calls, %d failed, slowest %v", r.Calls, r.Failed, r.Slowest.Round(time.Millisecond))
}

// Run calls until ctx ends and then waits for the calls under way. A call that falls due while all workers are busy is
// made late, never left out.
func (l *Load) Run(ctx context.Context) Report {
	var mu sync.Mutex
	var r Report
	var wg sync.WaitGroup
	due := make(chan int)
	for range max(l.Workers, 16) {
		wg.Go(func() {
			for i := range due {
				began := time.Now()
				_, err := l.People[i%len(l.People)].Call(context.Background(), l.tool(), map[string]any{})
				took := time.Since(began)
				mu.Lock()
				r.Calls++
				if err != nil {
					r.Failed++
					if r.First == nil {
						r.First = err
					}
				} else {
					r.Slowest = max(r.Slowest, took)
				}
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for made := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tick.C:
			for want := int(time.Since(began).Seconds() * float64(l.Rate)); made < want; made++ {
				due <- made
			}
		}
	}
	close(due)
	wg.Wait()
	return r
}

func (l *Load) tool() string {
	if l.Tool == "" {
		return "list_notes"
	}
	return l.Tool
}
