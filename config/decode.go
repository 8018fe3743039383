package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	maxDepth    = 64      // of nesting; our deepest path has 9 steps
	maxNodes    = 500_000 // values visited, so that aliases cannot multiply a small file into a large one
	maxAliased  = 20_000  // of them through aliases
	maxShown    = 60      // characters of a value that a message repeats
	maxFaults   = 200     // told at once
	minHidden   = 6       // bytes; a shorter secret would take words out of messages, and is refused elsewhere or worthless
	mergeKeyTag = "!!merge"
)

// decoder walks the YAML nodes along the types. It never stops at a fault: everything wrong is told at once.
type decoder struct {
	c      *Config
	o      Options
	faults Faults
	// bad holds the paths whose value could not be understood, so that validation does not complain about them again.
	bad map[string]bool
	// given lists the paths of the scalars, lists and maps that are in the file, in order.
	given []string
	// hidden are the values that no message may hold.
	hidden []string
	// secrets are the places of secrets that are written out in the file.
	secrets []Position
	// groups are the names under groups:, for hints.
	groups  []string
	depth   int
	nodes   int
	aliased int
	inAlias int
}

func (d *decoder) fault(n *yaml.Node, path, hint, format string, args ...any) {
	d.bad[path] = true
	if d.full() {
		return
	}
	d.faults = append(d.faults, Fault{
		File: d.c.File, Line: n.Line, Column: n.Column, Path: path,
		Message: fmt.Sprintf(format, args...), Hint: hint, Severity: Error,
	})
}

// full reports that enough has been said: more faults than that help nobody and cost memory.
func (d *decoder) full() bool { return len(d.faults) >= maxFaults }

// reveal remembers a value that must not get into a message by another way, such as ${file:…} in a field that is quoted.
func (d *decoder) reveal(s string) {
	if len(s) >= minHidden {
		d.hidden = append(d.hidden, s)
	}
}

// scrub takes the hidden values out of the faults.
func (d *decoder) scrub(fs Faults) {
	for _, h := range d.hidden {
		quoted := strings.Trim(strconv.Quote(h), `"`)
		for i := range fs {
			for _, s := range []*string{&fs[i].Message, &fs[i].Hint, &fs[i].Path} {
				*s = strings.ReplaceAll(strings.ReplaceAll(*s, h, "<secret>"), quoted, "<secret>")
			}
		}
	}
}

// value decodes a node into v. f is the key it stands under, nil for the root and for the items of lists and maps.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value, f *field) {
	if n.Kind == yaml.AliasNode {
		d.inAlias++
		defer func() { d.inAlias-- }()
		n = n.Alias
	}
	if !d.enter(n, path) {
		return
	}
	defer func() { d.depth-- }()
	if _, known := d.c.positions[path]; !known || n.Kind == yaml.ScalarNode {
		d.c.positions[path] = Position{n.Line, n.Column}
	}
	if isNull(n) {
		d.fault(n, path, nullHint(v.Type()), "has no value")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.fault(n, path, "remove the tag", "YAML tags are not used here (%s)", n.Tag)
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		d.duration(n, path, p)
	case *Bytes:
		d.bytes(n, path, p)
	case *Rate:
		d.rate(n, path, p)
	case *Secret:
		d.secret(n, path, p)
	case *Strings:
		d.strings(n, path, p)
	case *ScopeMap:
		d.scopeMap(n, path, p)
	case *Rule:
		d.rule(n, path, p)
	default:
		d.kind(n, path, v, f)
	}
}

func (d *decoder) kind(n *yaml.Node, path string, v reflect.Value, f *field) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Pointer:
		e := reflect.New(v.Type().Elem())
		setDefaults(e.Elem())
		d.depth-- // the same node once more
		d.value(n, path, e.Elem(), f)
		d.depth++
		v.Set(e)
	case reflect.Map:
		d.mapping(n, path, v, f)
	case reflect.Slice:
		d.list(n, path, v, f)
	case reflect.String:
		d.string(n, path, v, f)
	case reflect.Bool:
		d.bool(n, path, v)
	case reflect.Int:
		d.int(n, path, v)
	default:
		d.fault(n, path, "", "type %s has no reader", v.Type())
	}
}

// enter bounds the walk; an alias bomb and a structure that holds itself end here.
func (d *decoder) enter(n *yaml.Node, path string) bool {
	d.nodes++
	if d.inAlias > 0 {
		d.aliased++
	}
	if d.nodes > maxNodes || d.aliased > maxAliased {
		if !d.bad["(size)"] {
			d.fault(n, path, "write the values out", "too many values, or aliases that multiply")
		}
		d.bad["(size)"] = true
		return false
	}
	if d.depth >= maxDepth {
		d.fault(n, path, "", "nested deeper than %d", maxDepth)
		return false
	}
	d.depth++
	return true
}

// structure decodes a mapping with known keys.
func (d *decoder) structure(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "", "want a mapping of keys, have %s", kindName(n))
		return
	}
	fs := fieldsOf(v.Type())
	seen := map[string]string{}
	for _, p := range d.pairs(n, path) {
		f, ok := fieldNamed(fs, p.key)
		if !ok && d.full() {
			continue
		}
		if !ok {
			known := make([]string, len(fs))
			for i := range fs {
				known[i] = fs[i].key
			}
			d.fault(p.k, join(path, p.key), suggestKey(p.key, path, known), "unknown key")
			d.bad[path+".*"] = true // something is meant by it: do not complain about what is missing beside it
			continue
		}
		if first, twice := seen[f.key]; twice {
			d.fault(p.k, join(path, p.key), "keep one of them", "means the same as %s beside it", first)
			continue
		}
		seen[f.key] = p.key
		d.entry(p, join(path, f.key), v.Field(f.index), f)
	}
}

// entry decodes one value under its key and remembers where both are.
func (d *decoder) entry(p pair, path string, v reflect.Value, f *field) {
	d.c.positions[path] = Position{p.k.Line, p.k.Column}
	d.given = append(d.given, path)
	d.value(p.v, path, v, f)
}

// mapping decodes a mapping whose keys the operator chooses.
func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value, f *field) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "", "want a mapping of names, have %s", kindName(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, p := range d.pairs(n, path) {
		if strings.Contains(p.key, "${") {
			d.fault(p.k, join(path, p.key), "write the name out", "references are not expanded in keys")
			continue
		}
		if p.key == "" {
			d.fault(p.k, path, "", "an empty name")
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setDefaults(e)
		d.entry(p, join(path, p.key), e, f)
		if e.Kind() == reflect.Pointer && e.IsNil() {
			continue // already a fault; nobody meets a nil in the map
		}
		out.SetMapIndex(reflect.ValueOf(p.key), e)
	}
	v.Set(out)
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value, f *field) {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = "write [" + shown(n) + "]"
		}
		d.fault(n, path, hint, "want a list, have %s", kindName(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		setDefaults(out.Index(i))
		d.value(item, fmt.Sprintf("%s.%d", path, i), out.Index(i), f)
	}
	v.Set(out)
}

// shown is a value as a message may repeat it: as it is written in the file, never expanded.
func shown(n *yaml.Node) string {
	s := n.Value
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown]) + "…"
	}
	return s
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

// nullHint says what to write instead of nothing. Nothing is never taken for "all" or "none": `allowed_groups:` with
// its list commented out would otherwise open the proxy.
func nullHint(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "write [] for none, or remove the line"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "write {} for none, or remove the line"
	default:
		return "write a value, or remove the line"
	}
}
