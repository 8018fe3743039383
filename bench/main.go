package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options of a run.
type options struct {
	rounds  int
	length  time.Duration
	conns   []int
	streams []int
	large   bool
	events  bool
	check   bool
	stage   int
	json    string
	md      string
	gate    string
}

func main() {
	if role := os.Getenv("BENCH_ROLE"); role != "" {
		exit(serveRole(role))
	}
	var o options
	conns := flag.String("conns", "1,16,64,256", "numbers of connections")
	streams := flag.String("streams", "1000,5000", "numbers of idle streams; empty skips them")
	flag.StringVar(&o.gate, "gate", "", "measure this gatehouse binary instead of building one")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds that count, after one for warming up")
	flag.DurationVar(&o.length, "length", time.Second, "length of a round")
	flag.BoolVar(&o.large, "large", true, "measure 64 KiB bodies")
	flag.BoolVar(&o.events, "events", true, "measure streams that carry events")
	flag.BoolVar(&o.check, "check", false, "exit 1 when a goal is missed")
	flag.IntVar(&o.stage, "stage", 2, "whose goals: 1 = the first release, 2 = all")
	flag.StringVar(&o.json, "json", "", "also write the results to this JSON file")
	flag.StringVar(&o.md, "md", "", "write the table to this file instead of standard output")
	flag.Parse()
	var err error
	if o.conns, err = numbers(*conns); err == nil {
		o.streams, err = numbers(*streams)
	}
	if err != nil {
		exit(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, o))
}

var errMissed = errors.New("a goal was missed")

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func numbers(s string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of connections", part)
		}
		out = append(out, n)
	}
	return out, nil
}

// run measures everything and reports it.
func run(ctx context.Context, o options) error {
	l, err := newLab(ctx, o.gate)
	if err != nil {
		return err
	}
	defer l.close()
	r := newReport(o, l.pinned)
	if err := l.requests(ctx, o, r); err != nil {
		return err
	}
	if o.events {
		if err := l.eventStreams(ctx, o, r); err != nil {
			return err
		}
	}
	if err := l.auditLines(); err != nil {
		return err
	}
	for _, n := range o.streams {
		if err := l.idleStreams(ctx, n, r); err != nil {
			return err
		}
	}
	missed := r.judge(o.stage)
	if err := r.write(o); err != nil {
		return err
	}
	if o.check && missed {
		return errMissed
	}
	return nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
