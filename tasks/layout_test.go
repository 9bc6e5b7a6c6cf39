package tasks

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rowsmith/sheets"
)

func ptr(s string) *string { return &s }

func TestPlanColumns(t *testing.T) {
	whole := sheets.Range{EndRow: -1, EndCol: -1}
	for _, tc := range []struct {
		name     string
		headings string
		req      Request
		rg       sheets.Range
		made     map[string]int
		inputs   string
		outputs  string
		fails    string // part of the detail
	}{
		{name: "recognised, filled and new", headings: "Vorname,Nachname,Firma,E-Mail", req: Request{Want: []string{"email", "phone_e164"}}, rg: whole,
			inputs: "0 first_name 1 last_name 2 company_name 3 email", outputs: "email@3 phone_e164@-1"},
		{name: "mapping by heading", headings: "Who,Kontakt", req: Request{Want: []string{"domain"}, Mapping: map[string]*string{"Kontakt": ptr("email")}}, rg: whole,
			inputs: "1 email", outputs: "domain@-1"},
		{name: "mapping by letter", headings: "?,?", req: Request{Want: []string{"domain"}, Mapping: map[string]*string{"B": ptr("email")}}, rg: whole,
			inputs: "1 email", outputs: "domain@-1"},
		{name: "mapping to nothing", headings: "Email,Name", req: Request{Want: []string{"first_name"}, Mapping: map[string]*string{"Email": nil}}, rg: whole,
			inputs: "1 full_name", outputs: "first_name@-1"},
		{name: "mapping moves an attribute", headings: "Email,Second", req: Request{Want: []string{"domain"}, Mapping: map[string]*string{"Second": ptr("email")}}, rg: whole,
			inputs: "1 email", outputs: "domain@-1"},
		{name: "output into an existing column", headings: "Email,Notes", req: Request{Want: []string{"domain"}, Output: map[string]string{"domain": "Notes"}}, rg: whole,
			inputs: "0 email", outputs: "domain@1"},
		{name: "columns that we made are no inputs", headings: "Full name,First name", req: Request{Want: []string{"first_name"}}, rg: whole, made: map[string]int{"first_name": 1},
			inputs: "0 full_name", outputs: "first_name@1"},
		{name: "a range narrows the inputs", headings: "Full name,Email,Phone", req: Request{Want: []string{"domain"}}, rg: sheets.Range{StartCol: 1, EndCol: 2, EndRow: -1},
			inputs: "1 email", outputs: "domain@-1"},

		{name: "no such column", headings: "Email", req: Request{Want: []string{"domain"}, Mapping: map[string]*string{"Nope": ptr("email")}}, rg: whole, fails: "no column"},
		{name: "nothing to look up by", headings: "A,B", req: Request{Want: []string{"domain"}}, rg: whole, fails: "None of the headings"},
		{name: "two columns for one attribute", headings: "A,B", req: Request{Want: []string{"domain"}, Mapping: map[string]*string{"A": ptr("email"), "B": ptr("email")}}, rg: whole, fails: "Two columns"},
		{name: "two attributes in one column", headings: "Email,N", req: Request{Want: []string{"domain", "website"}, Output: map[string]string{"domain": "N", "website": "N"}}, rg: whole, fails: "same column"},
		{name: "two attributes in one new column", headings: "Email", req: Request{Want: []string{"domain", "website"}, Output: map[string]string{"domain": "New", "website": "new"}}, rg: whole, fails: "same column"},
		{name: "a range beside the table", headings: "Email", req: Request{Want: []string{"domain"}}, rg: sheets.Range{StartCol: 5, EndCol: 9, EndRow: -1}, fails: "right of the last heading"},
	} {
		l, err := planColumns(strings.Split(tc.headings, ","), tc.req, tc.rg, tc.made)
		if tc.fails != "" {
			if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Detail, tc.fails) || len(e.Fields) == 0 {
				t.Errorf("%s: got %v", tc.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var ins, outs []string
		for _, i := range l.Inputs {
			ins = append(ins, fmt.Sprint(i.Col, " ", i.Attribute))
		}
		for _, o := range l.Outputs {
			outs = append(outs, fmt.Sprintf("%s@%d", o.Attribute, o.Col))
		}
		if got := strings.Join(ins, " "); got != tc.inputs {
			t.Errorf("%s: inputs %s, want %s", tc.name, got, tc.inputs)
		}
		if got := strings.Join(outs, " "); got != tc.outputs {
			t.Errorf("%s: outputs %s, want %s", tc.name, got, tc.outputs)
		}
	}
}

func TestRequestCheck(t *testing.T) {
	ok := Request{SpreadsheetID: "abc", Want: []string{"email", "email", "domain"}}
	if err := ok.check(); err != nil || len(ok.Want) != 2 || ok.HeaderRow != 1 || ok.Fill != sheets.FillBlanks {
		t.Errorf("%+v %v", ok, err)
	}
	for name, r := range map[string]Request{
		"spreadsheet_id": {Want: []string{"email"}},
		"want":           {SpreadsheetID: "a"},
		"header_row":     {SpreadsheetID: "a", Want: []string{"email"}, HeaderRow: -1},
		"fill":           {SpreadsheetID: "a", Want: []string{"email"}, Fill: "sometimes"},
		"max_credits":    {SpreadsheetID: "a", Want: []string{"email"}, MaxCredits: -5},
		"output.domain":  {SpreadsheetID: "a", Want: []string{"email"}, Output: map[string]string{"domain": "D"}},
	} {
		if e, ok := errors.AsType[*Error](r.check()); !ok || e.Code != CodeInvalid || e.Fields[0].Field != name {
			t.Errorf("%s: %v", name, e)
		}
	}
	bad := Request{SpreadsheetID: "a", Want: []string{"emial"}}
	if e, ok := errors.AsType[*Error](bad.check()); !ok || e.Code != CodeUnknownAttr || !strings.Contains(e.Detail, `"email"`) {
		t.Errorf("unknown attribute: %v", e)
	}
}

func TestGuarded(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Jane": "Jane", "=1+1": "'=1+1", "@home": "'@home", "\tx": "'\tx", "+491711234567": "+491711234567", "-5": "-5", "-5.5e3": "-5.5e3",
		"+1 for a call": "'+1 for a call", "-cmd": "'-cmd", "+12": "+12", "+": "'+", "-": "'-", "a=b": "a=b",
	} {
		if got := guarded(in); got != want {
			t.Errorf("guarded(%q) = %q, want %q", in, got, want)
		}
	}
}
