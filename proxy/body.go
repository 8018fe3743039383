package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"gatehouse/mcp"
)

const (
	// A body has this long, and as much again each time another bodyStep bytes of it have arrived: one byte a second
	// holds a connection for 30 s and no longer (DS-02).
	bodyTime = 30 * time.Second
	bodyStep = 64 << 10

	defaultMaxBody = 4 << 20
)

// read takes in the whole body and parses it. Nothing is decided over half a message.
func (x *exchange) read() bool {
	if x.r.Method != http.MethodPost {
		version, ok := mcp.VersionOf(x.r.Header)
		x.version = version
		if !ok {
			x.parseRejected(&mcp.WireError{
				HTTPStatus: http.StatusBadRequest, Code: mcp.CodeInvalidRequest, Message: "unsupported MCP-Protocol-Version", Reason: mcp.ReasonVersion,
			})
			return false
		}
		x.standing = x.r.Method == http.MethodGet
		return x.empty()
	}
	limit := int64(x.h.Proxy.Limits.MaxBody)
	if limit <= 0 {
		limit = defaultMaxBody
	}
	body, err := readBody(x.out.w, x.r, limit)
	switch {
	case errors.Is(err, errTooLarge):
		x.refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than limits.max_body", "body_too_large")
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.refuse(http.StatusRequestTimeout, "timeout", "the body took too long", "body_timeout")
		return false
	case err != nil:
		x.refuse(http.StatusBadRequest, "invalid_request", "the body ended early", "body_incomplete")
		return false
	}
	x.body = body
	msg, werr := mcp.Parse(x.r.Header, body)
	if werr != nil {
		x.parseRejected(werr)
		return false
	}
	x.msg, x.version, x.standing = msg, msg.Version, msg.Call.Standing
	return true
}

// empty refuses a body where the protocol has none: it would be read by nobody here, and a watch for a client that
// leaves begins only when the body is over.
func (x *exchange) empty() bool {
	if x.r.ContentLength == 0 {
		return true
	}
	if _, err := readBody(x.out.w, x.r, 0); err != nil {
		x.refuse(http.StatusBadRequest, "invalid_request", x.r.Method+" has no body here", "invalid_request")
		return false
	}
	x.body = []byte{} // it was chunked and nothing came
	return true
}

func (x *exchange) parseRejected(werr *mcp.WireError) {
	event := "mcp.parse_rejected"
	if werr.Reason == mcp.ReasonHeaderMismatch {
		event = "mcp.header_mismatch"
	}
	if x.refused(event, werr.Reason, "") {
		x.answer(werr.HTTPStatus, werr.Body())
	}
}

var errTooLarge = errors.New("body too large")

// readBody reads a body of at most limit bytes into a slice of its own. The caller of the Handler has bounded the time until
// the first of it arrives; what does not come at once is bounded here.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	size := int64(512)
	if r.ContentLength >= 0 {
		size = min(r.ContentLength+1, 256<<10) // a client's word about the length is no reason to set memory aside
	}
	body := make([]byte, 0, size)
	conn := http.NewResponseController(w)
	timed, extendAt := false, 0
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, errTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		}
		if extendAt == 0 { // more is to come
			extendAt = len(body) + bodyStep
			// Not every server has deadlines (tests without a connection); one that has none is bounded by its own timeouts.
			if timed = conn.SetReadDeadline(time.Now().Add(bodyTime)) == nil; timed {
				// A deadline left behind would end the next request on this connection, or this one's watch for a client
				// that goes.
				defer conn.SetReadDeadline(time.Time{})
			}
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		if timed && len(body) >= extendAt {
			extendAt = len(body) + bodyStep
			if err := conn.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
				return nil, err
			}
		}
	}
}
