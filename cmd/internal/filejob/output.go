package filejob

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rowsmith/cmd/internal/tabular"
)

// An output is where the result goes: a file that appears when it is whole, or standard output.
type output struct {
	file   *tabular.AtomicFile // nil for standard output
	stdout io.Writer
	sum    hash.Hash
	mark   string // remembers what we wrote under this name
}

// openOutput settles where the result goes and that it can be written, before any work. An existing file is
// replaced only where we wrote it and nobody has changed it since, or with --force.
func openOutput(o Options, rec *record) (*output, error) {
	if o.Out == "-" {
		return &output{stdout: o.Stdout}, nil
	}
	abs, err := filepath.Abs(o.Out)
	if err != nil {
		return nil, wrong("%s can't be written to.", o.Out)
	}
	id := sha256.Sum256([]byte(abs))
	out := &output{sum: sha256.New(), mark: filepath.Join(o.Data, "runs", "out-"+hex.EncodeToString(id[:16]))}
	if !o.Force {
		if err := out.ours(o.Out, o.In); err != nil {
			return nil, err
		}
	}
	if rec.Temp != "" && filepath.Dir(rec.Temp) == filepath.Dir(o.Out) {
		os.Remove(rec.Temp) // what a killed call left; gone is as good
	}
	if out.file, err = tabular.Create(o.Out, o.In); err != nil {
		return nil, err
	}
	rec.Temp = out.file.Temp()
	if err := rec.save(); err != nil {
		out.discard()
		return nil, err
	}
	return out, nil
}

// ours fails where the file exists and its contents are not what we wrote there.
func (o *output) ours(path, in string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // what is wrong is told by the attempt to write; a pipe must not be opened for reading
	}
	if source, err := os.Stat(in); err == nil && os.SameFile(source, info) {
		return nil // that it is the input is told then, too
	}
	f, err := os.Open(path)
	if err != nil {
		return wrong("%s exists and can't be read (%s). Choose another name with -o.", path, reason(err))
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return wrong("%s exists and can't be read (%s). Choose another name with -o.", path, reason(err))
	}
	marks, _ := os.ReadFile(o.mark) // none: then it isn't ours
	if !strings.Contains(string(marks), hex.EncodeToString(h.Sum(nil))) {
		return wrong("%s exists already and isn't ours. Choose another name with -o, or replace it with --force.", path)
	}
	return nil
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if o.file == nil {
		return o.stdout.Write(p)
	}
	o.sum.Write(p)
	return o.file.Write(p)
}

// commit lets the result appear. That it is ours is noted before, so that a crash in between can't make it a stranger's.
func (o *output) commit() error {
	if o.file == nil {
		return nil
	}
	old, _ := os.ReadFile(o.mark)
	lines := strings.Fields(string(old))
	lines = append(lines[max(0, len(lines)-1):], hex.EncodeToString(o.sum.Sum(nil)))
	if err := os.WriteFile(o.mark, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return folderError(filepath.Dir(filepath.Dir(o.mark)), err)
	}
	return o.file.Commit()
}

// discard removes what was not committed.
func (o *output) discard() {
	if o.file != nil {
		o.file.Close()
	}
}
