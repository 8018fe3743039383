package policy

// States of a Step.
const (
	StateOK   = "ok"
	StateDeny = "deny"
	StateSkip = "skip"
)

// Step is one thing that was looked at on the way to a decision. File, Line and Column are where Rule stands; Line is 0
// when it stands nowhere.
type Step struct {
	Name   string
	State  string
	Text   string
	Rule   string
	File   string
	Line   int
	Column int
}

// Trace is a decision with its reasons.
type Trace struct {
	Allow    bool
	Steps    []Step
	Decision Decision
	// ToAllow are changes to the configuration any one of which would allow it; empty when allowed.
	ToAllow []string
}
