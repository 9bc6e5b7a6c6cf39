package messy

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func leads(t *testing.T, rows int, seed uint64) string {
	t.Helper()
	var b bytes.Buffer
	if err := Leads(&b, rows, seed); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLeadsAreTheSameForASeed(t *testing.T) {
	if leads(t, 500, 1) != leads(t, 500, 1) {
		t.Error("the same seed gives different tables")
	}
	if leads(t, 500, 1) == leads(t, 500, 2) {
		t.Error("different seeds give the same table")
	}
	if leads(t, 0, 1) != strings.Join(Headings(), ",")+"\r\n" {
		t.Error("no rows are more than the headings")
	}
}

func TestLeadsAreMessy(t *testing.T) {
	all := leads(t, 10_000, 1)
	if !utf8.ValidString(all) {
		t.Error("not valid UTF-8")
	}
	r := csv.NewReader(strings.NewReader(all))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{"blank": 10_001 - len(records)} // encoding/csv leaves blank lines out
	seen := map[string]bool{}
	for _, rec := range records[1:] {
		key := strings.Join(rec, "\x1f")
		count := func(what string, is bool) {
			if is {
				found[what]++
			}
		}
		count("duplicate", seen[key])
		seen[key] = true
		count("short", len(rec) < columns)
		count("empty tail", len(rec) > columns && strings.Join(rec[columns:], "") == "")
		count("long", len(rec) > columns && strings.Join(rec[columns:], "") != "")
		count("nul", strings.Contains(key, "\x00"))
		if len(rec) < columns {
			continue
		}
		count("email missing", rec[email] == "")
		count("phone missing", rec[phone] == "")
		count("typo", strings.Contains(rec[email], "gmial"))
		count("newline", strings.Contains(rec[notes], "\n"))
		count("formula", strings.HasPrefix(rec[notes], "="))
		count("long cell", utf8.RuneCountInString(rec[notes]) == 50_001)
		count("umlaut", strings.ContainsAny(rec[fullName], "äöüß"))
		count("stray quote", strings.Contains(rec[fullName], `"`))
	}
	for _, what := range []string{"blank", "duplicate", "short", "empty tail", "long", "nul", "email missing", "phone missing", "typo", "newline", "formula", "long cell", "umlaut", "stray quote"} {
		if found[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
	if n := found["email missing"]; n < 4000 || n > 6000 {
		t.Errorf("%d emails are missing, want about half", n)
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestLeadsReportAFullDisk(t *testing.T) {
	if err := Leads(full{}, 10_000, 1); !errors.Is(err, errFull) {
		t.Errorf("Leads returns %v", err)
	}
}
