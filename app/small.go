package app

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// withoutQuery is an address as it may be shown: no user information, no query.
func withoutQuery(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// redirectHost is where a redirect URI leads, as people see it: host and port, or the scheme of a private-use URI.
func redirectHost(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "unreadable"
	case u.Scheme == "http" || u.Scheme == "https":
		return u.Host
	}
	return u.Scheme + ":"
}

// historyKeep is how many applied configurations stay in history/.
const historyKeep = 20

// writeHistory keeps a configuration as history/TIME-vVERSION.yaml, readable by the daemon's user alone.
func writeHistory(stateDir string, version int, now time.Time, data []byte) error {
	dir := filepath.Join(stateDir, "history")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-v%d.yaml", now.UTC().Format("20060102T150405.000"), version)
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	slices.Sort(old)
	for len(old) > historyKeep {
		if err := os.Remove(old[0]); err != nil {
			return err
		}
		old = old[1:]
	}
	return nil
}

// envInt is a positive number from the environment, or the default.
func envInt(getenv func(string) string, name string, def int) int {
	if n, err := strconv.Atoi(getenv(name)); err == nil && n > 0 {
		return n
	}
	return def
}
