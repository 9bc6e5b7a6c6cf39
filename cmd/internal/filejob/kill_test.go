package filejob_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/app/apptest"
	"rowsmith/cmd/internal/filejob"
	"rowsmith/cmd/internal/tabular/messy"
)

// A child is the test binary run again as the program, so that it can be killed.
type child struct {
	In, Out, Data, DNS string
	// DieAt is the step at which it kills itself; 0: never.
	DieAt int64
}

const childEnv = "ROWSMITH_TEST_CHILD"

func TestMain(m *testing.M) {
	if v := os.Getenv(childEnv); v != "" {
		os.Exit(beChild(v))
	}
	os.Exit(m.Run())
}

// want leaves out what tells the time: it differs between runs.
var want = strings.Fields("first_name last_name email_normalized email_verdict email_reason email_is_free mx_host email_provider phone_e164 phone_valid domain job_seniority country timezone company_legal_name")

func beChild(v string) int {
	var c child
	if err := json.Unmarshal([]byte(v), &c); err != nil {
		panic(err)
	}
	var steps atomic.Int64
	o := filejob.Options{In: c.In, Out: c.Out, Data: c.Data, DNS: c.DNS, Want: want, Country: "DE", Log: slog.New(slog.DiscardHandler)}
	o.Parts = app.Parts{Step: func(step, _ string) {
		if n := steps.Add(1); n == c.DieAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	sum, err := filejob.Run(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(struct {
		filejob.Summary
		Steps int64
	}{sum, steps.Load()})
	return 0
}

// run runs a child to its end, or kills it after a while. It reports the output, and whether it was killed.
func (c child) run(t *testing.T, killAfter time.Duration) (out []byte, killed bool) {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(b))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if killAfter > 0 {
		timer := time.AfterFunc(killAfter, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() && ctx.Err() == nil {
		return nil, true
	}
	if err != nil {
		t.Fatalf("child %+v: %v\n%s%s", c, err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), false
}

// seeds is how many random variants run: ROWSMITH_SEEDS, of which make check and make soak set their own.
func seeds(least int) int {
	if n, err := strconv.Atoi(os.Getenv("ROWSMITH_SEEDS")); err == nil && n > 0 {
		return n
	}
	return least
}

// world is an input, a name server, and what an undisturbed run makes of them.
type world struct {
	in, dns string
	out     []byte
	steps   int64
	took    time.Duration
}

func newWorld(t *testing.T, rows int) *world {
	t.Helper()
	w := &world{in: filepath.Join(t.TempDir(), "leads.csv")}
	f, err := os.Create(w.in)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(messy.Leads(f, rows, 7), f.Close()); err != nil {
		t.Fatal(err)
	}
	w.dns = apptest.StartDNS(t, "example.com. 300 IN MX 10 mx.example.com.", "gmail.com. 300 IN MX 5 gmail-smtp-in.l.google.com.").Addr
	dir := t.TempDir()
	start := time.Now()
	b, _ := w.child(dir, 0).run(t, 0)
	w.took = time.Since(start)
	var sum struct{ Steps int64 }
	if err := json.Unmarshal(b, &sum); err != nil {
		t.Fatal(err)
	}
	w.steps, w.out = sum.Steps, w.read(t, dir)
	return w
}

func (w *world) child(dir string, dieAt int64) child {
	return child{In: w.in, Out: filepath.Join(dir, "out.csv"), Data: filepath.Join(dir, "data"), DNS: w.dns, DieAt: dieAt}
}

func (w *world) read(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "out.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same finishes a disturbed run by the same call and compares.
func (w *world) same(t *testing.T, dir, how string) {
	t.Helper()
	w.child(dir, 0).run(t, 0)
	if got := w.read(t, dir); !bytes.Equal(got, w.out) {
		t.Errorf("%s: the file differs from the undisturbed run's: %s", how, firstDifference(got, w.out))
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%s: left behind %v %v", how, left, err)
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func TestKilledAtAnyMoment(t *testing.T) {
	w := newWorld(t, 400)
	rnd := rand.New(rand.NewPCG(1, uint64(seeds(6))))
	kills := 0
	for i := range seeds(6) {
		dir := t.TempDir()
		var how []string
		for range 1 + i%3 { // once, twice or three times in a row
			at := time.Duration(rnd.Int64N(int64(w.took*11/10))) + time.Millisecond
			_, killed := w.child(dir, 0).run(t, at)
			how = append(how, fmt.Sprintf("after %v: %v", at, killed))
			if killed {
				kills++
			}
		}
		w.same(t, dir, strings.Join(how, ", "))
	}
	if kills == 0 {
		t.Error("nothing was killed: the test tests nothing")
	}
	t.Logf("%d kills, undisturbed %v", kills, w.took)
}

func TestKilledAtAnyStep(t *testing.T) {
	w := newWorld(t, 250)
	rnd := rand.New(rand.NewPCG(2, uint64(seeds(6))))
	kills := 0
	for range seeds(6) {
		dir := t.TempDir()
		step := 1 + rnd.Int64N(w.steps)
		if _, killed := w.child(dir, step).run(t, 0); killed {
			kills++
		}
		w.same(t, dir, fmt.Sprintf("at step %d of %d", step, w.steps))
	}
	if kills == 0 {
		t.Error("nothing was killed: the test tests nothing")
	}
	t.Logf("%d kills, %d steps", kills, w.steps)
}
