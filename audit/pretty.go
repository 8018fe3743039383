package audit

import (
	"fmt"
	"strings"
)

// Pretty is the record on one line for people: time, verdict, who, proxy, what, why, request. It is printable ASCII and
// at most a few hundred characters, whatever the record holds.
func Pretty(r Record) string {
	what := r.Event
	if r.Target.Name != "" {
		what += " " + r.Target.Name
	}
	why := r.Reason
	if r.Rule != "" && r.Outcome != Allowed {
		why = strings.TrimSpace(why + " (" + r.Rule + ")")
	}
	if r.Count > 1 {
		why = strings.TrimSpace(fmt.Sprintf("%s x%d", why, r.Count))
	}
	if r.Detail["cause"] != "" {
		why = strings.TrimSpace(why + " " + r.Detail["cause"])
	}
	return strings.TrimRight(fmt.Sprintf("%s %-5s  %-24s %-14s %-34s %-22s %s",
		r.Time.Local().Format("15:04:05"), verdict(r.Outcome), shown(r.who(), 32), dash(shown(r.Req.Proxy, 24)),
		shown(what, 64), dash(shown(why, 96)), shown(r.Req.ID, 40)), " ")
}

func (r *Record) who() string {
	for _, v := range []string{r.Actor.Email, r.Actor.Name, r.Actor.ClientName, r.Actor.ClientID, r.Actor.ID, r.Src.IP, r.Actor.Type} {
		if v != "" {
			return v
		}
	}
	return "-"
}

func verdict(outcome string) string {
	switch outcome {
	case Allowed:
		return "ok"
	case Denied:
		return "deny"
	case WouldDeny:
		return "would"
	}
	return shown(outcome, 5)
}

// shown makes foreign text fit for a terminal and a column.
func shown(s string, most int) string {
	if len(s) > 4*most {
		s = s[:4*most]
	}
	v := appendVisible(nil, s)
	if len(v) > most {
		v = append(v[:most-2], ".."...)
	}
	return string(v)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
