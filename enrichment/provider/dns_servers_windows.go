package provider

import (
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// systemServers returns the name servers of the network adapters that are up, none where there are none.
func systemServers() []string {
	size := uint32(15 << 10) // what GetAdaptersAddresses' documentation recommends to begin with
	var buf []byte
	for range 4 {
		buf = make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_SKIP_UNICAST|windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, first, &size)
		if err == windows.ERROR_BUFFER_OVERFLOW {
			continue
		}
		if err != nil {
			return nil
		}
		return adapterServers(first)
	}
	return nil
}

func adapterServers(first *windows.IpAdapterAddresses) []string {
	var out []string
	seen := map[string]bool{}
	for a := first; a != nil; a = a.Next {
		if a.OperStatus != windows.IfOperStatusUp || a.IfType == windows.IF_TYPE_SOFTWARE_LOOPBACK {
			continue
		}
		for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
			ip := s.Address.IP()
			// fec0:0:0:ffff::1 to ::3 are what Windows puts where nothing is set.
			if ip == nil || ip.IsUnspecified() || ip[0] == 0xfe && ip[1] == 0xc0 && len(ip) == net.IPv6len {
				continue
			}
			addr := net.JoinHostPort(ip.String(), "53")
			if !seen[addr] {
				seen[addr] = true
				out = append(out, addr)
			}
		}
	}
	return out
}
