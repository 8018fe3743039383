package session

import "sync"

// slots counts the open streams of each proxy for limits.max_streams: standing ones (GET, subscriptions/listen) and
// answers that turned out to be streams of events. A call that is answered with JSON takes none.
type slots struct {
	mu   sync.Mutex // guards open
	open map[string]opened
}

type opened struct{ standing, answers int }

// OpenStream takes a place for a stream of proxy, if there is one; max 0 = no limit. CloseStream gives it back. A standing
// stream needs a place among all; the answer to a call only one among the answers, so that streams that are merely kept
// open cannot make calls fail that the upstream has carried out already. There are never more than twice max.
func (r *Registry) OpenStream(proxy string, standing bool, max int) bool {
	r.slots.mu.Lock()
	defer r.slots.mu.Unlock()
	o := r.slots.open[proxy]
	if o.full(standing, max) {
		return false
	}
	if standing {
		o.standing++
	} else {
		o.answers++
	}
	r.slots.open[proxy] = o
	return true
}

// CloseStream gives back what OpenStream took. It is to be called once for each true.
func (r *Registry) CloseStream(proxy string, standing bool) {
	r.slots.mu.Lock()
	defer r.slots.mu.Unlock()
	o := r.slots.open[proxy]
	if standing {
		o.standing--
	} else {
		o.answers--
	}
	if o == (opened{}) {
		delete(r.slots.open, proxy)
		return
	}
	r.slots.open[proxy] = o
}

// StreamsFull reports that no further answer of proxy could be a stream: then a call had better not be made.
func (r *Registry) StreamsFull(proxy string, max int) bool {
	r.slots.mu.Lock()
	defer r.slots.mu.Unlock()
	return r.slots.open[proxy].full(false, max)
}

func (o opened) full(standing bool, max int) bool {
	n := o.answers
	if standing {
		n += o.standing
	}
	return max > 0 && n >= max
}
