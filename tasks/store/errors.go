package store

import (
	"context"
	"errors"
	"fmt"
)

// What a store's errors are, by [errors.Is].
var (
	// ErrNotFound: [One] found no document.
	ErrNotFound = errors.New("not found")
	// ErrExists: a Create found the document there.
	ErrExists = errors.New("already exists")
	// ErrConflict: the document is at another Rev, or contention did not end in time.
	ErrConflict = errors.New("changed meanwhile")
	// ErrTooLarge: a document, commit or list of keys is over the limits.
	ErrTooLarge = errors.New("too large")
	// ErrInvalid: the call breaks the contract; a bug, not a state.
	ErrInvalid = errors.New("invalid use of the store")
	// ErrUnavailable: the store did not answer before ctx ended, or is closed, or its disk is full; try again later.
	ErrUnavailable = errors.New("store unavailable")
)

// A WriteError tells which write of a commit could not be applied. Nothing of that commit was.
type WriteError struct {
	Index int // position among the commit's writes
	Key   Key
	Err   error // ErrExists, ErrConflict, ErrTooLarge or ErrInvalid, wrapped or bare
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("write %d (%s): %v", e.Index, e.Key, e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

// One reads a single document; where there is none the error is [ErrNotFound].
func One(ctx context.Context, s Store, key Key) (Doc, error) {
	r, err := s.Get(ctx, key)
	if err != nil {
		return Doc{}, err
	}
	if !r.Docs[0].Exists() {
		return Doc{Key: key}, fmt.Errorf("get %s: %w", key, ErrNotFound)
	}
	return r.Docs[0], nil
}
