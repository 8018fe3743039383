package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Record is one line, decoded. The tags are the names in the file.
type Record struct {
	V       int               `json:"v"`
	Seq     uint64            `json:"seq"`
	Time    time.Time         `json:"ts"`
	Mono    int64             `json:"mono"` // microseconds since the process began
	Boot    string            `json:"boot"` // which process
	Host    string            `json:"host,omitempty"`
	Version string            `json:"ver,omitempty"`
	Event   string            `json:"event"`
	Action  string            `json:"action,omitempty"`
	Outcome string            `json:"outcome,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Rule    string            `json:"rule,omitempty"`
	File    string            `json:"file,omitempty"`
	Line    int               `json:"line,omitempty"`
	Cfg     string            `json:"cfg,omitempty"`
	Flow    string            `json:"flow,omitempty"`
	Req     Req               `json:"req,omitzero"`
	Actor   Actor             `json:"actor,omitzero"`
	Src     Src               `json:"src,omitzero"`
	Target  Target            `json:"target,omitzero"`
	Detail  map[string]string `json:"detail,omitempty"`
	Count   int               `json:"count,omitempty"`
	Prev    string            `json:"prev"`
	Hash    string            `json:"hash"`

	// Raw is the line as it stands in the file, without its newline. Printable makes it fit for a terminal.
	Raw []byte `json:"-"`
}

// Decode reads one line. It does not prove the hash; Verify does.
func Decode(line []byte) (Record, error) {
	var r Record
	if len(line) > maxLine {
		return r, fmt.Errorf("line of %d bytes", len(line))
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, errNotALine
	}
	r.Raw = bytes.Clone(line)
	return r, nil
}
