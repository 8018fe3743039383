package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// close finds every key and value whose feature this version does not have. Each is a warning; a proxy that uses one,
// itself or through its provider, is closed and names the first. What the file asks for is never ignored.
func (c *Config) close(given []string) Faults {
	w := &laterWalk{given: map[string]bool{}}
	for _, g := range given {
		w.given[g] = true
	}
	v := reflect.ValueOf(c).Elem()
	for _, f := range fieldsOf(v.Type()) {
		if f.key != "proxies" {
			w.field(v.Field(f.index), f.key, f)
		}
	}
	if strings.HasPrefix(c.Storage.URL, "postgres") {
		w.used = append(w.used, "storage.url")
	}
	global := w.used
	out := c.laterWarnings(global, "")
	for _, name := range slices.Sorted(maps.Keys(c.Proxies)) {
		p := c.Proxies[name]
		path := "proxies." + name
		w.used = nil
		w.structure(reflect.ValueOf(p).Elem(), path)
		own := w.used
		out = append(out, c.laterWarnings(own, "requests to "+path+" get 503 until it is removed")...)
		for _, id := range append([]string{p.OAuth.Provider}, p.OAuth.Providers...) {
			if p.OAuth.Enabled && id != "" {
				own = append(own, under(global, "providers."+id+".")...)
			}
		}
		if len(own) > 0 {
			p.Closed = own[0]
		}
	}
	return out
}

func (c *Config) laterWarnings(paths []string, hint string) Faults {
	slices.SortStableFunc(paths, func(a, b string) int {
		p, q := c.At(a), c.At(b)
		if p.Line != q.Line {
			return p.Line - q.Line
		}
		return p.Column - q.Column
	})
	var out Faults
	for _, p := range paths {
		f := c.Fault(p, hint, "not in this version: %s", p)
		f.Severity = Warning
		out = append(out, f)
	}
	return out
}

func under(paths []string, prefix string) []string {
	var out []string
	for _, p := range paths {
		if strings.HasPrefix(p, prefix) {
			out = append(out, p)
		}
	}
	return out
}

// laterWalk collects the paths of what is used.
type laterWalk struct {
	given map[string]bool
	used  []string
}

func (w *laterWalk) structure(v reflect.Value, path string) {
	for _, f := range fieldsOf(v.Type()) {
		w.field(v.Field(f.index), join(path, f.key), f)
	}
}

func (w *laterWalk) field(v reflect.Value, path string, f field) {
	switch {
	case f.later == "true":
		if w.given[path] && asks(v) {
			w.used = append(w.used, path)
		}
		return
	case f.later != "":
		if holdsOne(v, strings.Split(f.later, "|")) {
			w.used = append(w.used, path)
		}
		return
	}
	w.value(v, path)
}

func (w *laterWalk) value(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			w.value(v.Elem(), path)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[Secret]() && v.Type() != reflect.TypeFor[Rate]() {
			w.structure(v, path)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem() // map elements cannot be addressed
			e.Set(v.MapIndex(k))
			w.value(e, join(path, k.String()))
		}
	case reflect.Slice:
		for i := range v.Len() {
			w.value(v.Index(i), fmt.Sprintf("%s.%d", path, i))
		}
	}
}

// asks reports whether a value that is in the file asks for something: false, 0, "", none, auto and empty lists do not.
func asks(v reflect.Value) bool {
	if s, ok := v.Interface().(Secret); ok {
		return !s.Empty()
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return v.Int() != 0
	case reflect.String:
		return !slices.Contains([]string{"", "auto", "false", "none", "off"}, v.String())
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Pointer:
		return !v.IsNil() && (v.Elem().Kind() == reflect.Struct || asks(v.Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			if asks(v.Field(i)) {
				return true
			}
		}
		return false
	default:
		return !v.IsZero()
	}
}

func holdsOne(v reflect.Value, words []string) bool {
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if slices.Contains(words, v.Index(i).String()) {
				return true
			}
		}
		return false
	}
	return slices.Contains(words, v.String())
}
