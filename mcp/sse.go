package mcp

// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// maxEvent bounds one event that has to be looked at whole, maxIDLine a line with an event id.
const (
	maxEvent  = 16 << 20
	maxIDLine = 8 << 10
)

// ErrEventTooLong ends a stream whose event cannot be held to be looked at.
var ErrEventTooLong = errors.New("event is longer than 16 MiB")

var bom = []byte("\xef\xbb\xbf")

// Events rewrites a stream of server-sent events while it is read. An event that needs no change goes on byte for byte,
// and each event goes on as soon as it is complete. While nothing is pending it holds no buffer.
type Events struct {
	src io.ReadCloser
	// data is given the data of every event, lines joined by \n, and returns what replaces it; nil out drops the data
	// and leaves the event's other fields. Nil: events are not looked at, only their id lines, and data flows without waiting for the event's end.
	data func(data []byte) (out []byte, changed bool)
	// id is given every event id. ok false drops the id.
	id func(id string) (out string, ok bool)

	pend    []byte // an incomplete event, or an incomplete line that may carry an id
	out     []byte // bytes on their way to the reader
	outMem  []byte // what out is a part of
	err     error  // what src ended with
	line    int    // where the unfinished line of pend begins …
	scan    int    // … and up to where it was searched, so that a long event is searched once
	midLine bool   // the next byte continues a line that has gone on already
	begun   bool   // the place where a byte order mark may stand is past
}

// NewEvents reads src. data may be nil; id is required.
func NewEvents(src io.ReadCloser, data func([]byte) ([]byte, bool), id func(string) (string, bool)) *Events {
	return &Events{src: src, data: data, id: id}
}

// Close closes the source.
func (s *Events) Close() error { return s.src.Close() }

func (s *Events) Read(p []byte) (int, error) {
	for {
		if len(s.out) > 0 {
			n := copy(p, s.out)
			if s.out = s.out[n:]; len(s.out) == 0 {
				release(s.outMem) // an idle stream keeps no buffer
				s.out, s.outMem = nil, nil
			}
			return n, nil
		}
		if s.err != nil {
			return 0, s.err
		}
		n, err := s.src.Read(p)
		if err != nil {
			s.err = err
		}
		if n == 0 && err == nil {
			return 0, nil
		}
		if direct := s.feed(p[:n]); direct > 0 {
			return direct, nil
		}
	}
}

// feed takes a chunk. It returns how many bytes at the start of chunk go on as they are; otherwise what goes on is in out.
func (s *Events) feed(chunk []byte) (direct int) {
	data, own := chunk, false // own: data is our memory and must not be handed on as chunk
	if len(s.pend) > 0 {
		data, own = s.join(chunk), true
	}
	if !s.begun {
		// Readers skip a byte order mark. One left in place would make the first field an unknown one to us and not to them.
		if len(data) < len(bom) && bytes.HasPrefix(bom, data) && s.err == nil {
			s.pend = keep(data)
			return 0
		}
		s.begun = true
		if rest, found := bytes.CutPrefix(data, bom); found {
			data, own = keep(rest), true
		}
	}
	var out []byte
	var done int
	if s.data == nil {
		out, done = s.lines(data)
	} else {
		out, done = s.events(data)
	}
	rest := data[done:]
	if s.err == io.EOF && len(rest) > 0 {
		// Strict readers throw an unfinished event away, others do not: it is treated as finished.
		tail, _ := s.event(rest)
		if out == nil {
			out = append(grab(len(data)), data[:done]...)
		}
		out = append(out, tail...)
	}
	if s.err != nil {
		rest = nil
	}
	if len(rest) > s.limit() {
		s.err, rest = ErrEventTooLong, nil
	}
	switch {
	case own && done == 0 && len(rest) > 0: // grows in place
		s.pend = data
		return 0
	case len(rest) > 0:
		s.pend = keep(rest)
	default:
		s.pend = nil
	}
	switch {
	case out != nil:
		s.out, s.outMem = out, out
		if own {
			release(data)
		}
		return 0
	case own:
		s.out, s.outMem = data[:done], data
		return 0
	}
	return done
}

// join appends chunk to what is pending.
func (s *Events) join(chunk []byte) []byte {
	if need := len(s.pend) + len(chunk); need > cap(s.pend) {
		bigger := append(grab(max(need, 2*cap(s.pend))), s.pend...)
		release(s.pend)
		s.pend = bigger
	}
	return append(s.pend, chunk...)
}

// Buffers of one size are used again: streams carry many events of a few KiB, and garbage per event would make the
// memory of idle streams a multiple.
const pooledSize = 8 << 10

var pooled = sync.Pool{New: func() any { return new([pooledSize]byte) }}

func grab(n int) []byte {
	if n > pooledSize {
		return make([]byte, 0, n)
	}
	return pooled.Get().(*[pooledSize]byte)[:0]
}

func release(b []byte) {
	if cap(b) == pooledSize {
		pooled.Put((*[pooledSize]byte)(b[:pooledSize]))
	}
}

func keep(b []byte) []byte { return append(grab(len(b)), b...) }

func (s *Events) limit() int {
	if s.data == nil {
		return maxIDLine
	}
	return maxEvent
}

// lines passes everything on at once but id lines. out is nil when data[:done] goes on unchanged.
func (s *Events) lines(data []byte) (out []byte, done int) {
	for done < len(data) {
		line := data[done:]
		end := lineEnd(line)
		held := !s.midLine && mayBeID(line)
		if end < 0 {
			if held {
				return out, done // the rest of the line decides
			}
			s.midLine = true
			if out != nil {
				out = append(out, line...)
			}
			return out, len(data)
		}
		if id, is := idOf(line[:end]); held && is {
			if out == nil {
				out = append(grab(len(data)+256), data[:done]...)
			}
			out = append(s.appendID(out, id), line[end])
		} else if out != nil {
			out = append(out, line[:end+1]...)
		}
		s.midLine = false
		done += end + 1
	}
	return out, done
}

// mayBeID reports that line is or may become an id line.
func mayBeID(line []byte) bool {
	if len(line) < 2 {
		return line[0] == 'i'
	}
	return line[0] == 'i' && line[1] == 'd' && (len(line) == 2 || line[2] == ':' || line[2] == '\r' || line[2] == '\n')
}

// events passes whole events on. out is nil when data[:done] goes on unchanged.
func (s *Events) events(data []byte) (out []byte, done int) {
	for done < len(data) {
		n := s.eventLen(data[done:])
		if n == 0 {
			break
		}
		ev, changed := s.event(data[done : done+n])
		if changed && out == nil {
			out = append(grab(len(data)+256), data[:done]...)
		}
		if out != nil {
			out = append(out, ev...)
		}
		done += n
	}
	return out, done
}

// eventLen is the length of the first complete event, its blank line included; 0 when its end is not there yet. A blank
// line that ends in CR counts at once: a LF that follows becomes an empty event of its own, which means nothing.
func (s *Events) eventLen(data []byte) int {
	for {
		end := lineEnd(data[s.scan:])
		if end < 0 {
			s.scan = len(data)
			return 0
		}
		at := s.scan + end
		next := at + 1
		if data[at] == '\r' {
			if next < len(data) && data[next] == '\n' {
				next++
			} else if next == len(data) && at > s.line {
				s.scan = at // CR or CRLF: the next byte tells
				return 0
			}
		}
		blank := at == s.line
		s.line, s.scan = next, next
		if blank {
			s.line, s.scan = 0, 0
			return next
		}
		if next == len(data) {
			return 0
		}
	}
}

// lineEnd is the index of the first CR or LF, or -1. It searches in windows, so that text with only one of the two is
// not searched again and again for the other.
func lineEnd(b []byte) int {
	const window = 512
	for at := 0; at < len(b); at += window {
		w := b[at:min(at+window, len(b))]
		lf := bytes.IndexByte(w, '\n')
		if lf >= 0 {
			w = w[:lf]
		}
		if cr := bytes.IndexByte(w, '\r'); cr >= 0 {
			return at + cr
		}
		if lf >= 0 {
			return at + lf
		}
	}
	return -1
}
