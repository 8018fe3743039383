package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers is the import map: which packages of ours a package may import. A package that is not listed may not exist.
// Only product code counts; tests may import anything.
var layers = map[string][]string{
	"config": nil, "configwatch": nil, "mcp": nil, "llm": nil, "limit": nil, "fetch": nil,
	"store": nil, "audit": nil, "control": nil, "systemd": nil, "skill": nil,
	"policy":   {"config"},
	"web":      {"config", "policy", "store", "audit"},
	"idp":      {"config", "policy", "store", "fetch", "audit"},
	"upstream": {"config", "policy", "store", "fetch", "web", "audit"},
	"session":  {"policy", "store", "audit"},
	"oauth":    {"config", "store", "session", "policy", "idp", "limit", "fetch", "web", "audit"},
	"proxy":    {"config", "policy", "mcp", "llm", "session", "upstream", "limit", "audit"},
	"builtin":  {"config", "policy", "audit", "store", "skill"},
	"tui":      {"control"},
	"demo":     {"config", "mcp"},
	"app": {"config", "configwatch", "policy", "mcp", "llm", "proxy", "oauth", "idp", "upstream", "web", "session",
		"store", "audit", "limit", "fetch", "builtin", "skill", "control", "systemd"},
	"cli":  {"*"},
	"main": {"cli"},

	"store/storetest": {"store"},
	"doc/picture":     nil,
	"gatetest":        {"*"},
	"bench":           {"*"},
	"accept":          {"*"},
	"interop":         {"*"},
}

// testOnly may be imported by no product code.
var testOnly = []string{"gatetest", "bench", "accept", "interop", "store/storetest"}

func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := roomOf(fields[0])
		allowed, known := layers[room]
		if !known {
			t.Errorf("package %q is not in the import map", room)
			continue
		}
		for _, path := range fields[1:] {
			imported, ours := strings.CutPrefix(path, "gatehouse/")
			if !ours || imported == room {
				continue
			}
			if slices.Contains(testOnly, imported) && !slices.Contains(testOnly, room) {
				t.Errorf("%s imports %s, which is for tests only", room, imported)
			}
			if !slices.Contains(allowed, imported) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s; it may import only %v", room, imported, allowed)
			}
		}
	}
}

// roomOf is the name of a package in the import map; sub-packages of a test room belong to it.
func roomOf(importPath string) string {
	room, ours := strings.CutPrefix(importPath, "gatehouse/")
	if !ours {
		return "main"
	}
	for _, prefix := range []string{"bench", "accept", "interop"} {
		if strings.HasPrefix(room, prefix+"/") {
			return prefix
		}
	}
	return room
}
