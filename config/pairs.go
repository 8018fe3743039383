package config

import (
	"go.yaml.in/yaml/v3"
)

// pair is one entry of a mapping.
type pair struct {
	key  string
	k, v *yaml.Node
}

// pairs lists the entries of a mapping, with what `<<` merges into it: own entries win over merged ones, and the same
// key twice is a fault, since one of the two would silently be ignored.
func (d *decoder) pairs(n *yaml.Node, path string) []pair {
	out := make([]pair, 0, len(n.Content)/2)
	at := map[string]*yaml.Node{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		switch {
		case k.Kind != yaml.ScalarNode:
			d.fault(k, path, "", "a key must be a single value, have %s", kindName(k))
			continue
		case k.Tag == mergeKeyTag:
			merges = append(merges, v)
			continue
		case isNull(k):
			d.fault(k, path, "quote it if it is meant", "an empty key")
			continue
		}
		if first, twice := at[k.Value]; twice {
			d.fault(k, join(path, k.Value), "keep one of them", "the same key is on line %d", first.Line)
			continue
		}
		at[k.Value] = k
		out = append(out, pair{k.Value, k, v})
	}
	for _, m := range merges {
		out = d.merge(out, at, m, path, 0)
	}
	return out
}

func (d *decoder) merge(out []pair, at map[string]*yaml.Node, m *yaml.Node, path string, depth int) []pair {
	if m.Kind == yaml.AliasNode {
		m = m.Alias
	}
	d.aliased += len(m.Content)
	if depth > 8 || d.aliased > maxAliased {
		d.fault(m, path, "write the values out", "too many merges")
		return out
	}
	switch m.Kind {
	case yaml.SequenceNode:
		for _, e := range m.Content {
			out = d.merge(out, at, e, path, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(m.Content); i += 2 {
			k, v := m.Content[i], m.Content[i+1]
			switch {
			case k.Kind == yaml.ScalarNode && k.Tag == mergeKeyTag:
				out = d.merge(out, at, v, path, depth+1)
			case k.Kind == yaml.ScalarNode && at[k.Value] == nil:
				at[k.Value] = k
				out = append(out, pair{k.Value, k, v})
			}
		}
	default:
		d.fault(m, path, "", "<< wants an alias of a mapping")
	}
	return out
}
