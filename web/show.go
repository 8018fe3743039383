package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/policy"
)

// maxListed is how many tools the consent page lists.
const maxListed = 200

// consentView is ConsentData with what follows from it.
type consentView struct {
	ConsentData
	ByOperator, PrivateUse bool
	ToolCount, UntilText   string
	More, MoreDenied       int
}

// Consent asks the person. The form posts FieldLogin, FieldCSRF and FieldDecision to d.Action.
func (p *Pages) Consent(w http.ResponseWriter, status int, d ConsentData) {
	v := consentView{ConsentData: d, ByOperator: d.AppKind == "yaml", PrivateUse: !d.Loopback && isPrivateUse(d.RedirectURI, d.RedirectHost)}
	v.App = appName(d.App)
	v.AppID, v.RedirectURI, v.Resource = Clean(d.AppID, 512), cleanHost(d.RedirectURI), cleanHost(d.Resource)
	v.RedirectHost, v.Gateway = cleanHost(d.RedirectHost), cleanHost(d.Gateway)
	if scheme, _, _ := strings.Cut(d.RedirectURI, "://"); scheme == "https" || scheme == "http" {
		v.RedirectHost = scheme + "://" + v.RedirectHost
	}
	if v.Gateway == "" {
		v.Gateway = p.host
	}
	v.Proxy, v.Provider, v.SignedInAs = Clean(d.Proxy, maxName), Clean(d.Provider, maxName), Clean(d.SignedInAs, 254)
	v.RegisteredAgo = Clean(d.RegisteredAgo, maxName)
	v.NotYouURL = p.own(d.NotYouURL)
	v.Scopes, v.ProviderScopes = cleanAll(d.Scopes, maxName), cleanAll(d.ProviderScopes, maxName)
	v.Tools = cleanAll(d.Tools, 128)
	v.ToolCount = count(len(v.Tools), "tool")
	if v.More = len(v.Tools) - maxListed; v.More > 0 {
		v.Tools = v.Tools[:maxListed]
	} else {
		v.More = 0
	}
	v.ToolsDenied = nil
	for i, t := range d.ToolsDenied {
		if i == 20 {
			v.MoreDenied = len(d.ToolsDenied) - i
			break
		}
		v.ToolsDenied = append(v.ToolsDenied, ToolDenied{Name: Clean(t.Name, 128), Need: Clean(t.Need, maxName)})
	}
	if !d.Until.IsZero() {
		v.UntilText = d.Until.UTC().Format("2 Jan 2006")
	}
	p.render(w, "consent", status, d.RequestID, v)
}

type continueView struct {
	ContinueData
	Link template.URL
}

// Continue sends the browser on to another site after a form of ours. Whoever turned that off has the link.
func (p *Pages) Continue(w http.ResponseWriter, d ContinueData) {
	v := continueView{ContinueData: d, Link: link(d.URL)}
	v.To = Clean(d.To, maxName)
	if d.Back {
		v.To = appName(d.To)
	}
	goOn(w, 0, d.URL)
	p.render(w, "continue", http.StatusOK, d.RequestID, v)
}

// goOn lets the browser go to a place by itself, without a script, if it is one that link admits.
func goOn(w http.ResponseWriter, seconds int, to string) {
	if link(to) != "" && !strings.ContainsFunc(to, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		w.Header().Set("Refresh", strconv.Itoa(seconds)+"; url="+to)
	}
}

type signedInView struct {
	SignedInData
	ReturnLink template.URL
}

// SignedIn says that the tab can be closed.
func (p *Pages) SignedIn(w http.ResponseWriter, d SignedInData) {
	v := signedInView{SignedInData: d}
	v.App, v.Proxy, v.User = appName(d.App), Clean(d.Proxy, maxName), Clean(d.User, 254)
	if u, err := url.Parse(d.ReturnURL); err == nil && privateUse(strings.ToLower(u.Scheme)) {
		v.ReturnLink = link(d.ReturnURL)
		goOn(w, 0, d.ReturnURL)
	}
	p.render(w, "signed_in", http.StatusOK, d.RequestID, v)
}

type refusedView struct {
	RefusedData
	Why, Do    string
	ReturnLink template.URL
}

// Refused says to somebody signed in why he is not admitted, with status 403.
func (p *Pages) Refused(w http.ResponseWriter, d RefusedData) {
	v := refusedView{RefusedData: d, ReturnLink: link(d.ReturnURL)}
	v.App, v.Proxy, v.User = appName(d.App), Clean(d.Proxy, maxName), Clean(d.User, 254)
	if v.Seconds > 0 {
		goOn(w, v.Seconds, d.ReturnURL)
	}
	v.Why, v.Do = refusal(v.Proxy, d.Reason, cleanAll(d.Missing, maxName), Clean(d.Contact, 254))
	p.render(w, "refused", http.StatusForbidden, d.RequestID, v)
}

// refusal is the reason in plain words, and what to do about it.
func refusal(proxy, reason string, missing []string, contact string) (why, do string) {
	if contact == "" {
		contact = "the operator of this gateway"
	}
	switch reason {
	case policy.ReasonUserDisabled:
		return "Your access to this gateway has been disabled.", "ask " + contact + " if you think this is a mistake."
	case policy.ReasonUserBlocked:
		return "An operator has blocked your access to this gateway.", "ask " + contact + ", then sign in again."
	case policy.ReasonProxyDisabled, policy.ReasonProxyClosed:
		return "The server " + proxy + " is switched off at the moment.", "ask " + contact + " when it will be back."
	}
	const again = " You do not have to sign in again afterwards."
	switch len(missing) {
	case 0:
		return "The server " + proxy + " does not admit you.", "ask " + contact + "." + again
	case 1:
		return "The server " + proxy + " is for members of the group " + missing[0] + ".",
			"ask " + contact + " to add you to " + missing[0] + "." + again
	}
	return "The server " + proxy + " is for members of one of these groups: " + strings.Join(missing, ", ") + ".",
		"ask " + contact + " to add you to one of them." + again
}

// Error says what happened, whose fault it is and what to do.
func (p *Pages) Error(w http.ResponseWriter, status int, d ErrorData) {
	d.Title, d.What, d.Whose, d.Do = Clean(d.Title, 120), Clean(d.What, 1000), Clean(d.Whose, 1000), Clean(d.Do, 1000)
	if d.Title == "" {
		d.Title = "Something went wrong"
	}
	d.RetryURL = p.own(d.RetryURL)
	p.render(w, "error", status, d.RequestID, d)
}

func appName(s string) string {
	if s = Clean(s, maxName); s != "" {
		return s
	}
	return "An app without a name"
}

// own lets only our own addresses through: /path, or a URL below the public one.
func (p *Pages) own(raw string) string {
	if strings.HasPrefix(raw, p.publicURL+"/") {
		return raw
	}
	if strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") && !strings.Contains(raw, `\`) {
		return raw
	}
	return ""
}

// link marks a redirect URI that oauth has matched with a registered one as safe for an href. html/template would refuse
// private-use schemes; what runs in the browser (javascript:, data:) is refused here.
func link(raw string) template.URL {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case (scheme == "http" || scheme == "https") && u.Host != "", privateUse(scheme):
		return template.URL(u.String())
	}
	return ""
}

// isPrivateUse reports whether the answer goes to an app by a scheme of its own.
func isPrivateUse(uri, host string) bool {
	if scheme, _, ok := strings.Cut(uri, ":"); ok {
		return privateUse(strings.ToLower(scheme))
	}
	return strings.HasSuffix(host, ":") || strings.HasSuffix(host, "://")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
