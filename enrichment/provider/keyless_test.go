package provider

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rowsmith/enrichment"
	"rowsmith/enrichment/providertest"
)

// A table is a file of testdata: cases as lines "attribute=value | … => attribute=value | …", or "=> outcome reason". The
// right side is everything that the provider says. Comments begin with "# ". With -update the right sides are
// written anew, to be read in the diff.
type tableCase struct {
	line    string
	subject enrichment.Subject
	want    string
}

func readTable(t testing.TB, path string) (lines []string, cases map[int]tableCase) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, cases = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), map[int]tableCase{}
	for i, l := range lines {
		if strings.HasPrefix(l, "# ") || l == "" {
			continue
		}
		left, want, ok := strings.Cut(l, " => ")
		if !ok && !*update {
			t.Fatalf("%s:%d: no =>", path, i+1)
		}
		s := enrichment.Subject{}
		for kv := range strings.SplitSeq(left, " | ") {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				t.Fatalf("%s:%d: %q", path, i+1, kv)
			}
			s[strings.TrimSpace(k)] = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\u00a0`, "\u00a0", `\u200b`, "\u200b", `\u007c`, "|").Replace(v)
		}
		cases[i] = tableCase{left, s, want}
	}
	return lines, cases
}

func said(a enrichment.Answer) string {
	if a.Outcome != enrichment.Hit {
		return strings.TrimSpace(a.Outcome.String() + " " + a.Reason)
	}
	var all []string
	for k, v := range a.Values {
		all = append(all, fmt.Sprintf("%s=%v", k, v.Value))
	}
	slices.Sort(all)
	return strings.Join(all, " | ")
}

func TestTables(t *testing.T) {
	least := map[string]int{"name": 60, "email": 80, "phone": 60, "company": 60, "title": 60, "place": 40}
	for _, p := range Keyless() {
		id := p.Info().ID
		t.Run(id, func(t *testing.T) {
			path := "testdata/" + id + ".txt"
			lines, cases := readTable(t, path)
			for i, c := range cases {
				got := said(p.Lookup(context.Background(), []enrichment.Query{{Subject: c.subject}})[0])
				if *update {
					lines[i] = c.line + " => " + got
				} else if got != c.want {
					t.Errorf("%s:%d: %s\n got %s\nwant %s", path, i+1, c.line, got, c.want)
				}
			}
			if len(cases) < least[id] {
				t.Errorf("%d cases, want %d", len(cases), least[id])
			}
			if *update {
				if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestConformance runs what the engine relies on over every fourth of a table's subjects.
func TestConformance(t *testing.T) {
	for _, p := range Keyless() {
		t.Run(p.Info().ID, func(t *testing.T) {
			_, table := readTable(t, "testdata/"+p.Info().ID+".txt")
			var cases []providertest.Case
			for i := 0; i < len(table)*2; i += 4 {
				if c, ok := table[i]; ok {
					cases = append(cases, providertest.Case{Name: fmt.Sprint("line ", i+1), Subject: c.subject})
				}
			}
			providertest.Run(t, p, cases...)
		})
	}
}

// What a provider gives as the tidy form of its own input, it must leave alone when it meets it again.
func TestTidyIsStable(t *testing.T) {
	for _, p := range Keyless() {
		_, cases := readTable(t, "testdata/"+p.Info().ID+".txt")
		for _, c := range cases {
			checkStable(t, p, c.subject)
		}
	}
}

// checkStable feeds a provider's answer back to it, in place of what it was made from.
func checkStable(t testing.TB, p enrichment.Provider, s enrichment.Subject) {
	t.Helper()
	again := map[string][][2]string{
		"name":    {{"full_name", "full_name"}},
		"email":   {{"email_normalized", "email"}},
		"phone":   {{"phone_e164", "phone"}},
		"company": {{"company_name", "company_name"}, {"website", "website"}, {"domain", "domain"}},
		"place":   {{"country", "country"}, {"company_country", "company_country"}},
	}[p.Info().ID]
	if s["first_name"] != "" || s["last_name"] != "" {
		return // joined, "Aa" and "A" read as a surname and its initial
	}
	ask := func(s enrichment.Subject) map[string]enrichment.Value {
		return p.Lookup(context.Background(), []enrichment.Query{{Subject: s}})[0].Values
	}
	first := ask(s)
	for _, pair := range again {
		v, ok := first[pair[0]]
		if !ok {
			continue
		}
		second := ask(enrichment.Subject{pair[1]: v.Value.(string)})
		if got := second[pair[0]].Value; got != v.Value {
			t.Errorf("%s: %q became %v from %v, which became %v", p.Info().ID, s, v.Value, v.Value, got)
		}
	}
}

func TestCancelledBatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	batch := make([]enrichment.Query, 3)
	for _, a := range NewName().Lookup(ctx, batch) {
		if a.Outcome != enrichment.Transient {
			t.Errorf("got %v after the context ended, want transient", a.Outcome)
		}
	}
}

func TestKeylessOrder(t *testing.T) {
	var ids []string
	for _, p := range Keyless() {
		info := p.Info()
		ids = append(ids, info.ID)
		if !info.Local || info.Paid || info.Network || info.Price != 0 {
			t.Errorf("%s is not a local, free source: %+v", info.ID, info)
		}
	}
	if got := strings.Join(ids, " "); got != "name company email phone title place" {
		t.Errorf("order %q: the website's domain must be asked before the address's", got)
	}
}

func TestListsAreSorted(t *testing.T) {
	for name, l := range map[string]string{"disposable": disposableDomains, "free": freeDomains, "relay": relayDomains, "typo": domainTypos, "role": roleNames, "countries": countryNames, "zones": zoneTable} {
		lines := strings.Split(strings.TrimSuffix(l, "\n"), "\n")
		for i := range lines[1:] {
			a, _, _ := strings.Cut(lines[i], "\t")
			b, _, _ := strings.Cut(lines[i+1], "\t")
			if name != "zones" && a >= b || lines[i] >= lines[i+1] {
				t.Fatalf("%s: %q before %q", name, lines[i], lines[i+1])
			}
		}
		if name == "zones" {
			continue
		}
		for i := 0; i < len(lines); i += 1 + len(lines)/997 {
			k, v, _ := strings.Cut(lines[i], "\t")
			if got, ok := sortedList(l).find(k); !ok || got != v {
				t.Fatalf("%s: find(%q) = %q, %v", name, k, got, ok)
			}
			if sortedList(l).has(k+"\x01") || sortedList(l).has(k[:len(k)-1]+"\x01") {
				t.Fatalf("%s: found what isn't there, near %q", name, k)
			}
		}
	}
	for _, d := range []string{"gmail.com", "gmx.de", "protonmail.com", "duck.com", "google.com", "web.de", "orange.fr"} {
		if listedHost(disposableDomains, d) {
			t.Errorf("%s is on the disposable list", d)
		}
	}
}
