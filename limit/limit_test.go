package limit

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestSixtyFirstOfAMinuteIsRefused(t *testing.T) {
	b := New(10)
	for i := range 60 {
		if ok, _ := b.Allow("a", 60, time.Minute, start); !ok {
			t.Fatalf("call %d refused, want 60 allowed", i+1)
		}
	}
	ok, retry := b.Allow("a", 60, time.Minute, start)
	if ok || retry != time.Second {
		t.Fatalf("call 61: ok %v, retry %v; want refused, 1s", ok, retry)
	}
	if ok, _ := b.Allow("b", 60, time.Minute, start); !ok {
		t.Fatal("another key is refused")
	}
	if ok, _ := b.Allow("a", 60, time.Minute, start.Add(time.Second)); !ok {
		t.Fatal("refused although Retry-After has passed")
	}
}

func TestRetryIsWholeSecondsAndEnough(t *testing.T) {
	for _, c := range []struct {
		count int
		per   time.Duration
		want  time.Duration
	}{
		{1, time.Second, time.Second},
		{100, time.Second, time.Second},
		{60, time.Minute, time.Second},
		{7, time.Minute, 9 * time.Second},
		{1, time.Hour, time.Hour},
		{0, time.Minute, time.Minute},
		{5, 0, time.Second},
		{-1, -time.Minute, time.Second},
	} {
		t.Run(fmt.Sprintf("%d per %v", c.count, c.per), func(t *testing.T) {
			b := New(1)
			for range c.count {
				b.Allow("k", c.count, c.per, start)
			}
			ok, retry := b.Allow("k", c.count, c.per, start)
			if ok || retry != c.want {
				t.Fatalf("ok %v, retry %v; want refused, %v", ok, retry, c.want)
			}
			if c.count <= 0 || c.per <= 0 {
				return
			}
			if ok, _ := b.Allow("k", c.count, c.per, start.Add(retry)); !ok {
				t.Fatalf("still refused after %v", retry)
			}
		})
	}
}

func TestClockSetBackNeitherGivesNorFreezes(t *testing.T) {
	b := New(1)
	b.Allow("k", 1, time.Second, start)
	back := start.Add(-time.Hour)
	if ok, _ := b.Allow("k", 1, time.Second, back); ok {
		t.Fatal("a clock set back gave a token")
	}
	if ok, _ := b.Allow("k", 1, time.Second, back.Add(time.Second)); !ok {
		t.Fatal("the bucket does not refill after the clock was set back")
	}
}

func TestReloadedLimitHoldsAtOnce(t *testing.T) {
	b := New(1)
	b.Allow("k", 1000, time.Minute, start)
	allowed := 0
	for range 10 {
		if ok, _ := b.Allow("k", 3, time.Minute, start); ok {
			allowed++
		}
	}
	if allowed != 3 {
		t.Fatalf("%d allowed under the lower limit, want 3", allowed)
	}
}

func TestMillionAddressesStayBounded(t *testing.T) {
	const most = 100_000
	before := heap()
	b := New(most)
	for i := range 1_000_000 {
		ip := netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		b.Allow("register|"+AddressKey(ip), 60, time.Minute, start)
	}
	if n := b.Len(); n != most {
		t.Fatalf("%d buckets, want %d", n, most)
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Fatalf("%d MiB held, want less than 64", grown>>20)
	}
	runtime.KeepAlive(b)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLeastRecentlyUsedGoes(t *testing.T) {
	b := New(2)
	b.Allow("a", 1, time.Hour, start)
	b.Allow("b", 1, time.Hour, start)
	b.Allow("a", 1, time.Hour, start) // refused, and used
	b.Allow("c", 1, time.Hour, start) // b goes
	if ok, _ := b.Allow("a", 1, time.Hour, start); ok {
		t.Fatal("the used bucket was forgotten")
	}
	if ok, _ := b.Allow("b", 1, time.Hour, start); !ok {
		t.Fatal("the unused bucket was kept")
	}
}

func TestOneBucketServesConcurrentCallers(t *testing.T) {
	b := New(4)
	var wg sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				ok, _ := b.Allow("shared", 100, time.Hour, start)
				b.Allow(fmt.Sprint("other", i%2), 1, time.Hour, start)
				if ok {
					mu.Lock()
					allowed++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if allowed != 100 {
		t.Fatalf("%d allowed, want 100", allowed)
	}
}

func TestAddressKey(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"203.0.113.7", "203.0.113.7"},
		{"::ffff:203.0.113.7", "203.0.113.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	} {
		if got := AddressKey(netip.MustParseAddr(c.in)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
	if got := AddressKey(netip.Addr{}); got != "unknown" {
		t.Errorf("zero address: got %q", got)
	}
}

func BenchmarkAllow(b *testing.B) {
	l := New(1000)
	b.ReportAllocs()
	for b.Loop() {
		l.Allow("token|203.0.113.7", 1<<30, time.Minute, start)
	}
}
