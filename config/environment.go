package config

import "slices"

// environment lets the environment win over the file where the contract says so.
func (d *decoder) environment() {
	for _, name := range []string{"AUTH_ENCRYPTION_SECRET", "ENCRYPTION_KEY"} {
		if v := d.o.Getenv(name); v != "" {
			d.c.Storage.EncryptionKey = NewSecret(v)
			delete(d.bad, "storage.encryption_key")
			break
		}
	}
	if v := d.o.Getenv("LOG_LEVEL"); v != "" {
		level := lowerASCII(v)
		if level == "warning" {
			level = "warn"
		}
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
			// Another program's LOG_LEVEL must not keep the gate shut.
			d.faults = append(d.faults, Fault{File: d.c.File, Path: "log.level", Severity: Warning,
				Message: "environment variable LOG_LEVEL is not debug, info, warn or error; the file's level counts"})
			return
		}
		d.c.Log.Level = level
	}
}

// modeFaults judges who may read and write a file that holds secrets or decides who gets in.
func (d *decoder) modeFaults() Faults {
	mode := d.o.Mode.Perm()
	if mode == 0 || len(d.secrets) == 0 && mode&0o002 == 0 {
		return nil
	}
	f := Fault{File: d.c.File, Severity: Warning, Hint: "fix: chmod 0640 " + d.c.File}
	if len(d.secrets) > 0 {
		f.Line, f.Column = d.secrets[0].Line, d.secrets[0].Column
	}
	switch {
	case mode&0o004 != 0 && len(d.secrets) > 0:
		f.Severity = Error
		f.Message = "a secret is written out in a file that everybody may read"
		f.Hint += ", or write ${file:PATH} or ${cred:NAME} instead of the secret"
	case mode&0o002 != 0:
		f.Message = "everybody may write this file"
	case mode&^0o640 != 0:
		f.Message = "a secret is written out in a file with a mode above 0640"
	default:
		return nil
	}
	return Faults{f}
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
