package mcp

// This file and names.go alone know the JSON library. Everything that comes from a client or an upstream is read through it:
// duplicate names at any depth, invalid UTF-8, lone surrogates and trailing data are errors (RFC 8259 leaves them open,
// and readers that disagree about them are how a denied tool is smuggled past a gate).

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// bounds of one JSON text. A token is counted per structural character, which is exact enough and needs no parsing.
type bounds struct{ depth, tokens, members int }

var (
	requestBounds = bounds{depth: 64, tokens: 100_000, members: 10_000}
	answerBounds  = bounds{depth: 128, tokens: 4_000_000, members: 1_000_000}
)

var (
	errTooComplex = errors.New("message is nested too deeply or has too many parts")
	errTrailing   = errors.New("data after the message")
	errNUL        = errors.New("member name contains NUL")
	errTwin       = errors.New("member name differs from a known one only in case")
	errNotObject  = errors.New("not an object")
)

// reader reads one JSON text out of memory. Values that it returns are parts of that memory and stay valid.
type reader struct {
	dec jsontext.Decoder
	buf bytes.Buffer
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func newReader(text []byte) *reader {
	r := readers.Get().(*reader)
	r.buf = *bytes.NewBuffer(text)
	r.dec.Reset(&r.buf)
	return r
}

func (r *reader) release() {
	r.buf = bytes.Buffer{}
	r.dec.Reset(&r.buf) // lets go of the text
	readers.Put(r)
}

// members walks the names of the object that begins here. A name is the raw quoted string as it stands in the text; member
// must read the value that follows it.
func (r *reader) members(member func(name []byte) error) error {
	if r.dec.PeekKind() != '{' {
		if _, err := r.dec.ReadValue(); err != nil {
			return err
		}
		return errNotObject
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// object walks the members of the object that begins here.
func (r *reader) object(member func(name, value []byte) error) error {
	return r.members(func(name []byte) error {
		value, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		return member(name, value)
	})
}

// nested walks the object that begins here, if one does, and returns its text; any other value is only read.
func (r *reader) nested(text []byte, member func(name, value []byte) error) ([]byte, error) {
	if r.dec.PeekKind() != '{' {
		return r.dec.ReadValue()
	}
	from := r.dec.InputOffset()
	if err := r.object(member); err != nil {
		return nil, err
	}
	raw := text[from:r.dec.InputOffset()]
	return raw[bytes.IndexByte(raw, '{'):], nil // before it stand a colon and white space
}

// array walks the elements of the array that begins here.
func (r *reader) array(element func(value []byte) error) error {
	if r.dec.PeekKind() != '[' {
		return errors.New("not an array")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		value, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := element(value); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// end demands that nothing but white space follows.
func (r *reader) end() error {
	if _, err := r.dec.ReadToken(); err != io.EOF {
		return errTrailing
	}
	return nil
}

// walkObject walks the members of a whole text that must be one object and nothing else.
func walkObject(text []byte, member func(name, value []byte) error) error {
	r := newReader(text)
	defer r.release()
	if err := r.object(member); err != nil {
		return err
	}
	return r.end()
}

// walkArray walks the elements of a whole text that must be one array and nothing else.
func walkArray(text []byte, element func(value []byte) error) error {
	r := newReader(text)
	defer r.release()
	if err := r.array(element); err != nil {
		return err
	}
	return r.end()
}

// NamesOnly is an object with these member names and nothing in them.
func NamesOnly(names []string) []byte {
	b := []byte{'{'}
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, n), ":null"...)
	}
	return append(b, '}')
}

// kindOf is the first byte of a raw value: { [ " t f n, or 0 for a number.
func kindOf(raw []byte) byte {
	if len(raw) == 0 {
		return ' '
	}
	return byte(jsontext.Value(raw).Kind())
}

// plain reports that a quoted string means the bytes between its quotes.
func plain(quoted []byte) bool { return bytes.IndexByte(quoted, '\\') < 0 }

// unquote decodes a raw string; ok is false when raw is no string.
func unquote(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if plain(raw) {
		return string(raw[1 : len(raw)-1]), true
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err == nil
}

func appendQuoted(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil { // invalid UTF-8 was replaced; what came out is valid all the same
		return out
	}
	return out
}

// canonical is one form for all texts of the same meaning, for hashing. raw must have been read before.
func canonical(raw []byte) []byte {
	v := jsontext.Value(raw).Clone()
	if err := v.Canonicalize(); err != nil {
		return raw
	}
	return v
}
