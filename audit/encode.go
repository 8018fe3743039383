package audit

import (
	"strconv"
	"strings"
	"sync"
)

// maxLine bounds a line with its newline.
const maxLine = 16 << 10

// headRoom is what the parts around a body may take of a line: sequence, times, host, version and the two hashes.
const headRoom = 1024

// caps are the longest values of a line, in bytes before escaping, and the longest lists.
type caps struct{ name, ua, args, list, detail int }

var (
	usual = caps{name: 256, ua: 512, args: 2048, list: 64, detail: 32}
	// tight holds every line below maxLine, also when each byte needs six.
	tight = caps{name: 32, ua: 32, args: 32, list: 8, detail: 8}
)

// encoder writes the body of one line: everything between the head and the chain, with a
// comma before each member. It allocates nothing once its buffer
// has grown.
type encoder struct {
	buf  []byte
	keys []string
	caps caps
}

var encoders = sync.Pool{New: func() any { return &encoder{buf: make([]byte, 0, 2048), keys: make([]string, 0, 32)} }}

// body encodes an event. The result is valid until the next call.
func (e *encoder) body(ev *Event) []byte {
	e.caps = usual
	e.event(ev)
	if len(e.buf) > maxLine-headRoom {
		e.caps = tight
		e.event(ev)
	}
	return e.buf
}

func (e *encoder) event(ev *Event) {
	e.buf = e.buf[:0]
	e.str("event", ev.Event)
	e.str("action", ev.Action)
	e.str("outcome", ev.Outcome)
	e.str("reason", ev.Reason)
	e.str("rule", ev.Rule)
	e.str("file", ev.File)
	e.num("line", int64(ev.Line))
	e.str("cfg", ev.Cfg)
	e.str("flow", ev.Flow)
	e.req(&ev.Req)
	e.actor(&ev.Actor)
	e.src(&ev.Src)
	e.target(&ev.Target)
	e.detail(ev.Detail)
	e.num("count", int64(max(ev.Count, 1)))
}

func (e *encoder) req(r *Req) {
	at := e.open("req")
	e.str("id", r.ID)
	e.str("trace", r.Trace)
	e.str("method", r.Method)
	e.str("proxy", r.Proxy)
	e.str("proto", r.Proto)
	e.str("transport", r.Transport)
	e.num("bytes_in", r.BytesIn)
	e.num("bytes_out", r.BytesOut)
	e.num("ms", r.Ms)
	e.num("up_ms", r.UpMs)
	e.num("status", int64(r.Status))
	e.num("up_status", int64(r.UpStatus))
	e.close(at)
}

func (e *encoder) actor(a *Actor) {
	at := e.open("actor")
	e.str("type", a.Type)
	e.str("id", a.ID)
	e.str("name", a.Name)
	e.str("email", a.Email)
	e.list("groups", a.Groups)
	e.str("auth", a.Auth)
	e.str("client_id", a.ClientID)
	e.str("client_name", a.ClientName)
	e.str("session", a.Session)
	e.str("token", a.Token)
	e.str("key_id", a.KeyID)
	e.close(at)
}

func (e *encoder) src(s *Src) {
	at := e.open("src")
	e.str("ip", s.IP)
	e.num("port", int64(s.Port))
	e.list("fwd", s.Fwd)
	e.text("ua", s.UA, e.caps.ua)
	e.close(at)
}

func (e *encoder) target(t *Target) {
	at := e.open("target")
	e.str("kind", t.Kind)
	e.str("upstream", t.Upstream)
	e.str("name", t.Name)
	e.str("rpc_id", t.RPCID)
	e.text("args", t.Args, e.caps.args)
	e.num("args_bytes", int64(t.ArgsBytes))
	e.close(at)
}

// detail writes the facts in the order of their names, so that equal events are equal bytes.
func (e *encoder) detail(d map[string]string) {
	if len(d) == 0 {
		return
	}
	e.keys = e.keys[:0]
	for k, v := range d {
		if v == "" {
			continue
		}
		i := len(e.keys)
		e.keys = append(e.keys, k)
		for ; i > 0 && e.keys[i-1] > k; i-- {
			e.keys[i] = e.keys[i-1]
		}
		e.keys[i] = k
	}
	at := e.open("detail")
	for _, k := range e.keys[:min(len(e.keys), e.caps.detail)] {
		e.buf = append(e.buf, ',', '"')
		e.buf = appendEscaped(e.buf, k, 64)
		e.buf = append(e.buf, `":"`...)
		e.buf = appendEscaped(e.buf, d[k], e.caps.ua)
		e.buf = append(e.buf, '"')
	}
	e.close(at)
	clear(e.keys[:cap(e.keys)]) // the pool must not hold on to a request's strings
}

func (e *encoder) str(name, v string) { e.text(name, v, e.caps.name) }

func (e *encoder) text(name, v string, most int) {
	if v == "" {
		return
	}
	e.name(name)
	e.buf = append(e.buf, '"')
	e.buf = appendEscaped(e.buf, v, most)
	e.buf = append(e.buf, '"')
}

func (e *encoder) num(name string, v int64) {
	if v == 0 {
		return
	}
	e.name(name)
	e.buf = strconv.AppendInt(e.buf, v, 10)
}

func (e *encoder) list(name string, vs []string) {
	if len(vs) == 0 {
		return
	}
	e.name(name)
	e.buf = append(e.buf, '[')
	for i, v := range vs[:min(len(vs), e.caps.list)] {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, '"')
		e.buf = appendEscaped(e.buf, v, e.caps.name)
		e.buf = append(e.buf, '"')
	}
	e.buf = append(e.buf, ']')
}

// name begins a member; each has its comma in front.
func (e *encoder) name(name string) {
	e.buf = append(e.buf, ',', '"')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '"', ':')
}

// span is an object that has begun: where its name is, and where its first member.
type span struct{ name, first int }

// open begins an object. close makes the comma of its first member the brace, or takes the object back when it has none.
func (e *encoder) open(name string) span {
	at := len(e.buf)
	e.name(name)
	return span{at, len(e.buf)}
}

func (e *encoder) close(s span) {
	if len(e.buf) == s.first {
		e.buf = e.buf[:s.name]
		return
	}
	e.buf[s.first] = '{'
	e.buf = append(e.buf, '}')
}

// isCall reports whether this is the line of a call that passes: the only kind whose durability and fate on a failing disk
// the operator chooses.
func isCall(e *Event) bool {
	return (e.Outcome == Allowed || e.Outcome == WouldDeny) &&
		(strings.HasPrefix(e.Event, "mcp.") || strings.HasPrefix(e.Event, "llm."))
}
