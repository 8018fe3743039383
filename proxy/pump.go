package proxy

import (
	"io"
	"net/http"
)

// smallRead is what a silent stream keeps ready for its next event.
const smallRead = 1 << 10

// pump carries a stream of events to the client. ReverseProxy has sent the head and returned: it does not do this part
// because its frames would hold a stack of twice the size, and its buffer 4 KiB, for as long as the stream lives.
func (x *exchange) pump() {
	if x.events == nil {
		return
	}
	if x.out.FlushError() != nil { // the head; the first event may be long in coming
		panic(http.ErrAbortHandler)
	}
	small := make([]byte, smallRead)
	for {
		n, err := x.events.Read(small)
		if x.pass(small[:n], err) {
			return
		}
		if n == len(small) && x.pumpBusy() {
			return
		}
	}
}

// pumpBusy carries on with a large buffer for as long as there is enough to fill it.
func (x *exchange) pumpBusy() (ended bool) {
	large := copyBuffers.Get()
	defer copyBuffers.Put(large)
	for n := len(large); n == len(large); {
		var err error
		n, err = x.events.Read(large)
		if x.pass(large[:n], err) {
			return true
		}
	}
	return false
}

// pass writes what was read and reports the end. It panics where the answer broke off, as ReverseProxy does; end finds
// out why.
func (x *exchange) pass(p []byte, err error) (ended bool) {
	if len(p) > 0 {
		if _, werr := x.out.Write(p); werr != nil || x.out.FlushError() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if err != nil && err != io.EOF {
		panic(http.ErrAbortHandler)
	}
	return err == io.EOF
}
