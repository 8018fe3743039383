package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strconv"
	"time"
)

const (
	sumSize = sha256.Size
	sumText = 44 // of base64
)

type sum [sumSize]byte

func (s sum) String() string { return base64.StdEncoding.EncodeToString(s[:]) }

// chain is the end of the log: number and hash of its last line. The zero chain is before the first line.
type chain struct {
	seq  uint64
	hash sum
}

// stamper turns bodies into lines. Every line of a log comes from it, under the log's lock.
type stamper struct {
	head   string // ,"boot":…,"host":…,"ver":…
	start  time.Time
	mono   int64
	second int64  // the unix second that prefix spells out
	prefix []byte // "2026-11-20T22:59:01."
	sha    hash.Hash
	sum    sum // where sha puts it: the hash is called through an interface, so what it is given escapes
}

func newStamper(boot, host, version string, start time.Time) *stamper {
	head := []byte(`,"boot":"`)
	head = appendEscaped(head, boot, 32)
	head = append(head, `","host":"`...)
	head = appendEscaped(head, host, 64)
	head = append(head, `","ver":"`...)
	head = appendEscaped(head, version, 32)
	head = append(head, '"')
	return &stamper{head: string(head), start: start, second: -1 << 62, sha: sha256.New()}
}

// line appends one line with its newline and moves c to it. mono counts microseconds since start and never goes back,
// whatever the wall clock does.
func (s *stamper) line(dst []byte, c *chain, at time.Time, body []byte) []byte {
	from := len(dst)
	c.seq++
	dst = append(dst, `{"v":1,"seq":`...)
	dst = strconv.AppendUint(dst, c.seq, 10)
	dst = append(dst, `,"ts":"`...)
	dst = s.timestamp(dst, at)
	dst = append(dst, `","mono":`...)
	s.mono = max(s.mono, at.Sub(s.start).Microseconds())
	dst = strconv.AppendInt(dst, s.mono, 10)
	dst = append(dst, s.head...)
	dst = append(dst, body...)
	dst = append(dst, `,"prev":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, c.hash[:])
	dst = append(dst, `"}`...)
	s.sha.Reset()
	s.sum = c.hash
	s.sha.Write(s.sum[:])
	s.sha.Write(dst[from:])
	s.sha.Sum(s.sum[:0])
	c.hash = s.sum
	dst = append(dst[:len(dst)-1], `,"hash":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, c.hash[:])
	return append(dst, `"}`+"\n"...)
}

func (s *stamper) timestamp(dst []byte, at time.Time) []byte {
	if u := at.Unix(); u != s.second {
		s.second = u
		s.prefix = at.UTC().AppendFormat(s.prefix[:0], "2006-01-02T15:04:05.")
	}
	dst = append(dst, s.prefix...)
	micros := at.Nanosecond() / 1000
	for div := 100000; div > 0; div /= 10 {
		dst = append(dst, byte('0'+micros/div%10))
	}
	return append(dst, 'Z')
}

// link is what the chain says of one line.
type link struct {
	seq        uint64
	prev, hash sum
}

var errNotALine = errors.New("not a line of this log")

// readLink reads the chain's members of a line without its newline and proves its hash over its bytes. It knows exactly
// the bytes that stamper writes and accepts no other spelling, so that there is nothing between them to hide in.
func readLink(line []byte) (link, error) {
	var k link
	rest, ok := bytes.CutPrefix(line, []byte(`{"v":1,"seq":`))
	end := bytes.IndexByte(rest, ',')
	const tail = len(`,"prev":"","hash":""}`) + 2*sumText
	if !ok || end < 1 || len(rest) < end+tail {
		return k, errNotALine
	}
	var err error
	if k.seq, err = strconv.ParseUint(string(rest[:end]), 10, 64); err != nil || k.seq == 0 || rest[0] == '0' {
		return k, errNotALine
	}
	t := line[len(line)-tail:]
	prev, ok1 := cutMember(&t, `,"prev":"`)
	hash, ok2 := cutMember(&t, `,"hash":"`)
	if !ok1 || !ok2 || string(t) != "}" || !readSum(&k.prev, prev) || !readSum(&k.hash, hash) {
		return k, errNotALine
	}
	h := sha256.New()
	h.Write(k.prev[:])
	h.Write(line[:len(line)-len(`,"hash":""}`)-sumText])
	h.Write([]byte{'}'})
	if !bytes.Equal(h.Sum(nil), k.hash[:]) {
		return k, errEdited
	}
	return k, nil
}

var errEdited = errors.New("the line's hash is not that of its bytes")

// cutMember takes `NAME44 characters"` off the front of t.
func cutMember(t *[]byte, name string) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(*t, []byte(name))
	if !ok || len(rest) <= sumText || rest[sumText] != '"' {
		return nil, false
	}
	*t = rest[sumText+1:]
	return rest[:sumText], true
}

func readSum(s *sum, text []byte) bool {
	var raw [sumSize + 1]byte
	n, err := base64.StdEncoding.Strict().Decode(raw[:], text)
	if err != nil || n != sumSize {
		return false
	}
	copy(s[:], raw[:])
	return true
}
