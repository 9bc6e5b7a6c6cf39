// Package credits is the ledger: what an account was granted, what its jobs hold, and what they spent.
//
// Entries are only ever added. Each has a key derived from what it is for, so that the same
// thing can't be charged twice however often a queue delivers it: the second Create finds the first. The
// balance is the sum of all entries' amounts.
//
// It refuses fractions (amounts are whole credits), entries without a reason, and personal data: a line names a row,
// an attribute and a source, never what stood in a cell.
//
// Key formats: entries/charge.chunk.JOB.NNNNNN for a chunk's one charge.
package credits

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rowsmith/tasks/store"
)

const kindEntries = "entries"

// Kinds declares the ledger's documents and queries to the store.
func Kinds() []store.Kind {
	return []store.Kind{{
		Name: kindEntries, Schema: 1,
		Fields: []store.Field{{Name: "amount", Type: store.Int}, {Name: "job", Type: store.String}},
		Shapes: []store.Shape{
			{},                       // the balance
			{Equal: []string{"job"}}, // what a job spent
		},
	}}
}

// An Entry is one movement. Charges have negative amounts.
type Entry struct {
	Kind   string    `json:"kind"`
	For    string    `json:"for"` // what it pays for: "chunk/JOB.NNNNNN"
	Job    string    `json:"job,omitempty"`
	Amount int64     `json:"amount"` // credits, negative for a charge
	Lines  []Line    `json:"lines,omitempty"`
	At     time.Time `json:"at"`
}

// A Line says which value of which row a part of a charge is for.
type Line struct {
	Row       int    `json:"row"` // as people count, from 1
	Attribute string `json:"attribute"`
	Source    string `json:"source"`
	Amount    int64  `json:"amount"` // credits, positive
}

// Charge returns the write that charges an account. It goes into the commit that makes what
// is paid for durable; where the same thing was charged before, that commit fails with store.ErrExists.
// It refuses an entry without For, an amount that isn't negative, and lines that don't add up to it.
func Charge(account string, e Entry) (store.Write, error) {
	var sum int64
	for _, l := range e.Lines {
		sum += l.Amount
	}
	if e.For == "" || e.Amount >= 0 || sum != -e.Amount {
		return store.Write{}, fmt.Errorf("charge %q: amount %d with lines of %d", e.For, e.Amount, sum)
	}
	e.Kind = "charge"
	p, err := json.Marshal(e)
	if err != nil {
		return store.Write{}, fmt.Errorf("charge %q: %w", e.For, err)
	}
	return store.Create(store.Doc{
		Key:     store.Key{Account: account, Kind: kindEntries, ID: "charge." + strings.ReplaceAll(e.For, "/", ".")},
		Payload: p,
		Fields:  store.Fields{"amount": e.Amount, "job": e.Job},
	}), nil
}
