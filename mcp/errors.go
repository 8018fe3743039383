package mcp

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// JSON-RPC error codes that gatehouse answers with.
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeInvalidParams  = -32602
	CodeInternal       = -32603
	CodeSession        = -32001 // what the SDKs use for a session that is gone
	CodeHeaderMismatch = -32020 // 2026-07-28
	CodeDenied         = 403    // ours, outside the reserved range
)

// Reasons of a WireError: a closed set.
const (
	ReasonParse          = "parse_error"
	ReasonInvalid        = "invalid_request"
	ReasonBatch          = "batch_refused"
	ReasonLimits         = "message_too_complex"
	ReasonHeaderMismatch = "header_mismatch"
	ReasonVersion        = "unsupported_version"
)

// WireError is a body that is refused before anybody is asked whether it may pass.
type WireError struct {
	HTTPStatus int // 400
	Code       int // JSON-RPC code
	Message    string
	ID         []byte // raw id of the request, nil when it could not be read
	Reason     string // one of the Reason constants
}

func (e *WireError) Error() string { return e.Message }

// Body is the JSON-RPC error to answer with.
func (e *WireError) Body() []byte { return ErrorBody(e.ID, e.Code, e.Message, nil) }

func badRequest(code int, reason, message string) *WireError {
	return &WireError{HTTPStatus: http.StatusBadRequest, Code: code, Message: message, Reason: reason}
}

// ErrorBody is a JSON-RPC error response. A nil id is written as null. data is left out when nil and must be of a type
// that encoding/json can write; a data that it cannot write is left out too.
func ErrorBody(id []byte, code int, message string, data any) []byte {
	b := append(make([]byte, 0, 192), `{"jsonrpc":"2.0","id":`...)
	if id == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, id...)
	}
	b = append(b, `,"error":{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"message":`...)
	b = appendQuoted(b, message)
	if data != nil {
		if raw, err := json.Marshal(data); err == nil {
			b = append(append(b, `,"data":`...), raw...)
		}
	}
	return append(b, "}}"...)
}
