package provider

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// serverAddress brings a name server as people write it into HOST:PORT; the port is 53 unless it says otherwise.
func serverAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return net.JoinHostPort(addr.String(), "53"), nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if strings.ContainsAny(s, ":[]") || s == "" {
			return "", errors.New("write it as HOST:PORT")
		}
		host, port = s, "53"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", errors.New("the port must be a number from 1 to 65535")
	}
	if host == "" || strings.ContainsAny(host, " /@") {
		return "", errors.New("write it as HOST:PORT")
	}
	return net.JoinHostPort(host, port), nil
}

// networkError says what a failed exchange means: silence is a timeout, anything the network itself says at once (no
// route, nobody listens there) means that this server can't be reached.
func networkError(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return ErrTimeout
	}
	return ErrOffline
}
