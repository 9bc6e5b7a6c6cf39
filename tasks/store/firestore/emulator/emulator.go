// Package emulator runs Google's Firestore emulator for tests and for trying things on one machine.
//
// The emulator is a Java program that comes with the Google Cloud CLI (its component cloud-firestore-emulator, Debian package
// google-cloud-cli-firestore-emulator). It is started directly: the CLI's own command leaves it behind when it is killed.
//
// It differs from the service. It keeps nothing, checks no indexes, removes nothing that has expired, and locks more than the service does.
// Projects are apart from each other and need not be made: [Project] names a new one.
//
// A test package calls [Main] in its TestMain and [Host] in each test.
package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// HostVariable names, in the environment, the emulator that is already there, as host:port. Google's clients look at it too.
	HostVariable = "FIRESTORE_EMULATOR_HOST"
	// JarVariable names the emulator's jar, where it isn't in a Google Cloud CLI that can be found.
	JarVariable = "ROWSMITH_FIRESTORE_JAR"
	// StrictVariable, when it is not empty, makes a missing emulator a failure of the tests that need it.
	StrictVariable = "STRICT"
)

// ErrMissing: this machine has no Java, or not the emulator's jar. The error says how to get it.
var ErrMissing = errors.New("the Firestore emulator is not installed")

const (
	jarInSDK = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
	class    = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
	toStart  = 60 * time.Second // it takes one or two on an idle machine
	toStop   = 5 * time.Second
	starts   = 3 // a port that was free may not be any more
)

// Find returns the Java program and the emulator's jar, or [ErrMissing].
func Find() (java, jar string, err error) {
	java, err = exec.LookPath("java")
	if err != nil {
		if home := os.Getenv("JAVA_HOME"); home != "" {
			java, err = exec.LookPath(filepath.Join(home, "bin", "java"))
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("%w: no java on the PATH (Debian package default-jre-headless)", ErrMissing)
	}
	if jar = os.Getenv(JarVariable); jar != "" {
		if _, err := os.Stat(jar); err != nil {
			return "", "", fmt.Errorf("%w: %s: %w", ErrMissing, JarVariable, err)
		}
		return java, jar, nil
	}
	for _, root := range roots() {
		jar = filepath.Join(root, filepath.FromSlash(jarInSDK))
		if _, err := os.Stat(jar); err == nil {
			return java, jar, nil
		}
	}
	return "", "", fmt.Errorf("%w: no jar of it (gcloud components install cloud-firestore-emulator, Debian package google-cloud-cli-firestore-emulator, or %s)", ErrMissing, JarVariable)
}

// roots are the places where a Google Cloud CLI may be.
func roots() []string {
	var list []string
	if gcloud, err := exec.LookPath("gcloud"); err == nil {
		if real, err := filepath.EvalSymlinks(gcloud); err == nil {
			list = append(list, filepath.Dir(filepath.Dir(real)))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		list = append(list, filepath.Join(home, "google-cloud-sdk"))
	}
	return append(list, "/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk", "/usr/local/google-cloud-sdk", "/usr/share/google-cloud-sdk",
		"/opt/homebrew/share/google-cloud-sdk", "/snap/google-cloud-cli/current")
}

// Start starts an emulator on a free port of this machine and returns, once it answers, its host:port and
// what stops it, which may be called more than once. It ends by itself when this process does, however that dies. Its output is dropped, except in the
// error when it does not start. The error is [ErrMissing] where it is not installed.
func Start(ctx context.Context) (host string, stop func(), err error) {
	java, jar, err := Find()
	if err != nil {
		return "", nil, err
	}
	for range starts {
		if host, stop, err = start(ctx, java, jar); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("start the Firestore emulator: %w", err)
	}
	return host, stop, nil
}

// keep runs its arguments as a command and ends with it; and it ends that when its own input does: when this process is gone.
const keep = `exec 3<&0
"$@" </dev/null 3<&- & child=$!
(while read -r line; do :; done; kill $child) <&3 2>/dev/null & watch=$!
exec 3<&-
trap 'kill $child' TERM INT
wait $child
kill $watch 2>/dev/null`

func start(ctx context.Context, java, jar string) (string, func(), error) {
	port, err := freePort(ctx)
	if err != nil {
		return "", nil, err
	}
	host := net.JoinHostPort("127.0.0.1", port)
	cmd := exec.Command("/bin/sh", "-c", keep, "sh", java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en", "-cp", jar, class, "start",
		"--host=127.0.0.1", "--port="+port)
	input, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = toStop
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // how it ended doesn't matter: that it answers does
		close(ended)
	}()
	stop := sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), toStop)
		defer cancel()
		if req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+"/shutdown", nil); err == nil {
			if r, err := http.DefaultClient.Do(req); err == nil {
				r.Body.Close()
			}
		}
		input.Close()
		select {
		case <-ended:
		case <-ctx.Done():
			cmd.Process.Kill() //nolint:errcheck // it may be gone
			<-ended
		}
	})
	if err := answers(ctx, host, ended); err != nil {
		stop()
		return "", nil, fmt.Errorf("%w; it said: %s", err, out)
	}
	return host, stop, nil
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// answers waits until the emulator says Ok.
func answers(ctx context.Context, host string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, toStart)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/", nil)
		if err != nil {
			return err
		}
		if r, err := http.DefaultClient.Do(req); err == nil {
			text, err := io.ReadAll(io.LimitReader(r.Body, 100))
			r.Body.Close()
			if err == nil && strings.TrimSpace(string(text)) == "Ok" {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", ctx.Err())
		}
	}
}

// tail keeps the end of what was written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - 4096; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// Project returns the id of a new, empty project. Clients make no call to the real service for one that begins with "demo-".
func Project() string { return "demo-" + strings.ToLower(rand.Text()) }

// reasonVariable carries, from Main to Host, why there is no emulator.
const reasonVariable = "ROWSMITH_FIRESTORE_EMULATOR_MISSING"

// Main is a package's TestMain: it runs the tests with one emulator for all of them, the one that [HostVariable] names or
// else its own, and returns the exit code. Where there is none, the tests run all the same: see [Host].
func Main(m *testing.M) int {
	if os.Getenv(HostVariable) != "" {
		return m.Run()
	}
	host, stop, err := Start(context.Background())
	name, text := HostVariable, host
	if err != nil {
		name, text = reasonVariable, err.Error()
	} else {
		defer stop()
	}
	if err := os.Setenv(name, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Host returns the emulator's host:port to a test of a package whose TestMain is [Main]. Where it is not installed the test is skipped,
// with [StrictVariable] set it fails. One that is installed and does not start is a failure in any case.
func Host(t testing.TB) string {
	t.Helper()
	if host := os.Getenv(HostVariable); host != "" {
		return host
	}
	reason := os.Getenv(reasonVariable)
	switch {
	case reason == "":
		t.Fatal("no Firestore emulator: this package's TestMain is not emulator.Main")
	case os.Getenv(StrictVariable) != "":
		t.Fatal(reason)
	}
	if _, _, err := Find(); err == nil {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}
