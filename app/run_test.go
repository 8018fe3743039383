package app

import "testing"

func TestOperatorsCollectorSettingsAreRespected(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        int
	}{{"", "", 32 << 20}, {"GOGC", "50", 0}, {"GOMEMLIMIT", "64MiB", 0}} {
		room := headroom(func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		if len(room) != c.want {
			t.Errorf("%s=%s: %d bytes of headroom, want %d", c.name, c.value, len(room), c.want)
		}
	}
}
