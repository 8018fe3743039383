package demo

import (
	"net"
	"strings"
	"testing"
)

const sample = `
server: {listen: 127.0.0.1:8080, state_dir: state, control_dir: run}
providers:
  demo: {type: oidc, issuer: http://127.0.0.1:9060, client_id: gatehouse, client_secret: demo, scopes: [openid, profile, email, groups]}
groups:
  engineering: {rules: [{claim: {groups: eng}}]}
  data: {rules: [{claim: {groups: data}}]}
  admins: {rules: [{claim: {groups: admins}}]}
proxies:
  notes:
    listen: 127.0.0.1:9050
    upstream: http://127.0.0.1:9061/mcp
    oauth: {provider: demo}
    allowed_groups: [engineering, data]
    tools: {rules: {delete_all: {groups: [admins]}}}
`

func TestTakenPortsMove(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	text := strings.ReplaceAll(sample, ":9060", ":"+portOf(taken))
	s, err := prepare([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if strings.Contains(string(s.text), portOf(taken)) {
		t.Error("the taken port is still in the configuration")
	}
	if s.issuer != "http://127.0.0.1:"+portOf(s.idpListener) {
		t.Errorf("issuer %q, listener %v", s.issuer, s.idpListener.Addr())
	}
	if s.deleteAll != " (admins)" || !strings.HasSuffix(s.callback, "/api/v1/oauth/callback") || !strings.HasSuffix(s.resource, s.ports[0]+"/mcp") {
		t.Errorf("%+v", s)
	}
	banner := s.banner("FILE")
	for _, want := range []string{"DO NOT expose", "alice (eng, admins)  bob (data)  eve (no group)", "claude mcp add --transport http notes " + s.resource} {
		if !strings.Contains(banner, want) {
			t.Errorf("banner without %q:\n%s", want, banner)
		}
	}
}

func TestDemoRefusesToListenForOthers(t *testing.T) {
	for name, edit := range map[string][2]string{
		"main listener on every address": {"listen: 127.0.0.1:8080", `listen: 0.0.0.0:8080, external_url: "http://x.example", allow_insecure: true`},
		"provider somewhere else":        {"http://127.0.0.1:9060", "https://idp.example:9060"},
		"upstream somewhere else":        {"http://127.0.0.1:9061", "http://192.0.2.1:9061"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := prepare([]byte(strings.Replace(sample, edit[0], edit[1], 1)), 0)
			if err == nil {
				s.close()
				t.Error("the demo would start")
			}
		})
	}
}

func TestMoveIsOnePass(t *testing.T) {
	got := move([]byte("a 127.0.0.1:1 localhost:2 127.0.0.1:12 example.com:1"), map[string]string{"1": "2", "2": "1"})
	if string(got) != "a 127.0.0.1:2 localhost:1 127.0.0.1:12 example.com:1" {
		t.Errorf("got %s", got)
	}
}
