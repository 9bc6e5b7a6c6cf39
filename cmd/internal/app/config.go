package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// A Config is all that can be set, in one place. Each field can be set by the variable in its tag. Fields with the tag secret are
// never shown.
type Config struct {
	// Addr is where the program listens; port 0 picks a free one. Embedded programs bind loopback only.
	Addr string `env:"ROWSMITH_ADDR" envDefault:"127.0.0.1:8080"`
	// Data is the folder that holds what is kept on this machine: rowsmith.db (store and queue) and sheets/ (embedded spreadsheets).
	Data string `env:"ROWSMITH_DATA"`
	// DevAPIKey is the API key of an embedded program's one account, "dev".
	DevAPIKey string `env:"ROWSMITH_DEV_API_KEY" envDefault:"dev" secret:""`
	// DNS is the name server to ask, HOST:PORT; empty is the system's.
	DNS string `env:"ROWSMITH_DNS"`
	// Workers is how many chunks are enriched at once; 0 is one a processor.
	Workers int `env:"ROWSMITH_WORKERS"`
	// LogLevel is debug, info, warn or error.
	LogLevel slog.Level `env:"ROWSMITH_LOG_LEVEL" envDefault:"info"`

	// Serve makes a program that works on Google's spreadsheets instead of embedded ones. What follows is for it alone.
	Serve bool
	// Role is what this process does: "api" answers people and programs, "worker" does the queue's work, "all" both.
	Role string `env:"ROWSMITH_ROLE" envDefault:"all"`
	// StoreKind is "sqlite" (a file in Data) or "firestore".
	StoreKind string `env:"ROWSMITH_STORE" envDefault:"sqlite"`
	// QueueKind is "sqlite" (the same file) or "cloudtasks".
	QueueKind string `env:"ROWSMITH_QUEUE" envDefault:"sqlite"`
	// APIKey is the API key of the one account, at least 20 characters.
	APIKey string `env:"ROWSMITH_API_KEY" secret:""`
	// Spreadsheets are the ids of the spreadsheets that the account may use. A key never opens others, whatever else is shared
	// with the service account.
	Spreadsheets []string `env:"ROWSMITH_SPREADSHEETS"`
	// GoogleCredentials is the path of a service account's key file; empty takes the environment's (on Cloud Run, the service's own).
	GoogleCredentials string `env:"ROWSMITH_GOOGLE_CREDENTIALS"`
	// SheetsEndpoint is the base URL of the Sheets API; empty is Google's.
	SheetsEndpoint string `env:"ROWSMITH_SHEETS_ENDPOINT"`
	// WriteInterval is the least time between two writes to a tab. Google allows 60 a minute.
	WriteInterval time.Duration `env:"ROWSMITH_WRITE_INTERVAL" envDefault:"1s"`

	// Project is the Google Cloud project of Firestore and Cloud Tasks.
	Project string `env:"ROWSMITH_PROJECT"`
	// Database is the Firestore database.
	Database string `env:"ROWSMITH_FIRESTORE_DATABASE" envDefault:"(default)"`
	// Location is where the queues are, for instance "europe-west1".
	Location string `env:"ROWSMITH_TASKS_LOCATION"`
	// TasksPrefix begins the queues' ids.
	TasksPrefix string `env:"ROWSMITH_TASKS_PREFIX"`
	// TasksEndpoint is HOST:PORT of a stand-in for Cloud Tasks; empty is Google's.
	TasksEndpoint string `env:"ROWSMITH_TASKS_ENDPOINT"`
	// WorkerURL is the base URL that the queue delivers to.
	WorkerURL string `env:"ROWSMITH_WORKER_URL"`
	// Audience is what deliveries' tokens are for; empty is WorkerURL.
	Audience string `env:"ROWSMITH_TASKS_AUDIENCE"`
	// ServiceAccount is the address whose tokens deliveries carry.
	ServiceAccount string `env:"ROWSMITH_TASKS_SERVICE_ACCOUNT"`
	// Issuer signs those tokens.
	Issuer string `env:"ROWSMITH_TASKS_ISSUER" envDefault:"https://accounts.google.com"`

	// Tools opens the parts for an operator's command: nothing is delivered, nothing ticks, spreadsheets are out of reach.
	Tools bool

	// Private closes the embedded Sheets API to everybody but this process: for a single run over a file,
	// where other users of the machine have no business in it.
	Private bool
}

// Load reads the configuration from the environment, as os.Environ gives it. All problems are reported at once, one
// a line, each naming its variable.
func Load(environ []string) (Config, error) {
	c, problems := parse(environ)
	return c, errors.Join(append(problems, c.Check())...)
}

// LoadServe is [Load] for a program that serves Google's spreadsheets. On Cloud Run the port comes in PORT.
func LoadServe(environ []string) (Config, error) {
	c, problems := parse(environ)
	c.Serve = true
	set := env.ToMap(environ)
	if p := set["PORT"]; p != "" && set["ROWSMITH_ADDR"] == "" {
		c.Addr = ":" + p
	}
	return c, errors.Join(append(problems, c.Check())...)
}

func parse(environ []string) (Config, []error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: env.ToMap(environ)})
	var all env.AggregateError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &all):
		return c, all.Errors
	default:
		return c, []error{err}
	}
}

// Check reports everything that is wrong with a configuration, one problem a line.
func (c *Config) Check() error {
	var problems []error
	bad := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf(name+": "+format, args...))
	}
	if host, _, err := net.SplitHostPort(c.Addr); err != nil {
		bad("ROWSMITH_ADDR", "%q is not HOST:PORT", c.Addr)
	} else if !c.Serve && !loopback(host) {
		bad("ROWSMITH_ADDR", "%q is not an address of this machine alone; use 127.0.0.1", c.Addr)
	}
	if c.DNS != "" {
		if _, _, err := net.SplitHostPort(c.DNS); err != nil {
			bad("ROWSMITH_DNS", "%q is not HOST:PORT", c.DNS)
		}
	}
	if !c.Serve && (c.DevAPIKey == "" || strings.ContainsAny(c.DevAPIKey, " \t\r\n")) {
		bad("ROWSMITH_DEV_API_KEY", "the key is empty or has white space in it")
	}
	if c.Workers < 0 || c.Workers > 1000 {
		bad("ROWSMITH_WORKERS", "%d is not between 0 and 1000", c.Workers)
	}
	if c.Serve {
		c.checkServe(bad)
	}
	return errors.Join(problems...)
}

// leastKey is how long an API key is at least: short ones can be guessed.
const leastKey = 20

func (c *Config) checkServe(bad func(name, format string, args ...any)) {
	oneOf := func(name, v string, values ...string) {
		if !slices.Contains(values, v) {
			bad(name, "%q is not one of %s", v, strings.Join(values, ", "))
		}
	}
	oneOf("ROWSMITH_ROLE", c.Role, "api", "worker", "all")
	oneOf("ROWSMITH_STORE", c.StoreKind, "sqlite", "firestore")
	oneOf("ROWSMITH_QUEUE", c.QueueKind, "sqlite", "cloudtasks")
	required := func(name, v, why string) {
		if v == "" {
			bad(name, "is required %s", why)
		}
	}
	if c.Role != "worker" && !c.Tools {
		if len(c.APIKey) < leastKey || strings.ContainsAny(c.APIKey, " \t\r\n") {
			bad("ROWSMITH_API_KEY", "set a key of at least %d characters without white space", leastKey)
		}
		if len(c.Spreadsheets) == 0 {
			bad("ROWSMITH_SPREADSHEETS", "name the ids of the spreadsheets that the key may use, separated by commas")
		}
	}
	if c.sqlite() {
		required("ROWSMITH_DATA", c.Data, "where store or queue is sqlite")
		if c.Role != "all" && !c.Tools {
			bad("ROWSMITH_ROLE", "%q needs a store and a queue that processes share: firestore and cloudtasks", c.Role)
		}
	}
	if c.StoreKind == "firestore" || c.QueueKind == "cloudtasks" {
		required("ROWSMITH_PROJECT", c.Project, "with firestore or cloudtasks")
	}
	if c.QueueKind == "cloudtasks" {
		required("ROWSMITH_TASKS_LOCATION", c.Location, "with cloudtasks")
		required("ROWSMITH_TASKS_SERVICE_ACCOUNT", c.ServiceAccount, "with cloudtasks")
		if u, err := url.Parse(c.WorkerURL); err != nil || u.Host == "" {
			bad("ROWSMITH_WORKER_URL", "%q is not the base URL of the worker", c.WorkerURL)
		}
		if c.StoreKind == "sqlite" && c.Role != "all" {
			bad("ROWSMITH_STORE", "sqlite can't be shared by processes")
		}
	}
	if c.SheetsEndpoint != "" {
		if u, err := url.Parse(c.SheetsEndpoint); err != nil || u.Host == "" {
			bad("ROWSMITH_SHEETS_ENDPOINT", "%q is not a URL", c.SheetsEndpoint)
		}
	}
	if c.WriteInterval < 0 || c.WriteInterval > time.Minute {
		bad("ROWSMITH_WRITE_INTERVAL", "%v is not between 0 and a minute", c.WriteInterval)
	}
}

// sqlite reports whether this process keeps something in a file of its own.
func (c *Config) sqlite() bool {
	return !c.Serve || c.StoreKind == "sqlite" || c.QueueKind == "sqlite"
}

// Shown lists the configuration as VARIABLE=value, secrets as VARIABLE=(set), for doctor and the log's first line.
func (c *Config) Shown() []string {
	var out []string
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, ok := f.Tag.Lookup("env")
		if !ok || v.Field(i).IsZero() {
			continue
		}
		text := fmt.Sprint(v.Field(i).Interface())
		if _, secret := f.Tag.Lookup("secret"); secret {
			text = "(set)"
		}
		out = append(out, name+"="+text)
	}
	return out
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
