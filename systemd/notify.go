// Package systemd tells systemd how the daemon is doing and holds the unit files. Outside systemd, where
// $NOTIFY_SOCKET is not set, every call does nothing.
//
// See sd_notify(3): https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that start-up, or a reload announced by Reloading, is complete. status is the line `systemctl status` shows.
func Ready(status string) error { return notify(daemon.SdNotifyReady, status) }

// Reloading says that the configuration is being read again; Ready must follow.
func Reloading() error {
	state := daemon.SdNotifyReloading
	if now := monotonicMicros(); now > 0 {
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", now)
	}
	return notify(state, "reloading the configuration")
}

// Stopping says that the daemon is draining and will exit.
func Stopping() error { return notify(daemon.SdNotifyStopping, "stopping") }

// Status replaces the line `systemctl status` shows.
func Status(text string) error { return notify("", text) }

// Watchdog answers systemd's WatchdogSec until ctx ends: it asks healthy twice per period and stays silent when the
// answer is no, so that a daemon that is alive but serves nobody is restarted. It returns at once when no watchdog is
// asked for. The caller owns the goroutine and waits for it.
func Watchdog(ctx context.Context, healthy func() bool) error {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read WATCHDOG_USEC: %w", err)
	}
	if period <= 0 {
		return nil
	}
	tick := time.NewTicker(period / 2)
	defer tick.Stop()
	for {
		if healthy() {
			if err := notify(daemon.SdNotifyWatchdog, ""); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func notify(state, status string) error {
	if status != "" {
		if state != "" {
			state += "\n"
		}
		state += "STATUS=" + oneLine(status)
	}
	if state == "" {
		return nil
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// oneLine keeps a status from becoming a second assignment, such as MAINPID=1: lines are what sd_notify separates by.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 512 {
		s = s[:512]
	}
	return strings.ToValidUTF8(s, "")
}
