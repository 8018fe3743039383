package configwatch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	first  = "server: {listen: 127.0.0.1:8080}\n"
	second = "server: {listen: 127.0.0.1:8081}\nlog: {level: debug}\n"
	third  = "server: {listen: 127.0.0.1:8082}\n"
)

type report struct {
	data string
	err  error
}

// rig is a running watcher over a file in a directory of its own.
type rig struct {
	t       *testing.T
	path    string
	kick    chan struct{}
	reports chan report
}

func start(t *testing.T, path string, poll time.Duration) *rig {
	t.Helper()
	return startWith(t, &Watcher{Path: path, Debounce: 60 * time.Millisecond, Poll: poll})
}

func startWith(t *testing.T, w *Watcher) *rig {
	t.Helper()
	r := &rig{t: t, path: w.Path, kick: make(chan struct{}, 1), reports: make(chan report, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, r.kick, func(data []byte, err error) { r.reports <- report{string(data), err} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	r.kick <- struct{}{} // the answer says that the watches are in place
	r.next()
	return r
}

func (r *rig) next() report {
	r.t.Helper()
	select {
	case rep := <-r.reports:
		return rep
	case <-time.After(5 * time.Second):
		r.t.Fatal("no report within 5 s")
		return report{}
	}
}

// want demands that the next report is the whole of data.
func (r *rig) want(data string) {
	r.t.Helper()
	if got := r.next(); got.err != nil || got.data != data {
		r.t.Fatalf("got %q, %v, want %q", got.data, got.err, data)
	}
}

// nothing demands that a kick's answer is the next report, so that nothing else was under way.
func (r *rig) nothing(data string) {
	r.t.Helper()
	r.kick <- struct{}{}
	r.want(data)
	if len(r.reports) > 0 {
		r.t.Fatalf("a report too many: %+v", <-r.reports)
	}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSavedInEveryWay(t *testing.T) {
	cases := map[string]func(t *testing.T, path string){
		"in place": func(t *testing.T, path string) { write(t, path, second) },
		"vim: rename away, create, chmod, unlink the backup": func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"~"))
			write(t, path, second)
			must(t, os.Chmod(path, 0o640), os.Remove(path+"~"))
		},
		"mv tmp cfg": func(t *testing.T, path string) {
			write(t, path+".tmp", second)
			must(t, os.Rename(path+".tmp", path))
		},
		"delete and recreate": func(t *testing.T, path string) {
			must(t, os.Remove(path))
			write(t, path, second)
		},
		"directory moved away and recreated": func(t *testing.T, path string) {
			dir := filepath.Dir(path)
			must(t, os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
			write(t, path, second)
		},
	}
	for name, save := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "etc")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "cfg.yaml")
			write(t, path, first)
			r := start(t, path, 150*time.Millisecond)
			save(t, path)
			r.want(second)
			write(t, path, third) // the watch has survived the first change
			r.want(third)
			r.nothing(third)
		})
	}
}

func TestKubernetesSymlinkSwap(t *testing.T) {
	dir := t.TempDir()
	mount := func(name, data string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		write(t, filepath.Join(dir, name, "cfg.yaml"), data)
		must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	mount("..2026_1", first)
	path := filepath.Join(dir, "cfg.yaml")
	must(t, os.Symlink(filepath.Join("..data", "cfg.yaml"), path))
	r := start(t, path, time.Hour) // by events alone
	mount("..2026_2", second)
	r.want(second)
	must(t, os.RemoveAll(filepath.Join(dir, "..2026_1")))
	mount("..2026_3", third)
	r.want(third)
}

func TestSymlinkIntoAnotherDirectory(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	target, path := filepath.Join(there, "real.yaml"), filepath.Join(here, "cfg.yaml")
	write(t, target, first)
	must(t, os.Symlink(target, path))
	r := start(t, path, time.Hour)
	write(t, target, second)
	r.want(second)
	other := filepath.Join(t.TempDir(), "other.yaml")
	write(t, other, third)
	must(t, os.Symlink(other, path+".new"), os.Rename(path+".new", path))
	r.want(third)
	write(t, other, first) // the watch has followed the link
	r.want(first)
}

func TestHalfAConfigurationIsNeverHandedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	r := start(t, path, 20*time.Millisecond) // a hasty poll must not help the writer
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer f.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range second {
		<-tick.C
		if _, err := f.WriteString(second[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	r.want(second)
	r.nothing(second)
}

func TestPollAloneNoticesWhatEventsDoNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	w := &Watcher{Path: path, Debounce: 40 * time.Millisecond, Poll: 50 * time.Millisecond}
	w.noEvents = true
	r := startWith(t, w)
	write(t, path, second)
	r.want(second)
}

func TestMissingAndEmptyFilesAreWaitedOutThenReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	r := start(t, path, 100*time.Millisecond)
	must(t, os.Remove(path))
	if got := r.next(); !errors.Is(got.err, os.ErrNotExist) || got.data != "" {
		t.Fatalf("got %+v", got)
	}
	write(t, path, "")
	if got := r.next(); got.err == nil || !strings.Contains(got.err.Error(), "empty") {
		t.Fatalf("got %+v", got)
	}
	write(t, path, first) // what was handed over before the fault is news after it
	r.want(first)
}

func TestTouchAndRewriteWithEqualBytesAreNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	r := start(t, path, 50*time.Millisecond)
	write(t, path, second)
	write(t, path, first)
	must(t, os.Chtimes(path, time.Now(), time.Unix(1, 0)))
	r.nothing(first)
}

func TestKickAlwaysReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	r := start(t, path, time.Hour)
	for range 3 {
		r.nothing(first)
	}
	must(t, os.Remove(path))
	r.kick <- struct{}{}
	if got := r.next(); got.err == nil {
		t.Fatalf("got %+v", got)
	}
}

func TestChangeBeforeRunIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, second)
	reports := make(chan report, 1)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w := &Watcher{Path: path, Have: "sha256:of-what-was-loaded", Debounce: 20 * time.Millisecond}
	go func() {
		defer close(done)
		_ = w.Run(ctx, nil, func(data []byte, err error) { reports <- report{string(data), err} })
	}()
	if got := <-reports; got.data != second {
		t.Errorf("got %+v", got)
	}
	cancel()
	<-done
}

func TestNoiseInTheDirectoryDoesNotStarveAChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cfg.yaml")
	write(t, path, first)
	r := start(t, path, time.Hour)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_ = os.WriteFile(filepath.Join(dir, "audit.jsonl"), []byte(time.Now().String()), 0o600)
			}
		}
	}()
	write(t, path, second)
	r.want(second)
	close(stop)
	<-stopped
}

func TestAPipeIsNotReadForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg.yaml")
	write(t, path, first)
	r := start(t, path, 50*time.Millisecond)
	must(t, os.Remove(path), mkfifo(path))
	if got := r.next(); got.err == nil || !strings.Contains(got.err.Error(), "regular") {
		t.Fatalf("got %+v", got)
	}
}
