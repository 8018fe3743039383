package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxReference bounds what ${file:…} and ${cred:…} read.
const maxReference = 1 << 20

// expand replaces every ${…} in a scalar, once: what a reference brings in is never looked at again, so that a value
// from the environment cannot name a file (CVE-2026-30852 of another product). $${ is a literal ${.
func expand(s string, resolve func(ref string) (value, hint string, err error)) (value, hint string, err error) {
	if !strings.Contains(s, "${") {
		return s, "", nil
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), "", nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		ref, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			return "", "write ${NAME}, or $${ for a literal ${", errors.New("a reference ${ is not closed")
		}
		if strings.Contains(ref, "${") {
			return "", "use one reference after the other", errors.New("a reference inside a reference")
		}
		v, hint, err := resolve(ref)
		if err != nil {
			return "", hint, err
		}
		b.WriteString(v)
		s = rest
	}
}

// reference resolves what stands between ${ and }.
func (d *decoder) reference(ref string) (value, hint string, err error) {
	kind, rest, hasKind := strings.Cut(ref, ":")
	if hasKind {
		switch strings.TrimSpace(kind) {
		case "file":
			return d.file(strings.TrimSpace(rest))
		case "cred":
			return d.credential(strings.TrimSpace(rest))
		case "keyring":
			return "", "use ${cred:NAME} with systemd's LoadCredential, or ${file:PATH}", errors.New("a keyring needs a desktop session, which a service has not")
		case "env":
			ref = rest
		}
	}
	name, def, has := splitDefault(ref)
	if !variableName(name) {
		return "", "write ${NAME}, ${NAME, default}, ${env:NAME}, ${file:PATH} or ${cred:NAME}", fmt.Errorf("${%s} is not a reference", clip(ref))
	}
	if v := d.o.Getenv(name); v != "" {
		return v, "", nil
	}
	if !has {
		return "", "set it, or write ${" + name + ", default}", fmt.Errorf("environment variable %s is not set", name)
	}
	if strings.HasPrefix(def, "-") && strings.HasPrefix(ref, name+":-") {
		return "", "write ${" + name + ", default}", fmt.Errorf("${%s:-…} is the shell's way; here the minus would be part of the value", name)
	}
	return def, "", nil
}

// splitDefault cuts NAME, NAME:default or NAME, default.
func splitDefault(ref string) (name, def string, has bool) {
	i := strings.IndexAny(ref, ",:")
	if i < 0 {
		return strings.TrimSpace(ref), "", false
	}
	return strings.TrimSpace(ref[:i]), strings.TrimSpace(ref[i+1:]), true
}

// hasDefault reports that a reference carries a value that is not empty.
func hasDefault(ref string) bool {
	kind, rest, _ := strings.Cut(ref, ":")
	switch strings.TrimSpace(kind) {
	case "file", "cred":
		return false
	case "env":
		ref = rest
	}
	_, def, has := splitDefault(ref)
	return has && def != ""
}

func variableName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 200
}

func (d *decoder) file(path string) (string, string, error) {
	if path == "" {
		return "", "write ${file:PATH}", errors.New("${file:} names no file")
	}
	return d.read(d.c.resolve(path), path)
}

func (d *decoder) credential(name string) (string, string, error) {
	if name == "" || strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		return "", "write the name of a credential, not a path", fmt.Errorf("%q is not the name of a credential", clip(name))
	}
	dir := d.o.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", "start through systemd with LoadCredential=" + name + ":/path, or set CREDENTIALS_DIRECTORY", fmt.Errorf("no credential %s: CREDENTIALS_DIRECTORY is not set", name)
	}
	return d.read(filepath.Join(dir, name), name)
}

// read gives a file's content without the newline that editors add.
func (d *decoder) read(path, shown string) (string, string, error) {
	b, err := d.o.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("read %q: %w", clip(shown), cause(err))
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if s == "" {
		return "", "", fmt.Errorf("%q is empty", clip(shown))
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", "", fmt.Errorf("%q holds a NUL byte", clip(shown))
	}
	d.reveal(s)
	return s, "", nil
}

// readSmall reads a regular file of at most maxReference bytes. A FIFO or a device would hang the reload or fill memory.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReference+1))
	if err == nil && len(b) > maxReference {
		return nil, errors.New("larger than 1 MiB")
	}
	return b, err
}

// cause is the reason without the operation and path that the message has already.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return s
}
