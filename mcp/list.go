package mcp

// Entry is one entry of a list answer, as the upstream described it.
type Entry struct {
	Kind        string // KindTool, KindResource or KindPrompt
	Name        string // tool or prompt name, resource URI or URI template
	Description string
	// Hash is SHA-256 in hex over name, description and schema.
	Hash string
}

// Filter decides over the entries of list answers.
type Filter struct {
	// Admit says whether an entry stays. Required.
	Admit func(kind, name string) bool
	// Seen is told every list that an answer held, denied entries included. Nil: nobody is told.
	Seen func(entries []Entry)
}
