package app

import (
	"net"
	"net/http"
	"sync"
)

// unused knows the server's connections that have not carried a byte yet. Browsers and Go's client open some ahead, and
// http.Server.Shutdown waits five seconds for each to say something.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// note is the server's ConnState hook.
func (u *unused) note(c net.Conn, s http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s == http.StateNew {
		if u.conns == nil {
			u.conns = map[net.Conn]bool{}
		}
		u.conns[c] = true
	} else {
		delete(u.conns, c)
	}
}

// close hangs up on all of them.
func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nothing was said
	}
}
