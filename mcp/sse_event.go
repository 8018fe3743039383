package mcp

import "bytes"

// event rewrites one event.
func (s *Events) event(ev []byte) (out []byte, changed bool) {
	var data []byte
	var lines int
	var hasID bool
	eachLine(ev, func(line, _ []byte) {
		if value, is := fieldOf(line, "data"); is {
			switch lines++; lines {
			case 1:
				data = value // part of ev, as long as there is no second line
			case 2:
				data = append(append(make([]byte, 0, len(ev)), data...), '\n')
				data = append(data, value...)
			default:
				data = append(append(data, '\n'), value...)
			}
		}
		if _, is := idOf(line); is {
			hasID = true
		}
	})
	replaced := false
	if s.data != nil && len(data) > 0 {
		data, replaced = s.data(data)
	}
	if !replaced && !hasID {
		return ev, false
	}
	out = make([]byte, 0, len(ev)+128)
	eachLine(ev, func(line, ending []byte) {
		if id, is := idOf(line); is {
			out = append(s.appendID(out, id), ending...)
			return
		}
		if _, is := fieldOf(line, "data"); is && replaced {
			return
		}
		if len(line) > 0 || !replaced {
			out = append(append(out, line...), ending...)
		}
	})
	if replaced {
		if n := len(out); n > 0 && out[n-1] != '\n' && out[n-1] != '\r' {
			out = append(out, '\n')
		}
		if data != nil {
			for line := range bytes.SplitSeq(data, []byte("\n")) {
				out = append(append(append(out, "data: "...), line...), '\n')
			}
		}
		out = append(out, '\n')
	}
	return out, true
}

// eachLine calls f with every line and what ended it.
func eachLine(ev []byte, f func(line, ending []byte)) {
	for len(ev) > 0 {
		end := lineEnd(ev)
		if end < 0 {
			f(ev, nil)
			return
		}
		next := end + 1
		if ev[end] == '\r' && next < len(ev) && ev[next] == '\n' {
			next++
		}
		f(ev[:end], ev[end:next])
		ev = ev[next:]
	}
}

func fieldOf(line []byte, name string) (value []byte, is bool) {
	rest, found := bytes.CutPrefix(line, []byte(name))
	if !found {
		return nil, false
	}
	if len(rest) == 0 {
		return nil, true
	}
	if rest[0] != ':' {
		return nil, false
	}
	rest = rest[1:]
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return rest, true
}

func idOf(line []byte) (id []byte, is bool) { return fieldOf(line, "id") }

// appendID writes an id line without its ending. An id that cannot be sealed is written as a comment.
func (s *Events) appendID(out, id []byte) []byte {
	if len(id) == 0 {
		return append(out, "id:"...) // resets the reader's last id
	}
	sealed, ok := s.id(string(id))
	if !ok {
		return append(out, ':')
	}
	return append(append(out, "id: "...), sealed...)
}
