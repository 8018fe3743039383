package mcp

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// chunks is a source that hands out its parts one Read at a time.
type chunks struct{ parts [][]byte }

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	if c.parts[0] = c.parts[0][n:]; len(c.parts[0]) == 0 {
		c.parts = c.parts[1:]
	}
	return n, nil
}
func (*chunks) Close() error { return nil }

func sealTest(id string) (string, bool) { return "<" + id + ">", id != "drop" }

func hideDanger(kind, name string) bool { return name != "danger" }

func filterTest(f *Filter) func([]byte) ([]byte, bool) {
	return func(data []byte) ([]byte, bool) {
		out, changed, err := f.Message(data)
		if err != nil {
			return []byte("REFUSED"), true
		}
		return out, changed
	}
}

var sseCases = []struct{ name, in, lines, events string }{
	{"plain", "data: {\"a\":1}\n\n", "data: {\"a\":1}\n\n", "data: {\"a\":1}\n\n"},
	{"id", "id: 1\ndata: {}\n\n", "id: <1>\ndata: {}\n\n", "id: <1>\ndata: {}\n\n"},
	{"id without space", "id:1\r\ndata: {}\r\n\r\n", "id: <1>\r\ndata: {}\r\n\r\n", "id: <1>\r\ndata: {}\r\n\r\n"},
	{"id with CR", "data: {}\rid: 7\r\r", "data: {}\rid: <7>\r\r", "data: {}\rid: <7>\r\r"},
	{"empty id", "id\ndata: {}\n\nid:\n\n", "id:\ndata: {}\n\nid:\n\n", "id:\ndata: {}\n\nid:\n\n"},
	{"id that cannot be sealed", "id: drop\ndata: {}\n\n", ":\ndata: {}\n\n", ":\ndata: {}\n\n"},
	{"not an id", "idx: 1\n\nidentity\n\n", "idx: 1\n\nidentity\n\n", "idx: 1\n\nidentity\n\n"},
	{"comment and retry", ": hi\n\nretry: 5\n\n", ": hi\n\nretry: 5\n\n", ": hi\n\nretry: 5\n\n"},
	{"byte order mark", "\xef\xbb\xbfid: 1\n\n", "id: <1>\n\n", "id: <1>\n\n"},
	{"unfinished", "data: {}\n\nid: 9", "data: {}\n\nid: <9>", "data: {}\n\nid: <9>"},
	{
		"list", "event: message\nid: 2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"safe\"},{\"name\":\"danger\",\"description\":\"дaнгер\"}],\"nextCursor\":\"é\"}}\n\n",
		"event: message\nid: <2>\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"safe\"},{\"name\":\"danger\",\"description\":\"дaнгер\"}],\"nextCursor\":\"é\"}}\n\n",
		"event: message\nid: <2>\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"safe\"}],\"nextCursor\":\"é\"}}\n\n",
	},
	{
		"list over several data lines", "data: {\"id\":1,\ndata:\"result\":{\"tools\":[{\"name\":\ndata: \"danger\"}]}}\n\n",
		"data: {\"id\":1,\ndata:\"result\":{\"tools\":[{\"name\":\ndata: \"danger\"}]}}\n\n",
		"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\n",
	},
	{
		"unfinished list", "data: {\"id\":1,\"result\":{\"tools\":[{\"name\":\"danger\"}]}}",
		"data: {\"id\":1,\"result\":{\"tools\":[{\"name\":\"danger\"}]}}",
		"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\n",
	},
	{
		"list with a twin", "data: {\"id\":1,\"result\":{\"Tools\":[{\"name\":\"danger\"}]}}\n\n",
		"data: {\"id\":1,\"result\":{\"Tools\":[{\"name\":\"danger\"}]}}\n\n", "data: REFUSED\n\n",
	},
}

// TestListOverSSESplitAnywhereIsFiltered is TP-18: wherever the chunks end, what comes out is the same.
func TestListOverSSESplitAnywhereIsFiltered(t *testing.T) {
	for _, c := range sseCases {
		t.Run(c.name, func(t *testing.T) {
			data := filterTest(&Filter{Admit: hideDanger})
			for cut := 0; cut <= len(c.in); cut++ {
				parts := [][]byte{}
				for _, p := range []string{c.in[:cut], c.in[cut:]} {
					if p != "" {
						parts = append(parts, []byte(p))
					}
				}
				checkStream(t, "lines", NewEvents(&chunks{parts: clone(parts)}, nil, sealTest), c.lines, c.in)
				checkStream(t, "events", NewEvents(&chunks{parts: clone(parts)}, data, sealTest), c.events, c.in)
			}
			one := func() io.ReadCloser { return io.NopCloser(iotest.OneByteReader(strings.NewReader(c.in))) }
			checkStream(t, "lines, byte by byte", NewEvents(one(), nil, sealTest), c.lines, c.in)
			checkStream(t, "events, byte by byte", NewEvents(one(), data, sealTest), c.events, c.in)
		})
	}
}

func clone(parts [][]byte) [][]byte {
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = bytes.Clone(p)
	}
	return out
}

// checkStream compares; an extra empty line after a CR that was cut from its LF means nothing.
func checkStream(t *testing.T, mode string, s *Events, want, in string) {
	t.Helper()
	got, err := io.ReadAll(s)
	if err != nil {
		t.Fatalf("%s: %v", mode, err)
	}
	if string(got) != want {
		t.Errorf("%s of %q: got %q, want %q", mode, in, got, want)
	}
	if s.pend != nil || s.out != nil {
		t.Errorf("%s: the ended stream still holds a buffer", mode)
	}
}

// TestEventsGoOnOneByOne: an event does not wait for the next one.
func TestEventsGoOnOneByOne(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	s := NewEvents(pr, filterTest(&Filter{Admit: hideDanger}), sealTest)
	buf := make([]byte, 4096)
	for _, ev := range []string{"data: {\"method\":\"a\"}\n\n", ": ping\n\n", "id: 4\r\ndata: {}\r\n\r\n"} {
		go pw.Write([]byte(ev))
		n, err := s.Read(buf)
		if err != nil || n == 0 {
			t.Fatalf("Read: %d, %v", n, err)
		}
		if want := strings.Replace(ev, "id: 4", "id: <4>", 1); string(buf[:n]) != want {
			t.Errorf("got %q, want %q", buf[:n], want)
		}
	}
}

func TestEndlessEventEndsTheStream(t *testing.T) {
	src := io.MultiReader(strings.NewReader("data: "), io.LimitReader(zeros{}, maxEvent+1<<20))
	n, err := io.Copy(io.Discard, NewEvents(io.NopCloser(src), filterTest(&Filter{Admit: hideDanger}), sealTest))
	if err != ErrEventTooLong || n != 0 {
		t.Errorf("got %d bytes and %v, want none and ErrEventTooLong", n, err)
	}
	src = io.MultiReader(strings.NewReader("id: "), io.LimitReader(zeros{}, 1<<20))
	if _, err = io.Copy(io.Discard, NewEvents(io.NopCloser(src), nil, sealTest)); err != ErrEventTooLong {
		t.Errorf("endless id: %v, want ErrEventTooLong", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzSSE: no denied name comes out of any stream, however it is cut, and a stream without lists and ids is unchanged.
func FuzzSSE(f *testing.F) {
	for _, c := range sseCases {
		f.Add([]byte(c.in), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		at := int(cut) % (len(in) + 1)
		data := filterTest(&Filter{Admit: hideDanger})
		whole, err1 := io.ReadAll(NewEvents(&chunks{parts: [][]byte{bytes.Clone(in)}}, data, sealTest))
		split, err2 := io.ReadAll(NewEvents(&chunks{parts: [][]byte{bytes.Clone(in[:at]), bytes.Clone(in[at:])}}, data, sealTest))
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("errors differ: %v, %v", err1, err2)
		}
		if err1 == nil && !sameEvents(whole, split) {
			t.Fatalf("cut at %d: %q, whole: %q", at, split, whole)
		}
	})
}

// sameEvents compares without line endings, which depend on where a CRLF was cut only in number of empty lines.
func sameEvents(a, b []byte) bool {
	split := func(s []byte) []string {
		return strings.FieldsFunc(string(s), func(r rune) bool { return r == '\r' || r == '\n' })
	}
	x, y := split(a), split(b)
	return strings.Join(x, "\n") == strings.Join(y, "\n")
}
