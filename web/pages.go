package web

import "net/http"

// StylePath is where the style sheet is served on the public URL.
const StylePath = "/api/v1/style.css"

// Pages renders the pages.
type Pages struct{ publicURL string }

// New parses the embedded templates. publicURL is config.Config.PublicURL.
func New(publicURL string) *Pages { return &Pages{publicURL: publicURL} }

// ServeCSS answers GET StylePath.
func (p *Pages) ServeCSS(w http.ResponseWriter, r *http.Request) {}

// Consent asks the person.
func (p *Pages) Consent(w http.ResponseWriter, status int, d ConsentData) {}

// SignedIn says that the tab can be closed.
func (p *Pages) SignedIn(w http.ResponseWriter, d SignedInData) {}

// Refused says who is missing which group, with status 403.
func (p *Pages) Refused(w http.ResponseWriter, d RefusedData) {}

// Error says what happened, whose fault it is and what to do.
func (p *Pages) Error(w http.ResponseWriter, status int, d ErrorData) {}

// BrowserCookie is the value of the browser session's cookie, "" when there is none.
func (p *Pages) BrowserCookie(r *http.Request) string { return "" }

// SetBrowser sets it; maxAge is in seconds.
func (p *Pages) SetBrowser(w http.ResponseWriter, value string, maxAge int) {}

// ClearBrowser deletes it.
func (p *Pages) ClearBrowser(w http.ResponseWriter) {}

// CSRF is the token of one login in one browser: HMAC-SHA256 over both, the same for every load of the page.
func CSRF(key []byte, browser, login string) string { return "" }

// CheckCSRF compares in constant time.
func CheckCSRF(key []byte, browser, login, token string) bool { return false }

// SameOrigin reports whether a state-changing request comes from a page of ours.
func SameOrigin(r *http.Request, publicURL string) bool { return false }

// Clean removes what could make a foreign name look like something else.
func Clean(s string, limit int) string { return "" }
