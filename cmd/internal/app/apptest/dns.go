// Package apptest has the real parts that tests of the whole program run against: a DNS server in process, and the
// program itself on a free port.
package apptest

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// A DNS is a name server over UDP and TCP on loopback.
type DNS struct {
	// Addr is its HOST:PORT.
	Addr string
	// Asked counts questions.
	Asked atomic.Int64
}

// StartDNS serves records, written as in a zone file ("acme.example. 300 IN MX 10 mx.acme.example."), until the test ends. Names without
// records do not exist, except under "broken.", for which it fails.
func StartDNS(t testing.TB, records ...string) *DNS {
	t.Helper()
	zone := map[string][]dns.RR{}
	for _, line := range records {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("record %q: %v", line, err)
		}
		name := strings.ToLower(rr.Header().Name)
		zone[name] = append(zone[name], rr)
	}
	d := new(DNS)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		d.Asked.Add(1)
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		name := strings.ToLower(q.Question[0].Name)
		switch rrs, ok := zone[name]; {
		case name == ".":
			m.Answer = append(m.Answer, &dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 300}, Ns: "a.root."})
		case strings.HasPrefix(name, "broken."):
			m.Rcode = dns.RcodeServerFailure
		case !ok:
			m.Rcode = dns.RcodeNameError
		default:
			for _, rr := range rrs {
				if rr.Header().Rrtype == q.Question[0].Qtype {
					m.Answer = append(m.Answer, rr)
				}
			}
		}
		_ = w.WriteMsg(m) // an asker that went away needs no answer
	})
	for {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err != nil {
			udp.Close() // somebody has the port for TCP: take another
			continue
		}
		d.Addr = udp.LocalAddr().String()
		for _, s := range []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}} {
			go s.ActivateAndServe()
			t.Cleanup(func() { s.Shutdown() })
		}
		return d
	}
}
