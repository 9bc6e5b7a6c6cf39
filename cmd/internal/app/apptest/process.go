package apptest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
)

// A Process is the program under test in a process of its own, so that it can be killed at any step. The package's TestMain is [Main].
type Process struct {
	API
	levers string
	cmd    *exec.Cmd
	stdin  io.Closer
	log    *safeBuffer
	done   chan struct{} // closed when it has ended
	err    error         // how, once done
}

// StartProcess starts the program. lease 0 is the program's own; vendor may be empty; dieAt's zero value is never.
func StartProcess(t testing.TB, c app.Config, lease time.Duration, vendor string, dieAt Order) *Process {
	t.Helper()
	spec, err := json.Marshal(childSpec{Config: c, Lease: lease, Vendor: vendor, DieAt: dieAt})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(spec))
	p := &Process{cmd: cmd, log: new(safeBuffer), done: make(chan struct{})}
	cmd.Stderr = p.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, lerr := bufio.NewReader(stdout).ReadBytes('\n')
	go func() {
		_, _ = io.Copy(io.Discard, stdout) // its end is the process's end
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Stop(t)
		if t.Failed() {
			t.Logf("process %d logged: …%s", cmd.Process.Pid, p.log.tail(6000))
		}
	})
	if lerr == nil {
		var at childAddrs
		if err := json.Unmarshal(line, &at); err != nil {
			t.Fatal(err)
		}
		p.API, p.levers = API{at.URL, t}, at.Levers
		return p
	}
	<-p.done
	if p.killed() {
		return p // it died before it was ready
	}
	t.Fatalf("process: %v\n%s", p.err, p.log.tail(2000))
	return nil
}

// Stop ends it gently, if it is still there.
func (p *Process) Stop(t testing.TB) {
	p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines are what one wants to see
		<-p.done
		t.Error("the process did not stop within 20 s")
		return
	}
	if p.err != nil && !p.killed() {
		t.Errorf("process: %v\n%s", p.err, p.log.tail(4000))
	}
}

// Kill kills it.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// Died waits until it has killed itself.
func (p *Process) Died() <-chan struct{} { return p.done }

func (p *Process) killed() bool {
	var exit *exec.ExitError
	return errors.As(p.err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
}

func (p *Process) pull(method, path string, args ...string) []byte {
	p.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.levers+path+"?"+q.Encode(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, b)
	}
	return b
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// DieAt lets it kill itself when a step is reached for the n-th time from now.
func (p *Process) DieAt(o Order) { p.pull("POST", "/die", "step", o.Step, "n", number(o.N)) }

// HoldAt lets it stand still there; Held waits for it, Release lets it go on.
func (p *Process) HoldAt(o Order) { p.pull("POST", "/hold", "step", o.Step, "n", number(o.N)) }

// Held waits until the step is reached that HoldAt named.
func (p *Process) Held() { p.pull("GET", "/held") }

// Release undoes HoldAt.
func (p *Process) Release() { p.pull("POST", "/release") }

// Reached waits until a step was reached n times in all.
func (p *Process) Reached(step string, n int64) {
	p.pull("GET", "/reached", "step", step, "n", number(n))
}

// Tick has it look for state without a task, as it does every minute by itself.
func (p *Process) Tick() { p.pull("POST", "/tick") }

// Steps is how often each step was reached; "" is all of them.
func (p *Process) Steps() (steps map[string]int64) {
	p.read(&steps, "/steps")
	return steps
}

// Documents reads the payloads of a job's documents: see [Documents].
func (p *Process) Documents(kind, job string) (docs []json.RawMessage) {
	p.read(&docs, "/documents", "kind", kind, "job", job)
	return docs
}

func (p *Process) read(into any, path string, args ...string) {
	p.t.Helper()
	if err := json.Unmarshal(p.pull("GET", path, args...), into); err != nil {
		p.t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
}

// A safeBuffer is a buffer that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) tail(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.b.Bytes()
	return bytes.Clone(b[max(0, len(b)-n):])
}
