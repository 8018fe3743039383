package limit

import "net/netip"

// AddressKey is what a caller's address counts as: an IPv4 address whole, also when it comes mapped into IPv6, and an
// IPv6 address by its /64, because one customer has 2^64 of them and would otherwise have as many buckets. Zones do not count.
func AddressKey(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return "unknown"
	}
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}
