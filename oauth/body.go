package oauth

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// bodyTime is how long a body may take to arrive; a stranger who sends a byte a minute would hold a connection for ever.
const bodyTime = 10 * time.Second

// readBody reads a whole body of one media type in UTF-8, at most limit bytes. What could be read in two ways is refused:
// two Content-Types, another charset, a compression.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, kind string, limit int64) ([]byte, error) {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return nil, invalidRequest("the body must be %s", kind)
	}
	got, params, err := mime.ParseMediaType(types[0])
	if charset := params["charset"]; err != nil || got != kind || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, invalidRequest("the body must be %s", kind)
	}
	for _, coding := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return nil, &wireError{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Description: "the body must not be compressed"}
		}
	}
	conn := http.NewResponseController(w)
	timed := conn.SetReadDeadline(time.Now().Add(s.bodyTime)) == nil
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, invalidRequest("the body could not be read, or is larger than %d bytes", limit) // the deadline stays: net/http would wait for the rest
	}
	if timed {
		conn.SetReadDeadline(time.Time{})
	}
	return body, nil
}
