package config

// validator does nothing but check. It returns every fault, each with its path.
type validator struct {
	c      *Config
	o      Options
	bad    map[string]bool
	faults Faults
}

func (v *validator) all() {}
