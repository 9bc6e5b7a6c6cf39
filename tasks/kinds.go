package tasks

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"rowsmith/tasks/store"
)

// The kinds of document a job is made of. See the package comment.
const (
	kindJobs     = "jobs"
	kindControls = "controls"
	kindSplits   = "splits"
	kindChunks   = "chunks"
	kindSeen     = "seen"
	kindLanes    = "lanes"
	kindTargets  = "targets"
	kindRequests = "requests"
)

// Kinds declares this package's documents to the store, with every query made of them.
func Kinds() []store.Kind {
	return []store.Kind{
		{
			Name: kindJobs, Schema: 1,
			Fields: []store.Field{{Name: "active", Type: store.Bool}, {Name: "spreadsheet", Type: store.String}},
			Shapes: []store.Shape{
				{},                               // an account's jobs, newest first by id
				{Equal: []string{"spreadsheet"}}, // a spreadsheet's
				{Equal: []string{"active"}},      // how many share the account's fan-out
				{Equal: []string{"active"}, Across: true}, // what tick looks after
			},
		},
		{Name: kindControls, Schema: 1},
		{Name: kindSplits, Schema: 1},
		{
			Name: kindChunks, Schema: 1,
			Fields: []store.Field{{Name: "job", Type: store.String}, {Name: "state", Type: store.String}},
			Shapes: []store.Shape{
				{Equal: []string{"job"}},          // a report reads them all
				{Equal: []string{"job", "state"}}, // the writer, tick and resume
			},
		},
		{Name: kindSeen, Schema: 1},
		{Name: kindLanes, Schema: 1},
		{Name: kindTargets, Schema: 1},
		{Name: kindRequests, Schema: 1, Expires: true},
		{Name: kindStops, Schema: 1},
	}
}

// zipOver is the payload size in bytes from which it is compressed: results repeat sources and times a
// hundred times, and a chunk must fit a document whatever the vendors said.
const zipOver = 32 << 10

// encode makes a payload of v.
func encode(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	if len(plain) < zipOver {
		return plain, nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decode reads a payload into v.
func decode(d store.Doc, v any) error {
	p := d.Payload
	if len(p) > 2 && p[0] == 0x1f && p[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(p))
		if err != nil {
			return fmt.Errorf("decode %s: %w", d.Key, err)
		}
		if p, err = io.ReadAll(z); err != nil {
			return fmt.Errorf("decode %s: %w", d.Key, err)
		}
	}
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("decode %s: %w", d.Key, err)
	}
	return nil
}
