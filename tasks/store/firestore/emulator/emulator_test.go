package emulator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rowsmith/tasks/store/firestore/emulator"
)

// childVariable makes this test program start an emulator, say where, and wait to be killed.
const childVariable = "ROWSMITH_TEST_EMULATOR_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		host, _, err := emulator.Start(context.Background())
		fmt.Println(host, err)
		select {}
	}
	os.Exit(m.Run())
}

// installed skips where there is no emulator, and fails where there must be one.
func installed(t *testing.T) {
	t.Helper()
	if _, _, err := emulator.Find(); err != nil {
		if os.Getenv(emulator.StrictVariable) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// gone waits until nothing listens at host.
func gone(t *testing.T, host string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		c, err := net.DialTimeout("tcp", host, time.Second)
		if err != nil {
			return
		}
		c.Close()
		select { // another process's end can only be looked for
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Errorf("%s still listens", host)
}

func TestStartAndStop(t *testing.T) {
	installed(t)
	host, stop, err := emulator.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", host); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	stop()
	stop()
	gone(t, host)
}

// TestEndsWithItsProcess: no emulator outlives the program that started it, killed or not.
func TestEndsWithItsProcess(t *testing.T) {
	installed(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program)
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	host, said, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err := errors.Join(child.Process.Kill(), err); err != nil {
		t.Fatal(err)
	}
	child.Wait() //nolint:errcheck // it was killed
	if said != "<nil>" {
		t.Fatal(line)
	}
	gone(t, host)
}

func TestMissing(t *testing.T) {
	t.Setenv(emulator.JarVariable, filepath.Join(t.TempDir(), "none.jar"))
	if _, _, err := emulator.Start(t.Context()); !errors.Is(err, emulator.ErrMissing) {
		t.Errorf("a jar that isn't there: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	if _, _, err := emulator.Start(t.Context()); !errors.Is(err, emulator.ErrMissing) || !strings.Contains(err.Error(), "java") {
		t.Errorf("no java: %v", err)
	}
}

// TestBroken: what is found and does not start says what it said.
func TestBroken(t *testing.T) {
	dir := t.TempDir()
	java, jar := filepath.Join(dir, "java"), filepath.Join(dir, "some.jar")
	if err := errors.Join(os.WriteFile(java, []byte("#!/bin/sh\necho out of memory >&2\nexit 1\n"), 0o755), os.WriteFile(jar, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv(emulator.JarVariable, jar)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, _, err := emulator.Start(t.Context())
	if err == nil || errors.Is(err, emulator.ErrMissing) || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := emulator.Start(ctx); err == nil {
		t.Error("started after the end")
	}
}

func TestProjectsDiffer(t *testing.T) {
	a, b := emulator.Project(), emulator.Project()
	if a == b || !strings.HasPrefix(a, "demo-") || len(a) > 40 {
		t.Errorf("%s %s", a, b)
	}
}
