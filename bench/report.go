package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Measures.
const (
	cpuPerRequest = "CPU µs/request"
	perSecond     = "requests/s"
	p50           = "p50 µs"
	p99           = "p99 µs"
	kibPerStream  = "KiB/stream"
	cpuPerEvent   = "CPU µs/event"
	lagP50        = "lag p50 µs"
	lagP99        = "lag p99 µs"
	firstByte     = "first byte µs"
)

// cell is where a value belongs.
type cell struct{ workload, target, measure string }

// report collects values and judges their medians.
type report struct {
	Go       string
	Cores    int
	Pinned   bool
	Commit   string
	Rounds   int
	Length   string
	Time     time.Time
	Results  []result
	Goals    []verdict
	order    []cell
	values   map[cell][]float64
	commands string
}

// result is a median over rounds and its spread.
type result struct {
	Workload, Target, Measure string
	Median, Min, Max          float64
	Bare, Pooled              float64 `json:",omitempty"` // ratio to them in the same run; 0 = not there
}

// verdict is a goal of docs and what was measured.
type verdict struct {
	Goal   string
	Bar    float64
	Got    float64
	Missed bool
}

func newReport(o options, pinned bool) *report {
	r := &report{
		Go: runtime.Version(), Cores: runtime.NumCPU(), Pinned: pinned, Rounds: o.rounds, Length: o.length.String(),
		Time: time.Now().UTC().Truncate(time.Second), values: map[cell][]float64{},
		commands: strings.Join(os.Args[1:], " "),
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				r.Commit = s.Value
			}
		}
	}
	return r
}

func (r *report) add(workload, target, measure string, v float64) {
	c := cell{workload, target, measure}
	if _, had := r.values[c]; !had {
		r.order = append(r.order, c)
	}
	r.values[c] = append(r.values[c], v)
}

// median is NaN-free: 0 for what was not measured.
func (r *report) median(workload, target, measure string) float64 {
	v := slices.Sorted(slices.Values(r.values[cell{workload, target, measure}]))
	if len(v) == 0 {
		return 0
	}
	return v[len(v)/2]
}

func (r *report) ratio(workload, target, to, measure string) float64 {
	if base := r.median(workload, to, measure); base > 0 {
		return r.median(workload, target, measure) / base
	}
	return 0
}

// workload finds the first whose name contains all parts.
func (r *report) workload(parts ...string) string {
	for _, c := range r.order {
		ok := true
		for _, p := range parts {
			ok = ok && strings.Contains(c.workload, p)
		}
		if ok {
			return c.workload
		}
	}
	return ""
}

// judge holds the medians against the goals of a stage and reports whether one was missed.
func (r *report) judge(stage int) (missed bool) {
	for _, c := range r.order {
		v := r.values[c]
		r.Results = append(r.Results, result{
			Workload: c.workload, Target: c.target, Measure: c.measure, Median: r.median(c.workload, c.target, c.measure),
			Min: slices.Min(v), Max: slices.Max(v), Bare: r.ratio(c.workload, c.target, "bare", c.measure), Pooled: r.ratio(c.workload, c.target, "pooled", c.measure),
		})
	}
	goal := func(text, workload, to, measure string, bar float64) {
		got := r.ratio(workload, "gatehouse", to, measure)
		if workload == "" || got == 0 {
			return // not part of this run
		}
		r.Goals = append(r.Goals, verdict{text, bar, got, got > bar})
		missed = missed || got > bar
	}
	at64, at1 := r.workload("call, 64 connections"), r.workload("call, 1 connections")
	bareBar, idleBar := 0.80, 1.0
	if stage <= 1 {
		bareBar, idleBar = 1.0, 1.10
	}
	goal("1 full path, CPU per request, × bare", at64, "bare", cpuPerRequest, bareBar)
	for _, n := range []string{"1000", "5000"} {
		for _, kind := range []string{n + " idle streams", n + " idle streams after"} {
			w := r.workload(kind)
			goal("7 "+w+", × pooled", w, "pooled", kibPerStream, idleBar)
		}
	}
	if stage <= 1 {
		return missed
	}
	goal("1 full path, CPU per request, × pooled", at64, "pooled", cpuPerRequest, 1.10)
	goal("2 full path, CPU per request, × naive", at64, "naive", cpuPerRequest, 0.35)
	goal("4 latency at 1 connection, p50, × bare", at1, "bare", p50, 1.05)
	goal("4 latency at 1 connection, p99, × bare", at1, "bare", p99, 1.5)
	goal("5 with a token, × without", at64, "gatehouse, open", cpuPerRequest, 1.05)
	events := r.workload("an event per")
	goal("8 CPU per event, × bare", events, "bare", cpuPerEvent, 1.10)
	goal("8 lag p50, × bare", events, "bare", lagP50, 1.10)
	goal("8 first byte p50, × bare", events, "bare", firstByte, 1.25)
	goal("10 64 KiB bodies, CPU per request, × bare", r.workload("KiB call"), "bare", cpuPerRequest, 1.5)
	if at256 := r.median(r.workload("call, 256"), "gatehouse", cpuPerRequest); at256 > 0 && r.median(at64, "gatehouse", cpuPerRequest) > 0 {
		got := at256 / r.median(at64, "gatehouse", cpuPerRequest)
		r.Goals = append(r.Goals, verdict{"9 CPU per request at 256 connections, × at 64", 1.10, got, got > 1.10})
		missed = missed || got > 1.10
	}
	return missed
}

func (r *report) write(o options) error {
	if o.json != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.md == "" {
		return r.markdown(os.Stdout)
	}
	f, err := os.Create(o.md)
	if err != nil {
		return err
	}
	if err := r.markdown(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// markdown prints one table per measure's workload. Ratios are the result.
func (r *report) markdown(w io.Writer) error {
	var b strings.Builder
	pinned := "each proxy alone on one core"
	if !r.Pinned {
		pinned = "NOT pinned: only the ratios mean anything"
	}
	fmt.Fprintf(&b, "%s, %d cores, %s, %d rounds of %s, commit %.12s, `bench %s`, %s\n\n", r.Go, r.Cores, pinned, r.Rounds, r.Length, r.Commit, r.commands, r.Time.Format(time.RFC3339))
	b.WriteString("| workload | target | measure | median | spread | × bare | × pooled |\n|---|---|---|---:|---:|---:|---:|\n")
	ratio := func(v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f", v)
	}
	for _, x := range r.Results {
		if x.Target == "direct" && x.Measure == cpuPerRequest {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.1f | %.1f–%.1f | %s | %s |\n", x.Workload, x.Target, x.Measure, x.Median, x.Min, x.Max, ratio(x.Bare), ratio(x.Pooled))
	}
	b.WriteString("\n| goal | bar | measured | |\n|---|---:|---:|---|\n")
	for _, g := range r.Goals {
		word := "met"
		if g.Missed {
			word = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | ≤ %.2f | %.2f | %s |\n", g.Goal, g.Bar, g.Got, word)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
