package provider

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A nameServer is a real name server on a port of this machine, UDP and TCP, which counts what it is asked.
type nameServer struct {
	addr string

	mu     sync.Mutex
	asked  map[dnsKey]int
	answer func(w dns.ResponseWriter, q *dns.Msg) *dns.Msg // nil: no answer at all
	tcp    int
	net    string // of the question being answered
}

// startNameServer serves a zone in the master file format ("acme.test. 300 IN MX 10 mx.acme.test."). Names that it does not hold do
// not exist. Some names have a mind of their own, see behave.
func startNameServer(t testing.TB, zone string) *nameServer {
	t.Helper()
	s := &nameServer{asked: map[dnsKey]int{}}
	records := map[string][]dns.RR{}
	zp := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		name := strings.ToLower(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	s.answer = func(w dns.ResponseWriter, q *dns.Msg) *dns.Msg { return s.behave(w, q, records) }

	udp, tcp := listenBoth(t)
	s.addr = udp.LocalAddr().String()
	for _, srv := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		up := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		network := "udp"
		if srv.Listener != nil {
			network = "tcp"
		}
		srv.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { s.serve(w, q, network) })
		go srv.ActivateAndServe()
		<-up
		t.Cleanup(func() { srv.Shutdown() })
	}
	return s
}

func (s *nameServer) serve(w dns.ResponseWriter, q *dns.Msg, network string) {
	key := dnsKey{strings.ToLower(strings.TrimSuffix(q.Question[0].Name, ".")), q.Question[0].Qtype}
	s.mu.Lock()
	s.asked[key]++
	if network == "tcp" {
		s.tcp++
	}
	answer := s.answer
	s.mu.Unlock()
	m := answer(w, q)
	if m == nil {
		return
	}
	if network == "udp" && m.Len() > dnsUDPSize || m.Truncated {
		if network == "udp" {
			m.Truncated, m.Answer = true, nil
		} else {
			m.Truncated = false
		}
	}
	w.WriteMsg(m)
}

// behave answers from the zone, but for names that begin with what is to go wrong.
func (s *nameServer) behave(w dns.ResponseWriter, q *dns.Msg, records map[string][]dns.RR) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "_dmarc."), ".")
	switch {
	case name == ".":
		m.Answer = append(m.Answer, record(". 86400 IN NS a.root-servers.net."))
		return m
	case strings.HasPrefix(kind, "servfail"):
		m.Rcode = dns.RcodeServerFailure
		return m
	case strings.HasPrefix(kind, "refused"):
		m.Rcode = dns.RcodeRefused
		return m
	case strings.HasPrefix(kind, "silent"):
		return nil
	case strings.HasPrefix(kind, "wrongid"):
		// A wrong answer first, then the right one.
		wrong := m.Copy()
		wrong.Id++
		wrong.Answer = []dns.RR{record(name + " 300 IN MX 1 evil.test.")}
		w.WriteMsg(wrong)
		other := m.Copy()
		other.Question[0].Name = "other.test."
		other.Answer = []dns.RR{record(name + " 300 IN MX 1 evil.test.")}
		w.WriteMsg(other)
		w.Write([]byte{1, 2, 3})
	case strings.HasPrefix(kind, "noedns") && q.IsEdns0() != nil:
		m.Rcode = dns.RcodeFormatError
		return m
	case strings.HasPrefix(kind, "loop"):
		m.Answer = []dns.RR{record(name + " 300 IN CNAME " + name)}
		return m
	case strings.HasPrefix(kind, "circle"):
		to := map[string]string{"circle1.test.": "circle2.test.", "circle2.test.": "circle1.test."}[name]
		m.Answer = []dns.RR{record(name + " 300 IN CNAME " + to)}
		return m
	case strings.HasPrefix(kind, "cut"):
		m.Truncated = true
	}
	have, ok := records[name]
	if !ok {
		m.Rcode = dns.RcodeNameError
		m.Ns = []dns.RR{record("test. 300 IN SOA ns.test. root.test. 1 2 3 4 120")}
		return m
	}
	for _, rr := range have {
		if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
			m.Answer = append(m.Answer, dns.Copy(rr))
		}
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{record("test. 300 IN SOA ns.test. root.test. 1 2 3 4 120")}
	}
	return m
}

func record(s string) dns.RR {
	rr, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return rr
}

func (s *nameServer) count(name string, qtype uint16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[dnsKey{name, qtype}]
}

func (s *nameServer) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.asked {
		n += c
	}
	return n
}

func (s *nameServer) become(answer func(w dns.ResponseWriter, q *dns.Msg) *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// impatient is a timeout for servers that never answer: on this machine an answer takes microseconds.
const impatient = 150 * time.Millisecond

func resolverOf(t testing.TB, c ResolverConfig) *Resolver {
	t.Helper()
	r, err := NewResolver(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// listenBoth takes a port that is free for UDP and for TCP: one that is free for the one may be somebody's for the other.
func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for try := 1; ; try++ {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		udp.Close()
		if try == 100 {
			t.Fatal(err)
		}
	}
}
