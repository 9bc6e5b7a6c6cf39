package tabular

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// source is an input that can be read from its beginning as often as needed.
type source struct {
	path    string // of the file or of the copy spooled from a stream
	name    string // for messages
	ext     string // of the name, lower case
	size    int64
	spooled bool
}

// Open opens a CSV, TSV or XLSX file, or with path "-" what o.Stdin holds, and reads it once to know its shape. What is wrong
// with the file is an *Error; other errors are ctx's.
func Open(ctx context.Context, path string, o Options) (Table, error) {
	src, err := openSource(ctx, path, o)
	if err != nil {
		return nil, err
	}
	t, err := openTable(ctx, src, o)
	if err != nil {
		src.close()
		return nil, err
	}
	return t, nil
}

func openTable(ctx context.Context, src *source, o Options) (Table, error) {
	if o.HeaderRow < 0 {
		return nil, problem(nil, "Row %d can't hold the headings. Rows count from 1.", o.HeaderRow)
	}
	sample, err := src.sample()
	if err != nil {
		return nil, src.readProblem(err)
	}
	if len(sample) == 0 {
		return nil, src.emptyProblem()
	}
	zipped := bytes.HasPrefix(sample, []byte("PK"))
	compound := bytes.HasPrefix(sample, []byte(ole))
	switch src.ext {
	case ".xlsx", ".xlsm":
		if !zipped && !compound {
			if what := foreign(sample); what != "" {
				return nil, problem(nil, "%s %s", src.name, what)
			}
			return nil, problem(nil, "%s is not an Excel workbook. If it is a CSV file, rename it so that it ends in .csv.", src.name)
		}
		return openWorkbook(ctx, src, o)
	case ".xls", ".ods", ".numbers":
		if what := foreign(sample); what != "" {
			return nil, problem(nil, "%s %s", src.name, what)
		}
	case ".csv", ".tsv", ".tab":
	default:
		if zipped && foreign(sample) == foreign([]byte("PK\x03\x04xl/")) {
			return openWorkbook(ctx, src, o)
		}
	}
	return openDelimited(ctx, src, o, sample)
}

// openSource makes path readable, spooling what is a stream.
func openSource(ctx context.Context, path string, o Options) (*source, error) {
	if path == "-" {
		if o.Stdin == nil {
			return nil, problem(nil, "There is nothing on standard input. Name a file, or pipe a CSV file in.")
		}
		return spool(ctx, o.Stdin, &source{name: "standard input"}, o.TempDir)
	}
	src := &source{path: path, name: filepath.Base(path), ext: strings.ToLower(filepath.Ext(path))}
	info, err := os.Stat(path)
	if err != nil {
		return nil, src.readProblem(err)
	}
	if info.IsDir() {
		return nil, problem(nil, "%s is a folder. Name a CSV, TSV or XLSX file.", src.name)
	}
	if !info.Mode().IsRegular() { // a pipe can be read once only
		f, err := os.Open(path)
		if err != nil {
			return nil, src.readProblem(err)
		}
		defer f.Close()
		return spool(ctx, f, src, o.TempDir)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, src.readProblem(err)
	}
	src.size = info.Size()
	return src, f.Close()
}

// spool copies a stream to a file that only its owner may read.
func spool(ctx context.Context, r io.Reader, src *source, dir string) (*source, error) {
	f, err := os.CreateTemp(dir, "rowsmith-*") // mode 0600
	if err != nil {
		return nil, problem(err, "Could not keep a copy of %s: %s.", src.name, reason(err))
	}
	src.path, src.spooled = f.Name(), true
	type result struct {
		n   int64
		err error
	}
	copied := make(chan result, 1)
	go func() {
		n, err := io.Copy(f, contextReader{ctx, r})
		copied <- result{n, err}
	}()
	select {
	case got := <-copied:
		src.size, err = got.n, got.err
	case <-ctx.Done(): // a read that waits for a person can't be ended; whatever it still gets goes nowhere
		err = ctx.Err()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		src.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, problem(err, "Could not keep a copy of %s: %s.", src.name, reason(err))
	}
	return src, nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// sample returns the file's first bytes.
func (src *source) sample() ([]byte, error) {
	f, err := os.Open(src.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, sampleSize)
	n, err := io.ReadFull(f, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return b[:n], err
}

// close removes what was spooled.
func (src *source) close() error {
	if !src.spooled {
		return nil
	}
	src.spooled = false
	return os.Remove(src.path)
}

func (src *source) emptyProblem() error {
	return problem(nil, "%s is empty. Put a heading row and at least one row in it.", src.name)
}

func (src *source) changedProblem() error {
	return problem(nil, "%s changed while it was being worked on. Run the same call again.", src.name)
}

// readProblem says in plain words why a file can't be read.
func (src *source) readProblem(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem(err, "There is no file %s. Check the name.", src.path)
	case errors.Is(err, fs.ErrPermission):
		return problem(err, "%s may not be read by you. Change its permissions.", src.name)
	}
	return problem(err, "%s could not be read: %s.", src.name, reason(err))
}

// reason is the innermost cause in plain words.
func reason(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full"
	case errors.Is(err, syscall.EROFS):
		return "the disk can't be written to"
	case errors.Is(err, fs.ErrPermission):
		return "you may not write there"
	case errors.Is(err, fs.ErrNotExist):
		return "that folder does not exist"
	case errors.Is(err, syscall.EIO):
		return "the disk reports an error"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
