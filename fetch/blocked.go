package fetch

// https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry

import "net/netip"

// special4 is every IPv4 block that is not the public internet. netip's own IsPrivate and IsLoopback know a third of it.
var special4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT; also cloud metadata at 100.100.100.200
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local; cloud metadata
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
)

// public6 is the only IPv6 block handed out for the public internet. Everything outside it is refused: loopback,
// unspecified, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64, fc00::/7, fe80::/10, fec0::/10, ff00::/8.
var public6 = netip.MustParsePrefix("2000::/3")

// special6 is what is not public inside public6.
var special6 = prefixes(
	"2001::/23",     // protocol assignments: Teredo wraps any IPv4 address
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4 wraps any IPv4 address
	"3fff::/20",     // documentation
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Blocked reports that ip is not an address of the public internet. The invalid address is blocked, and so is one with a
// zone; an IPv4 address in IPv6 clothes is judged as IPv4.
func Blocked(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return true
	}
	ip = ip.Unmap()
	special := special4
	if ip.Is6() {
		if !public6.Contains(ip) {
			return true
		}
		special = special6
	}
	for _, p := range special {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
