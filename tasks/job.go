package tasks

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"rowsmith/sheets"
)

// A Job is one run over the rows of a sheet, as people and programs see it. Its JSON form is the API's.
type Job struct {
	ID            string             `json:"id"`
	State         State              `json:"state"`
	Pause         *Pause             `json:"pause,omitempty"`
	Warnings      []string           `json:"warnings"`
	Trigger       Trigger            `json:"trigger"`
	SpreadsheetID string             `json:"spreadsheet_id"`
	Sheet         string             `json:"sheet"`    // tab title when the job was made
	SheetID       int64              `json:"sheet_id"` // the tab's id; titles may change
	Range         string             `json:"range"`    // A1, rows the job covers; open-ended for the whole table
	Want          []string           `json:"want"`
	Fill          sheets.Fill        `json:"fill"`
	Rows          Rows               `json:"rows"`
	CellsWritten  int                `json:"cells_written"`
	Credits       Credits            `json:"credits"`
	MatchRate     map[string]float64 `json:"match_rate"` // attribute → found ÷ looked for, 0 to 1
	Error         string             `json:"error,omitempty"`
	CreatedAt     time.Time          `json:"created_at"`
	StartedAt     *time.Time         `json:"started_at"`
	FinishedAt    *time.Time         `json:"finished_at"`
}

// A State is where a job stands.
type State string

// The states. Done, failed and cancelled are final.
const (
	Queued    State = "queued"
	Running   State = "running"
	Paused    State = "paused"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Final reports whether a job in this state will not change any more.
func (s State) Final() bool { return s == Done || s == Failed || s == Cancelled }

// A Trigger says what started a job.
type Trigger string

// The triggers.
const (
	BySidebar  Trigger = "sidebar"
	ByAPI      Trigger = "api"
	ByCLI      Trigger = "cli"
	BySchedule Trigger = "schedule"
)

// A Pause says why a job stands still and what to do about it.
type Pause struct {
	Code   PauseCode  `json:"code"`
	Detail string     `json:"detail"`          // what happened, for people
	Action string     `json:"action"`          // what to do next, for people
	Until  *time.Time `json:"until,omitempty"` // when it goes on by itself
}

// A PauseCode is a pause's reason: a closed set.
type PauseCode string

// The codes.
const (
	OutOfCredits        PauseCode = "out_of_credits"
	BudgetReached       PauseCode = "budget_reached"
	AccessRevoked       PauseCode = "access_revoked"
	SheetMissing        PauseCode = "sheet_missing"
	OutputColumnMissing PauseCode = "output_column_missing"
	VendorUnavailable   PauseCode = "vendor_unavailable"
	StoppedByPerson     PauseCode = "stopped_by_person"
	SpendingStopped     PauseCode = "spending_stopped"
)

// Rows are a job's counts. Once it is done, Total = Enriched + Unmatched + Failed + Skipped;
// duplicates are counted among them.
type Rows struct {
	Total      int `json:"total"`      // rows read, blank ones between others included
	Eligible   int `json:"eligible"`   // rows with something to look up
	Enriched   int `json:"enriched"`   // at least one wanted value was found
	Written    int `json:"written"`    // rows whose found values are all in the sheet
	Unwritten  int `json:"unwritten"`  // rows with found values that could not be written; kept on the job
	Unmatched  int `json:"unmatched"`  // nothing was found
	Skipped    int `json:"skipped"`    // blank, error cells, or nothing wanted was missing
	Duplicates int `json:"duplicates"` // rows about somebody an earlier row is about
	Failed     int `json:"failed"`     // an outage kept everything from being found
	Moved      int `json:"moved"`      // written to another row than they were read from
}

// Credits are what a job holds and has spent, in credits.
type Credits struct {
	Reserved int64 `json:"reserved"`
	Spent    int64 `json:"spent"`
}

// idEncoding sorts like the bytes it encodes.
var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// newJobID makes an id that sorts before all older ones: "j", nine characters of milliseconds counted
// backwards, eleven random ones.
func newJobID(now time.Time) string {
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], (1<<45-1-uint64(now.UnixMilli()))<<19)
	var r [7]byte
	rand.Read(r[:]) // never fails (crypto/rand)
	return "j" + idEncoding.EncodeToString(t[:])[:9] + idEncoding.EncodeToString(r[:])[:11]
}

// validID reports whether s could be a job's id, so that ids from outside never reach the store unchecked.
func validID(s string) bool {
	return len(s) == 21 && s[0] == 'j' && strings.Trim(s, "0123456789abcdefghijklmnopqrstuv") == ""
}
