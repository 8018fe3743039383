//go:build !linux

package systemd

// monotonicMicros is unknown where there is no systemd.
func monotonicMicros() int64 { return 0 }
