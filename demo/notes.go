package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Note is one page of the notebook.
type Note struct {
	ID     int    `json:"id"`
	Text   string `json:"text"`
	Author string `json:"author" jsonschema:"who wrote it, as the gate told"`
}

// Notes is an MCP server with a notebook in memory. It knows nothing of sign-in: who writes is what the gate's identity
// header says.
type Notes struct {
	// UserHeader is the identity header whose value becomes a note's author.
	UserHeader string
	// Tick is the pause between two progress notifications of watch_notes; 0 is 2 s.
	Tick time.Duration

	mu    sync.Mutex // guards what follows
	notes []Note
	next  int
}

const (
	maxNotes    = 200 // the oldest is forgotten
	maxNoteText = 2000
	maxWatch    = time.Hour
)

// Handler is the Streamable HTTP endpoint, for any path.
func (n *Notes) Handler() http.Handler {
	if n.Tick == 0 {
		n.Tick = 2 * time.Second
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "gatehouse-demo-notes", Title: "Demo notes", Version: "1.0.0"}, &mcp.ServerOptions{
		Instructions: "A notebook in memory. Everything in it is gone when the demo ends.",
	})
	yes, no := true, false
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: &no}
	mcp.AddTool(s, &mcp.Tool{Name: "list_notes", Description: "Lists the newest notes.", Annotations: reads}, n.list)
	mcp.AddTool(s, &mcp.Tool{Name: "search_notes", Description: "Finds notes that contain a text.", Annotations: reads}, n.search)
	mcp.AddTool(s, &mcp.Tool{Name: "add_note", Description: "Adds a note.", Annotations: &mcp.ToolAnnotations{DestructiveHint: &no, OpenWorldHint: &no}}, n.add)
	mcp.AddTool(s, &mcp.Tool{Name: "delete_all", Description: "Deletes every note.", Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes, OpenWorldHint: &no}}, n.deleteAll)
	mcp.AddTool(s, &mcp.Tool{Name: "export_notes", Description: "Gives all notes as one text.", Annotations: reads}, n.export)
	mcp.AddTool(s, &mcp.Tool{Name: "watch_notes", Description: "Reports every few seconds how many notes there are, as progress.", Annotations: reads}, n.watch)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{SessionTimeout: time.Hour})
}

// NoteList is what the reading tools answer.
type NoteList struct {
	Notes []Note `json:"notes"`
	Total int    `json:"total" jsonschema:"how many there are altogether"`
}

type listArgs struct {
	Limit int `json:"limit,omitempty" jsonschema:"how many at most, default 20"`
}

func (n *Notes) list(_ context.Context, _ *mcp.CallToolRequest, a listArgs) (*mcp.CallToolResult, NoteList, error) {
	if a.Limit <= 0 || a.Limit > maxNotes {
		a.Limit = 20
	}
	all := n.all()
	return nil, NoteList{Notes: all[max(0, len(all)-a.Limit):], Total: len(all)}, nil
}

type searchArgs struct {
	Text string `json:"text" jsonschema:"what the note contains; case does not matter"`
}

func (n *Notes) search(_ context.Context, _ *mcp.CallToolRequest, a searchArgs) (*mcp.CallToolResult, NoteList, error) {
	all := n.all()
	out := NoteList{Notes: []Note{}, Total: len(all)}
	for _, x := range all {
		if strings.Contains(strings.ToLower(x.Text), strings.ToLower(a.Text)) {
			out.Notes = append(out.Notes, x)
		}
	}
	return nil, out, nil
}

type addArgs struct {
	Text string `json:"text" jsonschema:"the note, at most 2000 characters"`
}

func (n *Notes) add(_ context.Context, r *mcp.CallToolRequest, a addArgs) (*mcp.CallToolResult, Note, error) {
	if a.Text == "" || len(a.Text) > maxNoteText {
		return nil, Note{}, fmt.Errorf("a note has 1 to %d characters", maxNoteText)
	}
	author := "nobody"
	if r.Extra != nil && n.UserHeader != "" && r.Extra.Header.Get(n.UserHeader) != "" {
		author = r.Extra.Header.Get(n.UserHeader)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	x := Note{ID: n.next, Text: a.Text, Author: author}
	if n.notes = append(n.notes, x); len(n.notes) > maxNotes {
		n.notes = n.notes[1:]
	}
	return nil, x, nil
}

type noArgs struct{}

// Deleted is what delete_all answers.
type Deleted struct {
	Deleted int `json:"deleted"`
}

func (n *Notes) deleteAll(context.Context, *mcp.CallToolRequest, noArgs) (*mcp.CallToolResult, Deleted, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := Deleted{Deleted: len(n.notes)}
	n.notes = nil
	return nil, d, nil
}

func (n *Notes) export(context.Context, *mcp.CallToolRequest, noArgs) (*mcp.CallToolResult, any, error) {
	var b strings.Builder
	for _, x := range n.all() {
		fmt.Fprintf(&b, "%d. %s (%s)\n", x.ID, x.Text, x.Author)
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: b.String()}}}, nil, nil
}

type watchArgs struct {
	Seconds int `json:"seconds,omitempty" jsonschema:"how long to watch, default 600, at most 3600"`
}

// Watched is what watch_notes answers in the end.
type Watched struct {
	Ticks int `json:"ticks"`
}

// watch holds the answer open and sends progress: a live stream that somebody may have to cut.
func (n *Notes) watch(ctx context.Context, r *mcp.CallToolRequest, a watchArgs) (*mcp.CallToolResult, Watched, error) {
	life := time.Duration(a.Seconds) * time.Second
	if a.Seconds <= 0 {
		life = 10 * time.Minute
	}
	end := time.NewTimer(min(life, maxWatch))
	defer end.Stop()
	tick := time.NewTicker(n.Tick)
	defer tick.Stop()
	for ticks := 0; ; ticks++ {
		if token := r.Params.GetProgressToken(); token != nil {
			err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
				ProgressToken: token, Progress: float64(ticks + 1), Message: strconv.Itoa(len(n.all())) + " notes",
			})
			if err != nil {
				return nil, Watched{}, err
			}
		}
		select {
		case <-tick.C:
		case <-end.C:
			return nil, Watched{Ticks: ticks + 1}, nil
		case <-ctx.Done():
			return nil, Watched{}, ctx.Err()
		}
	}
}

func (n *Notes) all() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Note{}, n.notes...)
}
