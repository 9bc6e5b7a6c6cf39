package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/caarlos0/env/v11"
)

// A Config is all that can be set, in one place. Each field can be set by the variable in its tag.
type Config struct {
	// Addr is where the program listens; port 0 picks a free one. One machine's program binds loopback only.
	Addr string `env:"ROWSMITH_ADDR" envDefault:"127.0.0.1:8080"`
	// Data is the folder that holds everything: rowsmith.db (store and queue) and sheets/ (embedded spreadsheets).
	Data string `env:"ROWSMITH_DATA"`
	// DevAPIKey is the API key of the one account, "dev".
	DevAPIKey string `env:"ROWSMITH_DEV_API_KEY" envDefault:"dev"`
	// DNS is the name server to ask, HOST:PORT; empty is the system's.
	DNS string `env:"ROWSMITH_DNS"`
	// Workers is how many chunks are enriched at once; 0 is one a processor.
	Workers int `env:"ROWSMITH_WORKERS"`
	// LogLevel is debug, info, warn or error.
	LogLevel slog.Level `env:"ROWSMITH_LOG_LEVEL" envDefault:"info"`

	// Private closes the embedded Sheets API to everybody but this process: for a single run over a file,
	// where other users of the machine have no business in it.
	Private bool
}

// Load reads the configuration from the environment. getenv is os.Environ in the program. All problems are reported at once, one
// a line, each naming its variable.
func Load(environ []string) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: env.ToMap(environ)})
	var problems []error
	if err != nil {
		var all env.AggregateError
		if errors.As(err, &all) {
			problems = append(problems, all.Errors...)
		} else {
			problems = append(problems, err)
		}
	}
	return c, errors.Join(append(problems, c.Check())...)
}

// Check reports everything that is wrong with a configuration, one problem a line.
func (c *Config) Check() error {
	var problems []error
	bad := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf(name+": "+format, args...))
	}
	if host, _, err := net.SplitHostPort(c.Addr); err != nil {
		bad("ROWSMITH_ADDR", "%q is not HOST:PORT", c.Addr)
	} else if !loopback(host) {
		bad("ROWSMITH_ADDR", "%q is not an address of this machine alone; use 127.0.0.1", c.Addr)
	}
	if c.DNS != "" {
		if _, _, err := net.SplitHostPort(c.DNS); err != nil {
			bad("ROWSMITH_DNS", "%q is not HOST:PORT", c.DNS)
		}
	}
	if c.DevAPIKey == "" || strings.ContainsAny(c.DevAPIKey, " \t\r\n") {
		bad("ROWSMITH_DEV_API_KEY", "the key is empty or has white space in it")
	}
	if c.Workers < 0 || c.Workers > 1000 {
		bad("ROWSMITH_WORKERS", "%d is not between 0 and 1000", c.Workers)
	}
	return errors.Join(problems...)
}

func (c *Config) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return max(2, runtime.NumCPU())
}

func (c *Config) database() string { return filepath.Join(c.Data, "rowsmith.db") }

// loopback reports whether a host names this machine only.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
