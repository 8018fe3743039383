package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// text is a scalar's value with its references expanded. ok is false after a fault.
func (d *decoder) text(n *yaml.Node, path string) (s string, ok bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		d.fault(n, path, "", "want a single value, have %s", kindName(n))
		return "", false
	}
	s, hint, err := expand(n.Value, d.reference)
	if err != nil {
		d.fault(n, path, hint, "%v", err)
		return "", false
	}
	return s, true
}

func (d *decoder) string(n *yaml.Node, path string, v reflect.Value, f *field) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	if f != nil && len(f.enum) > 0 && !slices.Contains(f.enum, s) {
		d.fault(n, path, enumHint(s, f.enum), "%q is not one of %s", shown(n), strings.Join(f.enum, ", "))
		return
	}
	if strings.ContainsAny(s, "\x00") {
		d.fault(n, path, "", "holds a NUL byte")
		return
	}
	v.SetString(s)
}

// enumHint helps with a wrong word. YAML's own words for true and false are the usual accident.
func enumHint(word string, enum []string) string {
	pick := func(options ...string) string {
		for _, o := range options {
			if slices.Contains(enum, o) {
				return "write " + o
			}
		}
		return ""
	}
	switch strings.ToLower(word) {
	case "no", "off", "false", "n":
		return pick("off", "disabled", "none", "false")
	case "yes", "on", "true", "y":
		return pick("enabled", "true", "enforce", "required")
	}
	if s := nearest(word, enum); s != "" {
		return "did you mean " + s + "?"
	}
	return ""
}

func (d *decoder) bool(n *yaml.Node, path string, v reflect.Value) {
	s, ok := d.text(n, path)
	switch {
	case !ok:
	case s == "true" || s == "false":
		v.SetBool(s == "true")
	default:
		d.fault(n, path, enumHint(s, []string{"true", "false"}), "%q is not true or false", shown(n))
	}
}

func (d *decoder) int(n *yaml.Node, path string, v reflect.Value) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	i, err := strconv.ParseInt(s, 10, 32)
	// 0777 is 511 to YAML and 777 to people.
	if err != nil || len(strings.TrimLeft(s, "-+")) > 1 && strings.TrimLeft(s, "-+")[0] == '0' {
		d.fault(n, path, "", "%q is not a whole number", shown(n))
		return
	}
	if i < 0 {
		d.fault(n, path, "", "%q is negative", shown(n))
		return
	}
	v.SetInt(i)
}

func (d *decoder) duration(n *yaml.Node, path string, p *time.Duration) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	v, err := parseDuration(s)
	switch {
	case err != nil:
		hint := "write a number with ms, s, m, h or d, such as 90s or 1h30m"
		if _, numErr := strconv.Atoi(s); numErr == nil {
			hint = "did you mean " + shown(n) + "s?"
		}
		d.fault(n, path, hint, "%q is not a duration with a unit", shown(n))
	case v < 0:
		d.fault(n, path, "", "%q is negative", shown(n))
	default:
		*p = v
	}
}

// parseDuration is time.ParseDuration with d for 24 h in front of the rest.
func parseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, err
	}
	v := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return v, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 {
		return 0, strconv.ErrSyntax
	}
	return v + more, nil
}

func (d *decoder) bytes(n *yaml.Node, path string, p *Bytes) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	v, err := parseBytes(s)
	if err != nil {
		d.fault(n, path, "write a number, or one with KiB, MiB or GiB", "%q is not a size", shown(n))
		return
	}
	*p = v
}

func parseBytes(s string) (Bytes, error) {
	unit := int64(1)
	for suffix, u := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, found := strings.CutSuffix(s, suffix); found {
			s, unit = strings.TrimSpace(rest), u
		}
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > (1<<62)/unit {
		return 0, strconv.ErrRange
	}
	return Bytes(v * unit), nil
}

func (d *decoder) rate(n *yaml.Node, path string, p *Rate) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	v, err := parseRate(s)
	if err != nil {
		d.fault(n, path, "write COUNT/s, COUNT/m or COUNT/h, such as 60/m", "%q is not a rate", shown(n))
		return
	}
	*p = v
}

func parseRate(s string) (Rate, error) {
	count, per, _ := strings.Cut(s, "/")
	n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 32)
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[strings.TrimSpace(per)]
	if err != nil || n < 1 || unit == 0 {
		return Rate{}, strconv.ErrSyntax
	}
	return Rate{Count: int(n), Per: unit}, nil
}

// secret decodes a value that no message repeats.
func (d *decoder) secret(n *yaml.Node, path string, p *Secret) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	if s != "" && writtenOut(n.Value) {
		d.secrets = append(d.secrets, Position{n.Line, n.Column})
	}
	d.reveal(s)
	*p = NewSecret(s)
}

// writtenOut reports that a secret is in the file itself, be it as the default of a reference.
func writtenOut(raw string) bool {
	i := strings.Index(raw, "${")
	if i < 0 {
		return true
	}
	end := strings.IndexByte(raw[i:], '}')
	return end > 0 && hasDefault(raw[i+2:i+end])
}
