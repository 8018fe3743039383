package config

import (
	"reflect"
	"strings"
	"sync"
)

// field is one key of the vocabulary, read from its struct tags once.
type field struct {
	index int
	key   string
	alias string
	def   string
	enum  []string
	later string // "" | "true" | the values that are not in this version, separated by |
	doc   string
	typ   reflect.Type
}

var fieldCache sync.Map // reflect.Type -> []field

// fieldsOf lists the keys of a struct type in file order.
func fieldsOf(t reflect.Type) []field {
	if fs, ok := fieldCache.Load(t); ok {
		return fs.([]field)
	}
	var fs []field
	for i := range t.NumField() {
		sf := t.Field(i)
		key := sf.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		f := field{
			index: i, key: key, alias: sf.Tag.Get("alias"), def: sf.Tag.Get("default"),
			later: sf.Tag.Get("later"), doc: sf.Tag.Get("doc"), typ: sf.Type,
		}
		if e := sf.Tag.Get("enum"); e != "" {
			f.enum = strings.Split(e, "|")
		}
		fs = append(fs, f)
	}
	fieldCache.Store(t, fs)
	return fs
}

// fieldNamed finds a key or its alias.
func fieldNamed(fs []field, key string) (*field, bool) {
	for i := range fs {
		if fs[i].key == key || fs[i].alias != "" && fs[i].alias == key {
			return &fs[i], true
		}
	}
	return nil, false
}

// homes tells where else in the vocabulary a key is known, as paths with NAME for what the operator chooses.
var homes = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	collectHomes(reflect.TypeFor[Config](), "", 0, out)
	return out
})

func collectHomes(t reflect.Type, at string, depth int, out map[string][]string) {
	if depth > 8 {
		return // UpstreamOAuth holds itself
	}
	switch t.Kind() {
	case reflect.Pointer:
		collectHomes(t.Elem(), at, depth, out)
	case reflect.Map:
		collectHomes(t.Elem(), join(at, "NAME"), depth+1, out)
	case reflect.Slice:
		collectHomes(t.Elem(), at, depth+1, out)
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			out[f.key] = append(out[f.key], at)
			collectHomes(f.typ, join(at, f.key), depth+1, out)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
