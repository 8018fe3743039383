package mcp

// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

import (
	"bytes"
	"errors"
	"io"
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
	out     []byte // rewritten bytes on their way to the reader
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
				s.out = nil // an idle stream keeps no buffer
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
		s.pend = append(s.pend, chunk...)
		data, own = s.pend, true
	}
	if !s.begun {
		// Readers skip a byte order mark. One left in place would make the first field an unknown one to us and not to them.
		if len(data) < len(bom) && bytes.HasPrefix(bom, data) && s.err == nil {
			s.pend = bytes.Clone(data)
			return 0
		}
		s.begun = true
		if rest, found := bytes.CutPrefix(data, bom); found {
			data, own = bytes.Clone(rest), true
		}
	}
	var out []byte
	var done int
	if s.data == nil {
		out, done = s.lines(data, own)
	} else {
		out, done = s.events(data, own)
	}
	rest := data[done:]
	switch {
	case s.err == io.EOF && len(rest) > 0:
		// Strict readers throw an unfinished event away, others do not: it is treated as finished.
		tail, _ := s.event(rest)
		if out == nil {
			out = append(out, data[:done]...)
		}
		out, rest = append(out, tail...), nil
	case s.err != nil:
		rest = nil
	}
	if limit := s.limit(); len(rest) > limit {
		s.err, rest = ErrEventTooLong, nil
	}
	switch {
	case len(rest) == 0:
		s.pend = nil
	case own && done == 0:
		s.pend = data // grows in place
		out = nil
	default:
		s.pend = bytes.Clone(rest)
	}
	if out != nil || own {
		s.out = out
		return 0
	}
	return done
}

func (s *Events) limit() int {
	if s.data == nil {
		return maxIDLine
	}
	return maxEvent
}

// lines passes everything on at once but id lines. out is nil when data[:done] goes on unchanged; own demands a copy.
func (s *Events) lines(data []byte, own bool) (out []byte, done int) {
	if own {
		out = make([]byte, 0, len(data)+64)
	}
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
				out = append(make([]byte, 0, len(data)+128), data[:done]...)
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

// events passes whole events on.
func (s *Events) events(data []byte, own bool) (out []byte, done int) {
	if own {
		out = make([]byte, 0, len(data)+64)
	}
	for done < len(data) {
		n := s.eventLen(data[done:])
		if n == 0 {
			break
		}
		ev, changed := s.event(data[done : done+n])
		if changed && out == nil {
			out = append(make([]byte, 0, len(data)+128), data[:done]...)
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
