package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"rowsmith/enrichment"
	"rowsmith/sheets"
	"rowsmith/tasks/store"
)

// The states of a chunk. See the package comment.
const (
	chunkNew     = "new"
	chunkRunning = "running"
	chunkSaved   = "saved"
	chunkWritten = "written"
)

// Sizes of a chunk.
const (
	chunkRows  = 100       // rows to look up
	firstRows  = 10        // of the first chunk: somebody is watching
	chunkBytes = 256 << 10 // of inputs, as JSON
	chunkSkips = 2000      // rows that need nothing, noted for the report
)

// A chunk is a piece of a job: some rows, what is to be found for them, and what became of it.
type chunk struct {
	Job   string `json:"job"`
	N     int    `json:"n"`
	State string `json:"state"`
	Rows  []row  `json:"rows"`
	// Names are the sources and reasons that the rows speak of.
	Names []string `json:"names,omitempty"`
	// Skips are rows that need nothing, by reason.
	Skips []skip `json:"skips,omitempty"`
	// Allotment is what of the job's credits this chunk may spend.
	Allotment int64 `json:"allotment,omitempty"`

	// Fence counts claims. Holder and Lease belong to the claim under way; the fence, not the clock, keeps a
	// late holder from saving, since it is part of the document that its commit replaces.
	Fence  int       `json:"fence"`
	Holder string    `json:"holder,omitempty"`
	Lease  time.Time `json:"lease,omitzero"`
	// Faults counts runs that ended in an error of ours.
	Faults int `json:"faults,omitempty"`
	// Disturbed counts writes that met somebody's edit.
	Disturbed int `json:"disturbed,omitempty"`

	// Journal holds the chunk's paid calls, from before they are made.
	Journal map[string]enrichment.Call `json:"journal,omitempty"`
	Cost    int64                      `json:"cost,omitempty"`
}

// A row is one row of the sheet that has something to look up. Attributes are told by their place in the job's Want, sources and
// reasons by theirs in the chunk's Names: written out they would be most of what the store holds.
type row struct {
	Row       int           `json:"r"`             // zero-based sheet row when it was read
	Inputs    []any         `json:"in"`            // unformatted values of the plan's input columns
	RowHash   sheets.Anchor `json:"h"`             // over the cells that the job doesn't write
	Need      []int         `json:"n,omitempty"`   // wanted attributes whose cell may be filled; none: all of them
	Duplicate bool          `json:"dup,omitempty"` // an earlier row of the job is about the same subject

	State   rowState  `json:"s,omitempty"`
	Found   []found   `json:"v,omitempty"`
	Missing []missing `json:"m,omitempty"`

	Wrote *wrote `json:"w,omitempty"`
}

// found is a value of a row.
type found struct {
	Attribute  int     `json:"a"`
	Value      any     `json:"v"` // string, float64 or bool
	Source     int     `json:"s"`
	Confidence float64 `json:"c"`
	Fetched    int64   `json:"f"`           // milliseconds since 1970
	Reason     int     `json:"y,omitempty"` // place in Names plus one; 0: none
	Verdict    string  `json:"d,omitempty"`
	Verified   int64   `json:"t,omitempty"`
	Cost       int64   `json:"p,omitempty"` // credits
}

// missing says why some attributes of a row have no value.
type missing struct {
	Reason     int   `json:"y"`
	Attributes []int `json:"a"`
}

// name is the place of a source or reason in the chunk's Names, where it is put if it is new.
func (c *chunk) name(s string) int {
	if i := slices.Index(c.Names, s); i >= 0 {
		return i
	}
	c.Names = append(c.Names, s)
	return len(c.Names) - 1
}

// need returns the places of the row's needed attributes among want wanted ones.
func (r *row) need(want int) []int {
	if r.Need != nil {
		return r.Need
	}
	all := make([]int, want)
	for i := range all {
		all[i] = i
	}
	return all
}

// why is the reason of the row's first missing attribute; empty where none is missing.
func (r *row) why(c *chunk) string {
	if len(r.Missing) == 0 {
		return ""
	}
	return c.Names[r.Missing[0].Reason]
}

// A skip is a row that was left alone.
type skip struct {
	Row    int    `json:"r"`
	Reason string `json:"why"` // "error_cell", "loading", "nothing_missing", "nothing_to_look_up"
}

// wrote is what became of a row's values in the sheet.
type wrote struct {
	Row    int    `json:"r"`             // where they stand now
	Cells  int    `json:"c"`             // written, those found already written included
	Reason string `json:"why,omitempty"` // why not, or not all
	Moved  bool   `json:"moved,omitempty"`
}

type rowState string

// How looking a row up ended.
const (
	rowEnriched  rowState = "enriched"
	rowUnmatched rowState = "unmatched"
	rowFailed    rowState = "failed"
)

func chunkID(job string, n int) string { return fmt.Sprintf("%s.%06d", job, n) }

// chunkDoc makes the document of a chunk; rev is empty for a new one.
func (s *Service) chunkDoc(account string, c *chunk, rev store.Rev) (store.Doc, error) {
	p, err := encode(c)
	if err != nil {
		return store.Doc{}, err
	}
	return store.Doc{
		Key: s.key(account, kindChunks, chunkID(c.Job, c.N)), Payload: p, Rev: rev,
		Fields: store.Fields{"job": c.Job, "state": c.State},
	}, nil
}

// gen is the generation under which the chunk's next task is enqueued: raised by each claim and by each resume of the job,
// so that a name used up by an earlier delivery can't swallow it. Steps of genStep leave room for the
// successors that a queue handler makes.
func (c *chunk) gen(resumes int) int { return genStep * (resumes + c.Fence) }

const genStep = 1000

// subject makes the engine's subject of a row.
func (r *row) subject(p *Plan) enrichment.Subject {
	s := make(enrichment.Subject, len(p.Inputs)+len(p.Defaults))
	for i, in := range p.Inputs {
		if t := cellText(r.Inputs[i]); t != "" {
			s[in.Attribute] = t
		}
	}
	for a, v := range p.Defaults {
		if _, ok := s[a]; !ok {
			s[a] = v
		}
	}
	return s
}

// cellText is a cell's unformatted value as text: whole numbers without exponent, so that a phone
// number kept as a number stays its digits.
func cellText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		if v {
			return "TRUE"
		}
		return "FALSE"
	default:
		return ""
	}
}
