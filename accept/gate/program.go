package gate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is the frame of the programs in accept: it builds the binary from the current directory's module, makes an
// installation in a temporary directory, runs body, prints its figure and exits 0, or prints the error and exits 1.
func Program(body func(*Gate) (figure string, err error)) {
	figure, err := program(body)
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
	fmt.Println(figure)
}

func program(body func(*Gate) (string, error)) (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-accept-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-o", bin, "gatehouse")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	g, err := New(bin, dir)
	if err != nil {
		return "", err
	}
	defer g.Close()
	return body(g)
}
