package session

import "time"

// Info is a session as sockets and feeds show it.
type Info struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Sub         string    `json:"sub"`
	User        string    `json:"user"`
	Email       string    `json:"email"`
	Provider    string    `json:"provider"`
	Proxy       string    `json:"proxy"`
	ClientID    string    `json:"client_id"`
	ClientName  string    `json:"client_name"`
	Auth        string    `json:"auth"`
	Scope       string    `json:"scope"`
	IP          string    `json:"ip"`
	Created     time.Time `json:"created"`
	Last        time.Time `json:"last"`
	Expires     time.Time `json:"expires"`
	IdleExpires time.Time `json:"idle_expires"`
	Requests    int64     `json:"requests"`
	Streams     int       `json:"streams"`
	State       string    `json:"state"`
}

// Info is the session as it is now.
func (s *Session) Info(now time.Time) Info {
	who := s.IdentityRef()
	return Info{
		ID: s.ID, Kind: s.Kind, Sub: s.Sub, User: who.Label(), Email: who.Email, Provider: who.Provider, Proxy: s.Proxy,
		ClientID: s.ClientID, ClientName: s.ClientName, Auth: s.Auth, Scope: s.Scope, IP: s.IP(),
		Created: s.Created, Last: s.Last(), Expires: s.Expires, IdleExpires: s.IdleExpires(),
		Requests: s.Requests(), Streams: s.Streams(), State: s.State(now),
	}
}
