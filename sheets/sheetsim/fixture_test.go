package sheetsim_test

import (
	"context"
	"testing"
)

const leads = `title: Leads
-- Sheet1 rows=20 cols=6 frozen=1 --
Name	Email	Employees	Active	Score
Ada Lovelace	ada@example.com	12	TRUE	=A1&B1

'12	'TRUE	007	''quoted	two\nlines
-- Sheet1/notes --
B2	found\tby hand
-- Sheet1/formats --
C2	{"numberFormat":{"pattern":"0","type":"NUMBER"}}
-- Sheet1/rows --
4	hidden height=40
-- Sheet1/columns --
B	width=200
-- "My tab" id=7 hidden --
x
-- metadata --
1	DOCUMENT	column Sheet1 B	rowsmith	email
2	PROJECT	row "My tab" 1	k	
3	DOCUMENT	spreadsheet	nonce	abc
`

func TestFixturesRoundTrip(t *testing.T) {
	f := start(t)
	id, err := f.srv.Load(context.Background(), "id: fixed\n"+leads)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "id", id, "fixed")
	f.id = id
	got, err := f.srv.Dump(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got != leads {
		t.Errorf("dumped\n%s\nwant\n%s", got, leads)
	}
	same(t, "values", f.values("Sheet1!A2:E4"), [][]any{
		row("Ada Lovelace", "ada@example.com", 12.0, true, "#NAME?"), {}, row("12", "TRUE", "007", "'quoted", "two\nlines")})
}

func TestBadFixturesAreRefused(t *testing.T) {
	f := start(t)
	for _, text := range []string{
		"-- Sheet1 rows=x --\n", "-- Sheet1 what=1 --\n", "-- Sheet1/notes --\nA1\tx\n", "-- Sheet1 --\na\n-- Sheet1/notes --\nB1\tx\n",
		"-- Sheet1 --\na\n-- metadata --\n1\tDOCUMENT\trow Sheet1 2\tk\tv\n", "-- Sheet1 --\na\n-- Sheet1 --\nb\n", "-- \"x --\n",
	} {
		if _, err := f.srv.Load(context.Background(), text); err == nil {
			t.Errorf("loaded %q", text)
		}
	}
	if l, err := f.srv.List(context.Background()); err != nil || len(l) != 0 {
		t.Errorf("left behind %v, %v", l, err)
	}
}
