package tabular

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// names lists a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, e := range must(os.ReadDir(dir)) {
		all = append(all, e.Name())
	}
	return all
}

func TestAtomicFile(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
	check(t, os.WriteFile(in, []byte("in"), 0o640), os.Chmod(in, 0o640))

	a, err := Create(out, in)
	check(t, err)
	must(a.Write([]byte("half")))
	if _, err := os.Stat(out); err == nil {
		t.Error("the output appeared before it was whole")
	}
	check(t, a.Close(), a.Close())
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}

	a, err = Create(out, in)
	check(t, err)
	must(a.Write([]byte("whole")))
	check(t, a.Commit(), a.Close())
	if got := must(os.ReadFile(out)); string(got) != "whole" {
		t.Errorf("output holds %q", got)
	}
	if mode := must(os.Stat(out)).Mode().Perm(); runtime.GOOS != "windows" && mode != 0o640 {
		t.Errorf("mode %v", mode)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("left behind: %q", got)
	}

	// A failed write is remembered, told once in plain words, and leaves what was there.
	a, err = Create(out, in)
	check(t, err, a.file.Close())
	_, first := a.Write([]byte("x"))
	wantProblem(t, "write", first, "out.csv could not be written")
	wantProblem(t, "commit", a.Commit(), "out.csv could not be written")
	if got := must(os.ReadFile(out)); string(got) != "whole" || len(names(t, dir)) != 2 {
		t.Errorf("output holds %q, folder %q", got, names(t, dir))
	}

	// Through a link, the file that it names is replaced.
	link := filepath.Join(dir, "link.csv")
	check(t, os.Symlink(out, link))
	a, err = Create(link, in)
	check(t, err)
	must(a.Write([]byte("linked")))
	check(t, a.Commit())
	if got := must(os.ReadFile(out)); string(got) != "linked" {
		t.Errorf("output holds %q", got)
	}
}

func TestAtomicFileRefuses(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.csv")
	check(t, os.WriteFile(in, []byte("in"), 0o600), os.Symlink(in, filepath.Join(dir, "link.csv")), os.Link(in, filepath.Join(dir, "hard.csv")))
	for _, c := range []struct{ name, target, want string }{
		{"the input", in, "is the input"},
		{"a link to it", filepath.Join(dir, "link.csv"), "is the input"},
		{"another name of it", filepath.Join(dir, "hard.csv"), "is the input"},
		{"a folder", dir, "is a folder"},
		{"no such folder", filepath.Join(dir, "none", "out.csv"), "out.csv could not be written: that folder does not exist."},
	} {
		_, err := Create(c.target, in)
		wantProblem(t, c.name, err, c.want)
	}
	if os.Geteuid() != 0 && runtime.GOOS != "windows" {
		check(t, os.Chmod(dir, 0o500))
		defer os.Chmod(dir, 0o700)
		_, err := Create(filepath.Join(dir, "out.csv"), in)
		wantProblem(t, "a folder without permission", err, "you may not write there")
	}
	if full, err := Create("/dev/full", in); err == nil { // where it exists, every write finds the disk full
		_, err := full.Write([]byte("x"))
		wantProblem(t, "full", err, "full could not be written: the disk is full.")
		wantProblem(t, "full", full.Commit(), "the disk is full")
	}
	if got := reason(&os.PathError{Op: "write", Err: syscall.ENOSPC}); got != "the disk is full" {
		t.Errorf("ENOSPC is %q", got)
	}
}
