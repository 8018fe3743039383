package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// script is one person's day: sign in, work, try what is not allowed, sign in again when thrown out.
type script struct {
	p      *Person
	out    *printer
	tick   time.Duration // between two calls
	denied time.Duration // between two tries of delete_all
	knows  bool          // the gate knows the person and does not let them in
	last   string        // what was said last about a failure: it is said once
	shown  map[string]bool
	calls  int
}

func (s *script) run(ctx context.Context) {
	for ctx.Err() == nil {
		how := "signed in, approved the client"
		if s.knows {
			how = "let in without a new sign-in"
		}
		if err := s.enter(ctx); err != nil {
			s.fail(ctx, err)
			continue
		}
		s.last, s.shown = "", map[string]bool{}
		tools, err := s.p.List(ctx)
		if err != nil {
			s.fail(ctx, err)
			continue
		}
		s.say("%s, sees %d tools: %s", how, len(tools), strings.Join(tools, ", "))
		s.work(ctx)
	}
}

// enter signs in, or only knocks again where the sign-in holds and the door is shut: whoever is added to a group needs no
// new login.
func (s *script) enter(ctx context.Context) (err error) {
	if s.knows {
		err = s.p.Initialize(ctx)
	} else {
		_, err = s.p.SignIn(ctx)
	}
	var he *HTTPError
	s.knows = err != nil && errors.As(err, &he) && he.Status == http.StatusForbidden
	return err
}

// work calls tools until the session ends. The stream beside it is waited for.
func (s *script) work(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var stream sync.WaitGroup
	stream.Go(func() { s.watch(ctx) })
	defer stream.Wait()
	defer stop()
	calls := time.NewTicker(s.tick)
	defer calls.Stop()
	forbidden := time.NewTicker(s.denied)
	defer forbidden.Stop()
	day := []func(int) (string, any){
		func(i int) (string, any) {
			return "add_note", map[string]string{"text": fmt.Sprintf("note %d of %s", i, s.p.Name)}
		},
		func(int) (string, any) { return "list_notes", map[string]int{"limit": 5} },
		func(int) (string, any) { return "search_notes", map[string]string{"text": s.p.Name} },
	}
	for i := 0; ; i++ {
		tool, args := day[i%len(day)](i)
		if s.p.Name == "bob" && i == len(day) {
			tool, args = "delete_all", nil // once early, so that nobody has to wait for it
		}
		if !s.call(ctx, tool, args) {
			return
		}
		select {
		case <-calls.C:
		case <-forbidden.C:
			if s.p.Name == "bob" && !s.call(ctx, "delete_all", nil) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// call reports whether the session is still there.
func (s *script) call(ctx context.Context, tool string, args any) bool {
	start := time.Now()
	r, err := s.p.Call(ctx, tool, args)
	if refusal, ok := Refused(err); ok {
		s.say("%s: refused (%s), rule %s", tool, refusal.Reason, refusal.Rule)
		return true
	}
	if err != nil {
		if ctx.Err() == nil {
			s.fail(ctx, err)
		}
		return false
	}
	s.calls++
	switch {
	case r.IsError:
		s.say("%s: failed: %s", tool, r.Text())
	case !s.shown[tool]:
		s.shown[tool] = true
		s.say("%s: done in %d ms", tool, time.Since(start).Milliseconds())
	case s.calls%20 == 0:
		s.say("%d calls so far", s.calls)
	}
	return true
}

// watch keeps one stream open, and says when somebody cuts it.
func (s *script) watch(ctx context.Context) {
	for ctx.Err() == nil {
		st, err := s.p.OpenStream(ctx, "watch_notes", map[string]int{"seconds": 3600})
		if err == nil {
			var e Event
			answered := false
			for err == nil {
				e, err = st.Next()
				answered = answered || err == nil && e.Method == ""
			}
			st.Close()
			if !answered && ctx.Err() == nil {
				s.say("watch_notes: the stream was cut")
			}
		}
		pause(ctx, 2*s.tick)
	}
}

// fail says once what went wrong, then waits before the next try.
func (s *script) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if text := explain(err); text != s.last {
		s.last = text
		s.say("%s", text)
	}
	pause(ctx, 10*s.tick)
}

// explain is an error from the person's point of view.
func explain(err error) string {
	var page *PageError
	var he *HTTPError
	var oe *OAuthError
	switch {
	case errors.As(err, &page):
		return "sign-in ended on the page: " + page.Text
	case errors.As(err, &oe) && oe.Code == "invalid_grant":
		return "the session was ended; signing in again"
	case errors.As(err, &he) && he.Status == http.StatusForbidden:
		var body struct {
			Text string `json:"error_description"`
		}
		if json.Unmarshal([]byte(he.Body), &body) == nil && body.Text != "" {
			return "signed in, but not admitted: " + body.Text
		}
		return "signed in, but not admitted"
	case errors.As(err, &he) && he.Status == http.StatusUnauthorized:
		return "the session was ended; signing in again"
	}
	return err.Error()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *script) say(format string, args ...any) {
	s.out.write(fmt.Sprintf("  %s  %-6s %s\n", time.Now().Format("15:04:05"), s.p.Name, fmt.Sprintf(format, args...)))
}

// printer lets several people speak one after the other.
type printer struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (p *printer) write(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	io.WriteString(p.w, text)
}
