package tabular

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// AtomicFile is an output that appears under its name only when it is whole. It is a temporary file beside its target
// from the start, so that a place that can't be written to is known before any work is done. Everything it returns is an *Error.
type AtomicFile struct {
	file   *os.File
	target string // where it will stand, links followed
	name   string // for messages
	direct bool   // the target is no regular file (a pipe, /dev/null) and is written to as it is
	err    error  // the first failed write
	done   bool
}

// Create starts an output for target. in is the input's path, whose permission bits the output gets; it is refused
// as the target. in is "-" or empty if there is none.
func Create(target, in string) (*AtomicFile, error) {
	a := &AtomicFile{target: target, name: filepath.Base(target)}
	if resolved, err := filepath.EvalSymlinks(target); err == nil {
		a.target = resolved
	}
	mode := fs.FileMode(0o666) // less the umask
	var source fs.FileInfo
	if in != "" && in != "-" {
		if info, err := os.Stat(in); err == nil && info.Mode().IsRegular() {
			source, mode = info, info.Mode().Perm()
		}
	}
	if info, err := os.Stat(a.target); err == nil {
		switch {
		case info.IsDir():
			return nil, problem(nil, "%s is a folder. Name a file to write to.", target)
		case source != nil && os.SameFile(source, info):
			return nil, problem(nil, "%s is the input. Choose another name for the output.", a.name)
		case !info.Mode().IsRegular():
			a.direct = true
			if a.file, err = os.OpenFile(a.target, os.O_WRONLY, 0); err != nil {
				return nil, a.problem(err)
			}
			return a, nil
		}
	}
	dir, base := filepath.Split(a.target)
	for range 100 {
		f, err := os.OpenFile(dir+"."+base+"."+rand.Text()[:8]+".tmp", os.O_RDWR|os.O_CREATE|os.O_EXCL, mode|0o200)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, a.problem(err)
		}
		a.file = f
		if source != nil {
			if err := f.Chmod(mode); err != nil {
				a.Close()
				return nil, a.problem(err)
			}
		}
		return a, nil
	}
	return nil, a.problem(fs.ErrExist)
}

// problem says why the output can't be written.
func (a *AtomicFile) problem(err error) error {
	return problem(err, "%s could not be written: %s. Choose another place with -o.", a.name, reason(err))
}

// Temp is the path of the temporary file, for a caller that removes it after a crash; empty where there is none.
func (a *AtomicFile) Temp() string {
	if a.direct {
		return ""
	}
	return a.file.Name()
}

// Write writes to the temporary file. After a failure every call fails the same way.
func (a *AtomicFile) Write(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.file.Write(p)
	if err != nil {
		a.err = a.problem(err)
	}
	return n, a.err
}

// Commit makes the output durable and puts it under its name. The file is closed afterwards, and removed if that failed.
func (a *AtomicFile) Commit() error {
	if a.done {
		return nil
	}
	defer a.Close()
	if a.err != nil {
		return a.err
	}
	if a.direct {
		a.done = true
		if err := a.file.Close(); err != nil {
			return a.problem(err)
		}
		return nil
	}
	if err := a.file.Sync(); err != nil {
		return a.problem(err)
	}
	if err := a.file.Close(); err != nil {
		return a.problem(err)
	}
	if err := os.Rename(a.file.Name(), a.target); err != nil {
		return a.problem(err)
	}
	a.done = true
	if dir, err := os.Open(filepath.Dir(a.target)); err == nil { // the name is durable too, where folders can be synced
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// Close removes what was not committed. It may be called at any time and more than once.
func (a *AtomicFile) Close() error {
	if a.done {
		return nil
	}
	a.done = true
	a.file.Close()
	if a.direct {
		return nil
	}
	return os.Remove(a.file.Name())
}
