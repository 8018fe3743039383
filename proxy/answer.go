package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"gatehouse/mcp"
)

// unreadBody is how long a client may go on sending a body that was refused.
const unreadBody = 2 * time.Second

// refusal is the JSON of every answer that is not JSON-RPC.
type refusal struct {
	Error       string   `json:"error"`
	Description string   `json:"error_description"`
	RequestID   string   `json:"request_id"`
	Groups      []string `json:"groups,omitempty"` // one of them would let the person in
}

// refuse answers and records cheaply, for refusals before anybody is known.
func (x *exchange) refuse(status int, code, description, reason string) {
	x.refusedCheaply("mcp.request", reason)
	x.answerError(status, code, description)
}

func (x *exchange) answerError(status int, code, description string) {
	x.answerJSON(status, refusal{Error: code, Description: description, RequestID: x.id})
}

// answerFailure says that there is no answer of the upstream's. A client that waits for the answer to its question gets
// one of JSON-RPC's under its id, so that the question fails and not the connection.
func (x *exchange) answerFailure(status int, code, description string) {
	if x.msg == nil || x.msg.Type != mcp.Request {
		x.answerError(status, code, description)
		return
	}
	x.answer(status, mcp.ErrorBody(x.msg.ID, mcp.CodeInternal, description, denied{Reason: x.reason, RequestID: x.id, Proxy: x.h.Proxy.Name}))
}

func (x *exchange) answerJSON(status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte("{}")
	}
	x.answer(status, b)
}

// answer writes a whole JSON answer.
func (x *exchange) answer(status int, body []byte) {
	if x.out.status != 0 {
		return
	}
	head := x.out.Header()
	head["Content-Type"] = jsonType
	head["Content-Length"] = []string{strconv.Itoa(len(body))}
	head["Cache-Control"] = []string{"no-store"}
	head["X-Content-Type-Options"] = noSniff
	if x.body == nil && x.r.ContentLength != 0 && x.r.ProtoMajor == 1 { // HTTP/2 gives up one stream, not all of them
		// The body was not read and is not going to be: net/http would wait for it without end, and what comes later must
		// not be taken for the next request.
		head["Connection"] = []string{"close"}
		_ = http.NewResponseController(x.out.w).SetReadDeadline(time.Now().Add(unreadBody))
	}
	x.out.WriteHeader(status)
	_, _ = x.out.Write(body)
}

// denied is the data of a JSON-RPC refusal.
type denied struct {
	Reason    string `json:"reason"`
	Rule      string `json:"rule,omitempty"`
	RequestID string `json:"request_id"`
	Proxy     string `json:"proxy"`
}

// answerDenied refuses one call as the protocol of the client has it: an answer, not an HTTP failure, so that clients
// show it and go on.
func (x *exchange) answerDenied(text, reason, rule string) {
	data := denied{Reason: reason, Rule: rule, RequestID: x.id, Proxy: x.h.Proxy.Name}
	x.answer(http.StatusOK, mcp.ErrorBody(x.msg.ID, mcp.CodeDenied, text, data))
}

func retryAfter(h http.Header, d time.Duration) {
	h.Set("Retry-After", strconv.Itoa(max(1, int((d+time.Second-1)/time.Second))))
}
