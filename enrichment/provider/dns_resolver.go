package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// Why a name could not be looked up. Each says something about the servers or the network; that a name or record does not exist
// is an answer and no error.
var (
	// ErrOffline: this machine has no name server, or none can be reached, or it is told not to.
	ErrOffline = errors.New("offline")
	// ErrServfail: the servers answer, and could not find out (the domain's own servers are broken, or its
	// signatures are).
	ErrServfail = errors.New("servfail")
	// ErrTimeout: no answer for this name in time, while other names are answered.
	ErrTimeout = errors.New("timeout")
	// ErrRefused: every server refuses to look this name up.
	ErrRefused = errors.New("refused")
)

// dnsReason is the short code for a resolver's error.
func dnsReason(err error) string {
	for _, known := range []error{ErrOffline, ErrServfail, ErrTimeout, ErrRefused} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "cancelled"
}

// ResolverConfig is what a [Resolver] is made of. The zero value asks the machine's own servers.
type ResolverConfig struct {
	// Servers are name servers as HOST:PORT, HOST or [HOST]:PORT, asked in this order; none: the machine's own.
	Servers []string
	// Offline: nothing is asked, every look-up is [ErrOffline].
	Offline bool
	// Clock; nil: the real one. It times the cache, not the network.
	Clock clockwork.Clock
	// Log; nil: none. Names are not logged.
	Log *slog.Logger
	// Timeout is how long one server has for one answer; 0: 2 s.
	Timeout time.Duration
	// Tries is how often all servers are tried for one name; 0: 2.
	Tries int
	// Concurrency is how many names are being asked for at once; 0: 64.
	Concurrency int
	// CacheSize is how many answers are kept; 0: 100,000.
	CacheSize int
}

// A Resolver looks DNS records up: over UDP, over TCP where an answer is cut off, every server in turn, again where there was
// no answer. What it learns it keeps as long as the records allow (between [minTTL] and [maxTTL]), also that there is
// nothing, and for a moment that somebody's servers are broken. The same question asked many times
// at once goes out once.
//
// Offline it costs next to nothing: when no server gives a useful answer, the resolver asks for the root's servers,
// which every working server knows. If that fails too the machine is offline: for [offlineFor] all look-ups are
// refused at once, and then one of them tries again.
//
// The machine's own servers are not believed blindly: closed-off networks have servers that say of every name that it does
// not exist. One that says so of the root is no way to the world's names, and the machine is offline. Servers named in the
// configuration are taken at their word: they may know the names of one network and no others.
//
// It is safe for concurrent use.
type Resolver struct {
	servers []string
	offline bool
	system  bool // the servers are the machine's own, not ones that somebody chose
	clock   clockwork.Clock
	log     *slog.Logger
	timeout time.Duration
	tries   int
	slots   chan struct{}
	flights singleflight.Group
	cache   *dnsCache
	circuit dnsCircuit
	udp     *dns.Client
	tcp     *dns.Client
}

// NewResolver makes a resolver. It fails when a server's address can't be one. That the machine has no server is no
// error: then it is offline.
func NewResolver(c ResolverConfig) (*Resolver, error) {
	r := &Resolver{offline: c.Offline, clock: c.Clock, log: c.Log, timeout: c.Timeout, tries: c.Tries}
	if r.clock == nil {
		r.clock = clockwork.NewRealClock()
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.timeout <= 0 {
		r.timeout = 2 * time.Second
	}
	if r.tries <= 0 {
		r.tries = 2
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 64
	}
	if c.CacheSize <= 0 {
		c.CacheSize = 100_000
	}
	r.slots = make(chan struct{}, c.Concurrency)
	r.cache = newDNSCache(c.CacheSize)
	r.udp = &dns.Client{Net: "udp", Timeout: r.timeout, UDPSize: dnsUDPSize}
	r.tcp = &dns.Client{Net: "tcp", Timeout: r.timeout}
	for _, s := range c.Servers {
		addr, err := serverAddress(s)
		if err != nil {
			return nil, fmt.Errorf("dns server %q: %w", s, err)
		}
		r.servers = append(r.servers, addr)
	}
	if len(c.Servers) == 0 && !c.Offline {
		r.servers, r.system = systemServers(), true
	}
	if len(r.servers) == 0 {
		r.offline = true
	}
	return r, nil
}

// Servers returns the addresses of the servers that are asked, in order.
func (r *Resolver) Servers() []string { return slices.Clone(r.servers) }

// dnsUDPSize is what fits through every network (dnsflagday.net/2020).
const dnsUDPSize = 1232

// A dnsAnswer is what there is of one type at one name. None of it is changed once made.
type dnsAnswer struct {
	records []dns.RR // of the type asked for, at the end of whatever CNAMEs
	noName  bool     // NXDOMAIN: nor of any other type
	ttl     time.Duration
	err     error
}

// lookup returns the records of a type at a name, which is ASCII without a dot at the end.
func (r *Resolver) lookup(ctx context.Context, name string, qtype uint16) (dnsAnswer, error) {
	if r.offline {
		return dnsAnswer{}, ErrOffline
	}
	if err := ctx.Err(); err != nil {
		return dnsAnswer{}, err
	}
	key := dnsKey{strings.ToLower(name), qtype}
	if a, ok := r.cache.get(key, r.clock.Now()); ok {
		return a, a.err
	}
	// The flight goes on when whoever began it has no more time: others wait for it too.
	flight := r.flights.DoChan(key.String(), func() (any, error) {
		if a, ok := r.cache.get(key, r.clock.Now()); ok {
			return a, nil
		}
		return r.resolve(context.WithoutCancel(ctx), key), nil
	})
	select {
	case <-ctx.Done():
		return dnsAnswer{}, ctx.Err()
	case res := <-flight:
		a := res.Val.(dnsAnswer)
		return a, a.err
	}
}

// resolve asks the servers and keeps what they say.
func (r *Resolver) resolve(ctx context.Context, key dnsKey) dnsAnswer {
	r.slots <- struct{}{}
	defer func() { <-r.slots }()
	probe, open := r.circuit.enter(r.clock.Now())
	if open {
		return dnsAnswer{err: ErrOffline}
	}
	if r.system && !r.circuit.isProved() && r.rootless(ctx) {
		r.goOffline(ctx, errRootless)
		return dnsAnswer{err: ErrOffline}
	}
	began := time.Now()
	a := r.follow(ctx, key)
	if a.err == nil {
		r.circuit.answered(time.Now())
	} else if !r.online(ctx, a.err, began) {
		r.goOffline(ctx, a.err)
		return dnsAnswer{err: ErrOffline}
	}
	if probe {
		r.circuit.close()
	}
	r.cache.put(key, a, r.clock.Now())
	return a
}

// follow asks for a name and for what it is an alias of.
func (r *Resolver) follow(ctx context.Context, key dnsKey) dnsAnswer {
	ttl := maxTTL
	name := key.name
	seen := map[string]bool{}
	for range mostAliases {
		if seen[name] {
			break
		}
		seen[name] = true
		msg, err := r.ask(ctx, dnsKey{name, key.qtype}, r.tries)
		if err != nil {
			return dnsAnswer{err: err, ttl: failureTTL}
		}
		step := read(msg, name, key.qtype)
		ttl = min(ttl, step.ttl)
		if step.err != nil || step.alias == "" {
			step.ttl = ttl
			return step.dnsAnswer
		}
		// The server left the rest of the way to us.
		name = step.alias
	}
	// Aliases in a circle: the domain's owner has to mend that.
	return dnsAnswer{err: ErrServfail, ttl: failureTTL}
}

// mostAliases is how long a chain of CNAMEs may be.
const mostAliases = 8

// A dnsStep is what one message says.
type dnsStep struct {
	dnsAnswer
	alias string // where to go on; "" at the end
}

// read takes the records of a type out of a message, following the aliases in it.
func read(msg *dns.Msg, name string, qtype uint16) dnsStep {
	ttl := maxTTL
	seen := map[string]bool{}
	start := name
	for {
		seen[name] = true
		var records []dns.RR
		alias := ""
		for _, rr := range msg.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(strings.TrimSuffix(h.Name, "."), name) {
				continue
			}
			switch c, isAlias := rr.(*dns.CNAME); {
			case h.Rrtype == qtype:
				records = append(records, rr)
				ttl = min(ttl, seconds(h.Ttl))
			case isAlias:
				alias = strings.ToLower(strings.TrimSuffix(c.Target, "."))
				ttl = min(ttl, seconds(h.Ttl))
			}
		}
		if len(records) > 0 {
			return dnsStep{dnsAnswer: dnsAnswer{records: records, ttl: max(ttl, minTTL)}}
		}
		if alias == "" {
			break
		}
		if name = alias; seen[name] {
			return dnsStep{dnsAnswer: dnsAnswer{err: ErrServfail, ttl: failureTTL}}
		}
	}
	if msg.Rcode != dns.RcodeNameError && name != start && !nothingThere(msg) {
		return dnsStep{dnsAnswer: dnsAnswer{ttl: max(ttl, minTTL)}, alias: name}
	}
	return dnsStep{dnsAnswer: dnsAnswer{noName: msg.Rcode == dns.RcodeNameError, ttl: min(max(ttl, minTTL), negativeTTL(msg))}}
}

// nothingThere reports whether a message proves that its last name has no such record (RFC 2308): otherwise
// the server has merely stopped at an alias.
func nothingThere(msg *dns.Msg) bool {
	for _, rr := range msg.Ns {
		if _, ok := rr.(*dns.SOA); ok {
			return true
		}
	}
	return false
}

// negativeTTL is how long "there is nothing" holds (RFC 2308, section 5).
func negativeTTL(msg *dns.Msg) time.Duration {
	for _, rr := range msg.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(max(seconds(min(soa.Hdr.Ttl, soa.Minttl)), minTTL), maxNegativeTTL)
		}
	}
	return noSOATTL
}

// seconds is a TTL of a record; those with the top bit set count as zero (RFC 2181, section 8).
func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// ask puts one question to the servers in turn until one answers it, each as often as said, in no more time than
// one more try than that takes with a single server.
func (r *Resolver) ask(ctx context.Context, key dnsKey, tries int) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(tries+1)*r.timeout)
	defer cancel()
	var worst error
	for range tries {
		for _, server := range r.servers {
			if worst != nil && ctx.Err() != nil {
				return nil, worst
			}
			msg, err := r.exchange(ctx, server, key)
			if err == nil {
				return msg, nil
			}
			// Of several troubles the one that tells most counts: a server that said something over silence.
			if worst == nil || errors.Is(worst, ErrTimeout) || errors.Is(worst, ErrOffline) && !errors.Is(err, ErrTimeout) {
				worst = err
			}
		}
		if errors.Is(worst, ErrRefused) {
			break // they will not change their minds
		}
	}
	return nil, worst
}

// exchange puts one question to one server.
func (r *Resolver) exchange(ctx context.Context, server string, key dnsKey) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(key.name), key.qtype)
	q.SetEdns0(dnsUDPSize, false)
	msg, err := r.send(ctx, r.udp, server, q)
	if err == nil && msg.Rcode == dns.RcodeFormatError {
		// An old server that doesn't know EDNS.
		q.Extra = nil
		msg, err = r.send(ctx, r.udp, server, q)
	}
	if err == nil && msg.Truncated {
		msg, err = r.send(ctx, r.tcp, server, q)
	}
	if err != nil {
		return nil, err
	}
	switch msg.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		if msg.Truncated {
			return nil, ErrServfail
		}
		return msg, nil
	case dns.RcodeRefused, dns.RcodeNotAuth:
		return nil, ErrRefused
	}
	return nil, ErrServfail
}

// send sends a message and waits for the answer to it and no other: messages with another id, or about something else, are
// somebody's mistake or worse and are not looked at.
func (r *Resolver) send(ctx context.Context, c *dns.Client, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	q.Id = dns.Id()
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, networkError(err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, networkError(err)
		}
	}
	conn.UDPSize = dnsUDPSize
	if err := conn.WriteMsg(q); err != nil {
		return nil, networkError(err)
	}
	for {
		msg, err := conn.ReadMsg()
		if err != nil {
			var dnsErr *dns.Error
			if errors.As(err, &dnsErr) || msg != nil {
				// Not a message. Over UDP the right one may still come.
				if c.Net == "udp" {
					continue
				}
				return nil, ErrServfail
			}
			return nil, networkError(err)
		}
		if msg.Response && msg.Id == q.Id && len(msg.Question) == 1 && msg.Question[0].Qtype == q.Question[0].Qtype && strings.EqualFold(msg.Question[0].Name, q.Question[0].Name) {
			return msg, nil
		}
		if c.Net == "tcp" {
			return nil, ErrServfail
		}
	}
}
