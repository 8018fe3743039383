package oauth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"time"

	"gatehouse/config"
	"gatehouse/policy"
	"gatehouse/store"
	"gatehouse/web"
)

const (
	loginLife  = 10 * time.Minute // of a step: of the consent page, and of the provider's state
	codeLife   = 60 * time.Second
	maxPending = 10000 // logins on their way, of everybody
)

// login is one sign-in on its way, as it is stored: who asked for what, and what has happened so far. Steps write into
// it and call next; nothing about a login is kept anywhere else, so a restart in the middle loses nothing.
type login struct {
	ID   string `json:"-"`
	Flow string `json:"flow"` // joins the audit lines

	// What the client asked for.
	Proxy         string   `json:"proxy"`
	ClientID      string   `json:"client_id"`
	ClientName    string   `json:"client_name"`
	RedirectURI   string   `json:"redirect_uri"`
	RedirectGiven bool     `json:"redirect_given"`
	State         []byte   `json:"state"` // bytes: what is no UTF-8 comes back as it was, too
	HasState      bool     `json:"has_state"`
	Scope         []string `json:"scope"`
	ScopeAsked    bool     `json:"scope_asked"`
	Challenge     string   `json:"challenge"`
	Prompt        string   `json:"prompt"`
	LoginHint     string   `json:"login_hint"`

	// Who asks: the browser, by the hash of its binding, and the key of its form's token.
	Bind string `json:"bind"`
	CSRF []byte `json:"csrf"`

	// Consent. Named is whom the page named, "" when it did not know.
	Named       string `json:"named"`
	Consented   bool   `json:"consented"`
	ConsentedAs string `json:"consented_as"` // Named when Allow was pressed, or whose remembered consent it is
	Explicit    bool   `json:"explicit"`     // Allow was pressed, in this login

	// The provider.
	Provider      string    `json:"provider"`
	ProviderState string    `json:"provider_state"` // "" = none is open
	Nonce         string    `json:"nonce"`
	Verifier      string    `json:"verifier"`
	AskedAt       time.Time `json:"asked_at"`
	ForceLogin    bool      `json:"force_login"` // prompt=login, because an operator revoked this person's session

	// Who came back.
	Identity *policy.Identity `json:"identity,omitempty"`
	Tokens   *providerTokens  `json:"tokens,omitempty"`
	Told     bool             `json:"told"` // saw the page that says which group is missing
}

// providerTokens is what a provider gave; the store seals it.
type providerTokens struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh"`
	Expiry  time.Time `json:"expiry"`
	Scope   string    `json:"scope"`
}

// Steps of a login.
type step int

const (
	stepConsent step = iota
	stepProvider
	stepDisabled
	stepTell
	stepFinish
)

// decide says what happens next in l. It is the only place that knows the order.
func (g *Gate) decide(ctx context.Context, l *login) (step, error) {
	if !l.Consented {
		return stepConsent, nil
	}
	if l.Identity == nil {
		return stepProvider, nil
	}
	id := *l.Identity
	if g.w.Policy.Disabled(id) != "" {
		return stepDisabled, nil
	}
	blocked, err := g.blocked(ctx, id)
	if err != nil {
		return 0, unavailable(err)
	}
	if !l.Told && !g.w.Policy.Enter(l.Proxy, g.w.Policy.Subject(id, blocked)).Allow {
		return stepTell, nil
	}
	return stepFinish, nil
}

// next shows the person what decide says.
func (g *Gate) next(w http.ResponseWriter, r *http.Request, l *login) error {
	at, err := g.decide(r.Context(), l)
	if err != nil {
		return err
	}
	switch at {
	case stepConsent:
		redirect(w, r, g.loginURL("consent", l.ID))
		return nil
	case stepProvider:
		return g.toProvider(w, r, l)
	case stepDisabled:
		return g.refuseDisabled(w, r, l)
	case stepTell:
		return g.tell(w, r, l)
	default:
		return g.finish(w, r, l)
	}
}

func (g *Gate) loginURL(page, id string) string {
	return g.cfg.PublicURL() + "/api/v1/oauth/" + page + "?login=" + url.QueryEscape(id)
}

// leave sends the browser to somebody else's site. After a form it goes by a page instead of a redirect, see web.Continue.
func (g *Gate) leave(w http.ResponseWriter, r *http.Request, d web.ContinueData) {
	if r.Method != http.MethodPost {
		redirect(w, r, d.URL)
		return
	}
	d.RequestID = g.requestID(r)
	g.pages.Continue(w, d)
}

// redirect sends the browser on; after a POST with 303, so that nothing is posted twice, and then only to ourselves.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Location", to)
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusFound)
}

// stillThere finds the login's proxy and client in the present configuration: both may have gone since the last step.
func (g *Gate) stillThere(ctx context.Context, l *login) (*config.Proxy, *client, error) {
	p, err := g.serving(l.Proxy)
	if err != nil {
		return nil, nil, err
	}
	c, err := g.client(ctx, p, l.ClientID)
	if errors.Is(err, errNoClient) || (err == nil && (c.Blocked || !c.redirectOK(l.RedirectURI) || !c.may(grantCode))) {
		return nil, nil, &pageError{Status: http.StatusBadRequest, Reason: "invalid_client", Err: err, Page: unknownClientPage}
	}
	if err == nil && p.OAuth.Provider != l.Provider {
		return nil, nil, &pageError{Status: http.StatusBadRequest, Reason: "provider_gone", Page: loginStalePage}
	}
	return p, c, err
}

// putLogin stores a new login.
func (g *Gate) putLogin(ctx context.Context, l *login) error {
	n, err := g.store.CountLogins(ctx)
	if err != nil {
		return unavailable(err)
	}
	if n >= maxPending {
		return &pageError{Status: http.StatusServiceUnavailable, Reason: "too_many_logins", Retry: time.Minute, Page: web.ErrorData{
			Title: "Too many people are signing in", What: "The gateway has as many unfinished sign-ins as it can hold.",
			Whose: "This is not your fault.", Do: "Wait a minute and start again from the app."}}
	}
	row, err := g.row(l)
	if err != nil {
		return err
	}
	if err := g.store.PutLogin(ctx, row); err != nil {
		return unavailable(err)
	}
	return nil
}

func (g *Gate) row(l *login) (store.Login, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return store.Login{}, unavailable(fmt.Errorf("encode login: %w", err))
	}
	row := store.Login{ID: l.ID, Expires: g.now().Add(loginLife), Data: data}
	if l.ProviderState != "" {
		row.StateHash = hashOf(l.ProviderState)
	}
	return row, nil
}

// withLogin reads a login, checks that it belongs to this browser, lets change change it and writes it back, one at a
// time. change may return errKeep to leave it as it is.
func (g *Gate) withLogin(r *http.Request, id string, change func(*login) error) (*login, error) {
	mu := &g.logins[maphash.String(loginSeed, id)%uint64(len(g.logins))]
	mu.Lock()
	defer mu.Unlock()
	ctx := r.Context()
	row, err := g.store.Login(ctx, id)
	if errors.Is(err, store.ErrNotFound) || (err == nil && !g.now().Before(row.Expires)) {
		return nil, &pageError{Status: http.StatusBadRequest, Reason: "login_expired", Page: loginGonePage}
	}
	if err != nil {
		return nil, unavailable(err)
	}
	l := &login{ID: row.ID}
	if err := json.Unmarshal(row.Data, l); err != nil {
		return nil, unavailable(fmt.Errorf("decode login: %w", err))
	}
	// A link to somebody else's login leads nowhere: the browser that began it is the only one that goes on.
	if !g.sameBrowser(r, l) {
		return nil, &pageError{Status: http.StatusBadRequest, Reason: "other_browser", Page: otherBrowserPage}
	}
	if err := change(l); err != nil {
		if errors.Is(err, errKeep) {
			return l, nil
		}
		return l, err
	}
	if row, err = g.row(l); err != nil {
		return nil, err
	}
	switch err := g.store.UpdateLogin(ctx, row); {
	case errors.Is(err, store.ErrNotFound): // another tab finished it just now
		return nil, &pageError{Status: http.StatusBadRequest, Reason: "login_expired", Page: loginGonePage}
	case err != nil:
		return nil, unavailable(err)
	}
	return l, nil
}

var (
	errKeep   = errors.New("nothing to write")
	loginSeed = maphash.MakeSeed()
)

func (g *Gate) sameBrowser(r *http.Request, l *login) bool {
	bind, _ := splitCookie(g.pages.BrowserCookie(r))
	return bind != "" && subtle.ConstantTimeCompare([]byte(hashOf(bind)), []byte(l.Bind)) == 1
}

func (l *login) redirectHost() string {
	u, err := parseRedirect(l.RedirectURI)
	if err != nil {
		return ""
	}
	return u.display()
}

// Pages about logins that cannot go on.
var (
	loginGonePage = web.ErrorData{Title: "This sign-in is over", What: "It was finished already, or nobody went on with it for ten minutes.",
		Whose: "Nothing is wrong.", Do: "If the app is not connected, start again from the app."}
	loginStalePage = web.ErrorData{Title: "This sign-in cannot go on", What: "While you signed in, the operator changed where people sign in to this server.",
		Whose: "This is not your fault, and not the app's.", Do: "Start again from the app."}
	otherBrowserPage = web.ErrorData{Title: "This sign-in began in another browser", What: "Only the browser that began a sign-in can go on with it.",
		Whose: "The link may have been copied, or the browser does not keep cookies.", Do: "Start again from the app, in one browser."}
	unknownClientPage = web.ErrorData{Title: "This app is not known here", What: "The gateway does not know the app that sent you, or the app may not be used.",
		Whose: "The app may have been removed, or was never registered.", Do: "Remove the connection in the app and add it again. If it happens again, ask the administrator."}
)
