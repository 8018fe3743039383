package app

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"gatehouse/config"
)

// logger is the operator's debugging log: standard error, or log.file. Its level follows a reload. slog escapes control
// characters; bidirectional overrides and C1 controls that it lets through are escaped here, because people read this log
// on terminals.
type logger struct {
	*slog.Logger
	lvl *slog.LevelVar
	out *reopening
}

func newLogger(c *config.Config, o Options) (*logger, error) {
	l := &logger{lvl: new(slog.LevelVar), out: &reopening{fallback: o.Stderr}}
	if l.out.fallback == nil {
		l.out.fallback = io.Discard
	}
	if c.Log.File != "" {
		l.out.path = c.Path(c.Log.File)
		if err := l.out.open(); err != nil {
			return nil, fmt.Errorf("log.file: %w", err)
		}
	}
	format := c.Log.Format
	if o.LogFormat != "" {
		format = o.LogFormat
	}
	handler := &slog.HandlerOptions{Level: l.lvl, ReplaceAttr: shorten}
	var lines slog.Handler = slog.NewTextHandler(harmless{l.out}, handler)
	if format == "json" {
		lines = slog.NewJSONHandler(harmless{l.out}, handler)
	}
	l.Logger = slog.New(newQuiet(lines, time.Now))
	l.level(logLevel(c, o.Getenv))
	return l, nil
}

// adopt makes this the log of everybody in the process who knows no other: net/http complains about answers that nobody
// asked for through package log, with the upstream's bytes. It returns what gives that back.
func (l *logger) adopt() (release func()) {
	was, flags, lines := slog.Default(), log.Flags(), log.Writer()
	slog.SetDefault(slog.New(foreign{l.Logger.Handler()}))
	return func() {
		slog.SetDefault(was)
		log.SetFlags(flags)
		log.SetOutput(lines)
	}
}

// foreign takes lines that are not ours: their text, which differs each time, is a value and not the message, so that
// quiet counts them together.
type foreign struct{ slog.Handler }

func (f foreign) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, slog.LevelWarn, "library", 0)
	line.AddAttrs(slog.String("text", r.Message))
	return f.Handler.Handle(ctx, line)
}

func (l *logger) level(v slog.Level) { l.lvl.Set(v) }
func (l *logger) close()             { l.out.Close() }

// logLevel is log.level, unless $LOG_LEVEL says otherwise.
func logLevel(c *config.Config, getenv func(string) string) slog.Level {
	name := c.Log.Level
	if env := getenv("LOG_LEVEL"); env != "" {
		name = env
	}
	var level slog.Level
	if level.UnmarshalText([]byte(strings.ToUpper(name))) != nil {
		return slog.LevelInfo
	}
	return level
}

// reopening is a log file that can be opened anew after an external rotation.
type reopening struct {
	path     string
	fallback io.Writer

	mu   sync.Mutex // guards file
	file *os.File
}

func (r *reopening) open() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		r.file.Close()
	}
	r.file = f
	return nil
}

// Reopen follows a rotation; without a file it does nothing.
func (r *reopening) Reopen() error {
	if r.path == "" {
		return nil
	}
	return r.open()
}

func (r *reopening) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return r.fallback.Write(p)
	}
	return r.file.Write(p)
}

func (r *reopening) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// harmless escapes what could command a terminal or reorder a line.
type harmless struct{ w io.Writer }

func (h harmless) Write(p []byte) (int, error) {
	var b strings.Builder
	for _, c := range string(p) {
		switch {
		case c == '\n' || c >= 0x20 && c < 0x7f || c > 0xa0 && !disguise(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	if _, err := io.WriteString(h.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// disguise are the runes that change how their neighbours look: bidirectional controls, zero widths, line separators.
func disguise(c rune) bool {
	return c >= 0x200b && c <= 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2060 && c <= 0x206f || c == 0xfeff || c == 0x061c || c == 0xfffd
}
