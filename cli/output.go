package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// column is one column of a table of T.
type column[T any] struct {
	name  string
	wide  bool // only with -o wide
	right bool // numbers
	text  func(T) string
	// state marks a column whose words are coloured.
	state bool
}

// view is how a kind of thing is printed.
type view[T any] struct {
	columns []column[T]
	id      func(T) string
	empty   string // said on standard error instead of an empty table
}

// outputFlag adds -o.
func outputFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVarP(to, "output", "o", "table", "table, wide, json, jsonl or id")
}

func checkOutput(format string) error {
	switch format {
	case "table", "wide", "json", "jsonl", "id":
		return nil
	}
	return usage("-o is table, wide, json, jsonl or id, not %q", format)
}

// list prints items in the format asked for. JSON keeps the order and field names of the socket.
func (v view[T]) list(e *env, format string, items []T) error {
	if items == nil {
		items = []T{}
	}
	switch format {
	case "json":
		return printJSON(e.out, items)
	case "jsonl":
		for _, item := range items {
			if err := printLine(e.out, item); err != nil {
				return err
			}
		}
		return nil
	case "id":
		for _, item := range items {
			fmt.Fprintln(e.out, harmless(v.id(item)))
		}
		return nil
	}
	if len(items) == 0 {
		fmt.Fprintln(e.err, v.empty)
		return nil
	}
	v.table(e, items, format == "wide")
	return nil
}

// table prints columns as wide as their widest cell; two spaces between, nothing behind the last.
func (v view[T]) table(e *env, items []T, wide bool) {
	var cols []column[T]
	for _, c := range v.columns {
		if wide || !c.wide {
			cols = append(cols, c)
		}
	}
	rows := make([][]string, 0, len(items)+1)
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i] = c.name
	}
	rows = append(rows, head)
	for _, item := range items {
		row := make([]string, len(cols))
		for i, c := range cols {
			row[i] = cell(c.text(item), wide)
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(cols))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], columns(text))
		}
	}
	color := e.color(e.out)
	for n, row := range rows {
		var b strings.Builder
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-columns(text))
			if color && n > 0 && cols[i].state {
				text = paint(text)
			}
			switch {
			case cols[i].right:
				b.WriteString(pad + text)
			case i == len(row)-1:
				b.WriteString(text)
			default:
				b.WriteString(text + pad)
			}
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		fmt.Fprintln(e.out, strings.TrimRight(b.String(), " "))
	}
}

// cell makes text fit for a table; one long name must not push the other columns out of sight.
func cell(text string, wide bool) string {
	text = harmless(text)
	if text == "" {
		return "-"
	}
	if !wide {
		text = clip(text, 48)
	}
	return text
}

// paint colours a state word by what it means; the word stays.
func paint(word string) string {
	code := ""
	switch word {
	case "ok", "up", "active", "approved", "enabled":
		code = "32"
	case "degraded", "expiring", "restricted", "next":
		code = "33"
	case "down", "denied", "deny", "blocked", "revoked", "failing", "error":
		code = "1;31"
	case "disabled", "closed", "idle", "retired", "skip":
		code = "2"
	default:
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

func printJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(harmlessJSON(b), '\n'))
	return err
}

func printLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(harmlessJSON(b), '\n'))
	return err
}

// ago is how long t lies back, in one unit: 2s, 9m, 3h, 88d.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(now.Sub(t))
}

// until is how long it is to t; "-" for never, "0s" when it is past.
func until(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(t.Sub(now))
}

func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// count is "1 stream" or "2 streams".
func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// fields prints name and value pairs one a line, names padded; empty values are left out.
func fields(w io.Writer, pairs ...string) {
	longest := 0
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			longest = max(longest, len(pairs[i]))
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%-*s  %s\n", longest, pairs[i], harmless(pairs[i+1]))
		}
	}
}

// stamp is a moment for people: local time and how long ago.
func stamp(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t.After(now) {
		return fmt.Sprintf("%s (in %s)", t.Local().Format("2006-01-02 15:04:05"), span(t.Sub(now)))
	}
	return fmt.Sprintf("%s (%s ago)", t.Local().Format("2006-01-02 15:04:05"), span(now.Sub(t)))
}
