package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Cores: the proxies under test, and everything else.
const (
	loadCore  = 0
	proxyCore = 1
)

// process is one proxy under test.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan error
}

// pinSelf puts every thread of this process on one core, and reports whether that is possible here.
func pinSelf(core int) bool {
	if runtime.NumCPU() < 2 {
		return false
	}
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil || unix.SchedSetaffinity(tid, &set) != nil {
			return false
		}
	}
	return true
}

// start runs a command on the proxies' core: a child inherits the affinity of the thread that forks it.
func start(pin bool, dir string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), done: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), append(env, "GOMAXPROCS=1")...)
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with its affinity
		if pin {
			var set unix.CPUSet
			set.Set(proxyCore)
			if err := unix.SchedSetaffinity(0, &set); err != nil {
				started <- err
				return
			}
		}
		started <- p.cmd.Start()
		p.done <- p.cmd.Wait() // here, because Pdeathsig watches the thread that forked
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("%s did not stop", filepath.Base(p.cmd.Path))
	}
}

// listening waits until addr accepts connections.
func (p *process) listening(addr string) error {
	for range 200 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("%s ended: %v: %s", filepath.Base(p.cmd.Path), err, strings.TrimSpace(p.stderr.String()))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not listen on %s", filepath.Base(p.cmd.Path), addr)
}

// cpu is the time that all threads of the process have run.
func (p *process) cpu() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("no schedstat of process %d", p.cmd.Process.Pid)
	}
	var sum time.Duration
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has just ended
		}
		ran, _, _ := strings.Cut(string(b), " ")
		n, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", f, err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// rss is the resident memory in bytes.
func (p *process) rss() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", p.cmd.Process.Pid)
}

// freeAddr is a loopback address that nobody listens on now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
