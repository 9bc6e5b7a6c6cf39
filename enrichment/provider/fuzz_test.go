package provider

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"rowsmith/enrichment"
)

// answerFor asks a provider about one subject and checks what holds of every answer.
func answerFor(t *testing.T, p enrichment.Provider, s enrichment.Subject) enrichment.Answer {
	t.Helper()
	a := p.Lookup(context.Background(), []enrichment.Query{{Subject: s}})[0]
	switch a.Outcome {
	case enrichment.Hit:
		if len(a.Values) == 0 {
			t.Errorf("%q: a hit without values", s)
		}
	case enrichment.Miss, enrichment.BadInput:
		if a.Reason == "" || len(a.Values) > 0 {
			t.Errorf("%q: %v with reason %q and %d values", s, a.Outcome, a.Reason, len(a.Values))
		}
	default:
		t.Errorf("%q: outcome %v", s, a.Outcome)
	}
	for k, v := range a.Values {
		if v.Confidence <= 0 || v.Confidence > 1 || v.Source != p.Info().ID {
			t.Errorf("%q: %s = %+v", s, k, v)
		}
		if text, ok := v.Value.(string); ok && (!utf8.ValidString(text) || text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\r\t\x00")) {
			t.Errorf("%q: %s = %q is not tidy", s, k, text)
		}
	}
	checkStable(t, p, s)
	return a
}

// seeds adds a table's values of one attribute as seeds.
func seeds(f *testing.F, table, attribute string) {
	_, cases := readTable(f, "testdata/"+table+".txt")
	for _, c := range cases {
		if v, ok := c.subject[attribute]; ok {
			f.Add(v)
		}
	}
}

var plainHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

func FuzzEmail(f *testing.F) {
	seeds(f, "email", "email")
	p := NewEmail()
	f.Fuzz(func(t *testing.T, cell string) {
		a := answerFor(t, p, enrichment.Subject{"email": cell})
		for _, k := range []string{"email_normalized", "email_suggestion"} {
			text, ok := a.Values[k].Value.(string)
			if !ok {
				continue
			}
			m, err := mail.ParseAddress(text)
			if err != nil || m.Address != text || len(text) > maxAddress {
				t.Errorf("%q: %s = %q: %v", cell, k, text, err)
				continue
			}
			if _, host, _ := strings.Cut(text, "@"); !plainHost.MatchString(host) {
				t.Errorf("%q: %s has host %q", cell, k, host)
			}
		}
	})
}

func FuzzPhone(f *testing.F) {
	_, cases := readTable(f, "testdata/phone.txt")
	for _, c := range cases {
		f.Add(c.subject["phone"], c.subject["country"])
	}
	p := NewPhone()
	e164 := regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
	f.Fuzz(func(t *testing.T, cell, country string) {
		a := answerFor(t, p, enrichment.Subject{"phone": cell, "country": country})
		if text, ok := a.Values["phone_e164"].Value.(string); ok && !e164.MatchString(text) {
			t.Errorf("%q in %q: %q", cell, country, text)
		}
		if valid, ok := a.Values["phone_valid"].Value.(bool); ok && valid != (a.Values["phone_e164"].Value != nil) {
			t.Errorf("%q in %q: valid = %v, number %v", cell, country, valid, a.Values["phone_e164"].Value)
		}
	})
}

func FuzzName(f *testing.F) {
	_, cases := readTable(f, "testdata/name.txt")
	for _, c := range cases {
		f.Add(c.subject["full_name"], c.subject["first_name"], c.subject["last_name"])
	}
	p := NewName()
	f.Fuzz(func(t *testing.T, full, first, last string) {
		a := answerFor(t, p, enrichment.Subject{"full_name": full})
		for k, v := range a.Values {
			if strings.ContainsAny(v.Value.(string), "@,\"()<>0123456789") {
				t.Errorf("%q: %s = %q", full, k, v.Value)
			}
		}
		answerFor(t, p, enrichment.Subject{"full_name": full, "first_name": first, "last_name": last})
		answerFor(t, p, enrichment.Subject{"first_name": first, "last_name": last})
	})
}

func FuzzCompany(f *testing.F) {
	_, cases := readTable(f, "testdata/company.txt")
	for _, c := range cases {
		f.Add(c.subject["company_name"], c.subject["website"])
	}
	p := NewCompany()
	f.Fuzz(func(t *testing.T, name, website string) {
		answerFor(t, p, enrichment.Subject{"company_name": name})
		a := answerFor(t, p, enrichment.Subject{"website": website})
		if d, ok := a.Values["domain"].Value.(string); ok && !plainHost.MatchString(d) {
			t.Errorf("%q: domain %q", website, d)
		}
		if u, ok := a.Values["website"].Value.(string); ok && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			t.Errorf("%q: website %q", website, u)
		}
	})
}

func FuzzTitleAndPlace(f *testing.F) {
	for _, c := range []string{"title", "place"} {
		_, cases := readTable(f, "testdata/"+c+".txt")
		for _, c := range cases {
			f.Add(c.subject["job_title"], c.subject["country"], c.subject["city"], c.subject["region"])
		}
	}
	title, place := NewTitle(), NewPlace()
	f.Fuzz(func(t *testing.T, job, country, city, region string) {
		answerFor(t, title, enrichment.Subject{"job_title": job})
		answerFor(t, place, enrichment.Subject{"country": country, "city": city, "region": region})
	})
}
