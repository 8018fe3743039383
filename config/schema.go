package config

// https://json-schema.org/draft-07/json-schema-core

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// refPattern admits a reference where another form than plain text is wanted.
const refPattern = `^[^$]*\$\{[^{}]+\}.*$`

type object = map[string]any

// Schema is the JSON Schema (draft-07) of the file, made from the types, for editors: keys, words, defaults, and a
// sentence on each. It admits what Parse admits in form; what hangs together is for `gatehouse check`.
func Schema() []byte {
	s := &schema{defs: object{}}
	root := s.structure(reflect.TypeFor[Config]())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "gatehouse: oauth2_config.yaml"
	root["description"] = "The configuration of gatehouse. Every key is described; references such as ${NAME, default} work in every value."
	root["definitions"] = s.defs
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return append(b, '\n')
}

type schema struct{ defs object }

func (s *schema) structure(t reflect.Type) object {
	props := object{}
	for _, f := range fieldsOf(t) {
		p := s.described(f)
		props[f.key] = p
		if f.alias != "" {
			props[f.alias] = p
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": props}
}

func (s *schema) described(f field) object {
	p := s.value(f.typ, f.enum)
	if _, isRef := p["$ref"]; isRef {
		p = object{"allOf": []any{p}} // draft-07 ignores what stands beside a $ref
	}
	doc := f.doc
	switch f.later {
	case "":
	case "true":
		doc += " Not in this version."
	default:
		doc += " Not in this version: " + strings.ReplaceAll(f.later, "|", ", ") + "."
	}
	p["description"] = doc
	if f.def != "" {
		p["default"] = defaultValue(f)
	}
	return p
}

// defaultValue is the default in the JSON type of its field.
func defaultValue(f field) any {
	switch {
	case f.typ.Kind() == reflect.Slice:
		return strings.Fields(f.def)
	case f.typ.Kind() == reflect.Bool, f.typ.Kind() == reflect.Int:
		return json.RawMessage(f.def)
	case f.def == "true" || f.def == "false":
		return json.RawMessage(f.def)
	}
	return f.def
}

// value is the schema of a type.
func (s *schema) value(t reflect.Type, enum []string) object {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return textOf(`^(0|([0-9]+d)?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))*)$`, "integer", object{"const": 0})
	case reflect.TypeFor[Bytes]():
		return textOf(`^[0-9]+ ?(KiB|MiB|GiB)?$`, "integer", object{"type": "integer", "minimum": 0})
	case reflect.TypeFor[Rate]():
		return textOf(`^ *[0-9]+ */ *[smh] *$`, "", nil)
	case reflect.TypeFor[Secret]():
		return object{"type": []string{"string", "number", "boolean"}}
	case reflect.TypeFor[Strings]():
		return object{"oneOf": []any{listOf(text()), object{"type": "string"}}}
	case reflect.TypeFor[ScopeMap]():
		either := object{"oneOf": []any{listOf(text()), object{"type": "string"}}}
		return object{"oneOf": []any{listOf(text()), object{"type": "string"}, object{"type": "object", "additionalProperties": either}}}
	case reflect.TypeFor[Rule]():
		return s.ref("rule", func() object {
			words := object{"enum": []string{"enabled", "disabled"}}
			return object{"oneOf": []any{words, reference(), s.structure(t)}}
		})
	}
	switch t.Kind() {
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct {
			return s.ref(strings.ToLower(t.Elem().Name()), func() object { return s.structure(t.Elem()) })
		}
		return s.value(t.Elem(), enum)
	case reflect.Struct:
		return s.structure(t)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.value(t.Elem(), nil)}
	case reflect.Slice:
		return listOf(s.value(t.Elem(), enum))
	case reflect.Bool:
		return object{"oneOf": []any{object{"type": "boolean"}, object{"enum": []string{"true", "false"}}, reference()}}
	case reflect.Int:
		return object{"oneOf": []any{object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": `^[0-9]+$`}, reference()}}
	}
	if len(enum) > 0 {
		return object{"oneOf": []any{object{"enum": words(enum)}, reference()}}
	}
	return text()
}

// ref puts a schema under definitions once; it may refer to itself.
func (s *schema) ref(name string, make func() object) object {
	if _, ok := s.defs[name]; !ok {
		s.defs[name] = object{}
		s.defs[name] = make()
	}
	return object{"$ref": "#/definitions/" + name}
}

// words are the values of an enum; true and false are written without quotes as well, and YAML 1.1 editors take off
// for false.
func words(enum []string) []any {
	var out []any
	for _, e := range enum {
		out = append(out, e)
		switch e {
		case "true":
			out = append(out, true)
		case "false":
			out = append(out, false)
		}
	}
	return out
}

// text is a plain value: numbers and booleans are taken as they are written.
func text() object { return object{"type": []string{"string", "number", "boolean"}} }

func listOf(item object) object { return object{"type": "array", "items": item} }

func reference() object { return object{"type": "string", "pattern": refPattern} }

func textOf(pattern, also string, other object) object {
	forms := []any{object{"type": "string", "pattern": pattern}, reference()}
	if also != "" {
		forms = append(forms, other)
	}
	return object{"oneOf": forms}
}
