package control

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// ping is the event that only keeps the line alive.
const ping = "ping"

// events writes what happens as JSON lines until the client goes, is too slow, or the server ends.
func (s *Server) events(ctx context.Context, c *call) (any, error) {
	var since uint64
	if v := c.r.FormValue("since"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return nil, BadRequest("since is not a sequence number")
		}
		since = n
	}
	// Ends the subscription with this function, however it ends.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed, err := s.Backend.Events(ctx, since)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	line := &lineWriter{w: c.w, rc: http.NewResponseController(c.w), patience: s.bounds.write}
	if line.begin() != nil {
		return nil, nil
	}
	beat := time.NewTicker(s.bounds.beat)
	defer beat.Stop()
	for {
		select {
		case <-s.done:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		case at := <-beat.C:
			err = line.write(Event{Seq: since, Type: ping, Time: at.UTC(), Data: json.RawMessage("null")})
		case e, ok := <-feed:
			if !ok {
				return nil, nil
			}
			since = e.Seq
			err = line.write(e)
		}
		if err != nil {
			return nil, nil // not reading, or gone: dropped, never waited for
		}
	}
}

// lineWriter writes one JSON value a line and waits at most patience for the reader.
type lineWriter struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration
}

func (l *lineWriter) begin() error {
	l.rc.SetWriteDeadline(time.Now().Add(l.patience))
	l.w.WriteHeader(http.StatusOK)
	return l.rc.Flush()
}

func (l *lineWriter) write(e Event) error {
	if e.Data == nil {
		e.Data = json.RawMessage("null")
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	l.rc.SetWriteDeadline(time.Now().Add(l.patience))
	if _, err := l.w.Write(append(b, '\n')); err != nil {
		return err
	}
	return l.rc.Flush()
}
