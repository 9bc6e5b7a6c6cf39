//go:build !windows

package provider

import (
	"net"

	"github.com/miekg/dns"
)

// systemServers returns the name servers that this machine is set to use, none where it has none.
func systemServers() []string { return serversIn("/etc/resolv.conf") }

// serversIn reads a resolv.conf(5). Without such a file the C library would ask this machine itself; a machine
// that has neither is offline, and finds out as fast.
func serversIn(file string) []string {
	c, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range c.Servers {
		out = append(out, net.JoinHostPort(s, c.Port))
	}
	return out
}
