package filejob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"rowsmith/cmd/internal/tabular"
)

// usable makes the data folder and its folder of records, and sees that they can be written to.
func usable(data string) error {
	dir := filepath.Join(data, "runs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return folderError(data, err)
	}
	if err := probe(dir, 1); err != nil {
		return folderError(data, err)
	}
	return nil
}

// probeSize is what has to fit onto a disk that isn't full: what one step of a job writes at most, about.
const probeSize = 4 << 20

// full tells that the disk under the data folder is full, if it is.
func (o *Options) full() error {
	if err := probe(o.Data, probeSize); isFull(err) {
		return folderError(o.Data, err)
	}
	return nil
}

// explain puts the reason in the place of a failure that a full disk caused: what fails first has often no idea of it.
func (o *Options) explain(ctx context.Context, err error) error {
	_, file := errors.AsType[*tabular.Error](err)
	if err == nil || ctx.Err() != nil || file || isCall(err) || errors.Is(err, ErrStopped) {
		return err
	}
	if full := o.full(); full != nil {
		return full
	}
	return err
}

// probe writes n bytes into a folder and removes them.
func probe(dir string, n int) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, n))
	return errors.Join(err, f.Sync(), f.Close())
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// folderError says what is wrong with the data folder.
func folderError(data string, err error) error {
	if isFull(err) {
		return wrong("The disk that holds the data folder %s is full. Make room and run the same call again, or choose another folder with --data.", data)
	}
	return wrong("The data folder %s can't be used (%s). Choose another with --data.", data, reason(err))
}

// reason is the last part of an error of the file system, without the path that the message has already.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "you may not write there"
	case errors.Is(err, syscall.EROFS):
		return "its disk can't be written to"
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return fmt.Sprint(err)
}
