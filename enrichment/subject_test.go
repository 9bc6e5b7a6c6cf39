package enrichment

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestNormal(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string
	}{
		{"first_name", "  José \t\n Luis ", "José Luis"},
		{"first_name", "Jose\u0301", "José"},
		{"first_name", "Ann\u200b\ufeff", "Ann"},
		{"first_name", "a\x00b\xffc", "abc"},
		{"first_name", "JOHN", "JOHN"},
		{"first_name", "می\u200cخواهم", "می\u200cخواهم"},
		{"email", " J.Doe@Example.COM ", "j.doe@example.com"},
		{"domain", "ACME.com", "acme.com"},
		{"website", "https://Acme.com/About", "https://Acme.com/About"},
		{"first_name", " \u00a0 ", ""},
		{"nickname", "x", ""},
	} {
		got := Subject{tc.name: tc.in}.Normal()
		want := Subject{}
		if tc.want != "" {
			want[tc.name] = tc.want
		}
		if !maps.Equal(got, want) {
			t.Errorf("Normal(%s=%q) = %q, want %q", tc.name, tc.in, got, want)
		}
	}
}

func TestKeySameIdentity(t *testing.T) {
	for _, group := range [][]Subject{
		{{"email": "j.doe@example.com"}, {"email": " J.Doe@Example.COM", "first_name": "John"}, {"email": "j.doe@example.com", "linkedin_url": "linkedin.com/in/jdoe"}},
		{{"email": "jörg@müller.de"}, {"email": "jörg@xn--mller-kva.de"}},
		{{"linkedin_url": "https://www.linkedin.com/in/JDoe/"}, {"linkedin_url": "http://de.linkedin.com/in/jdoe?trk=x"}, {"linkedin_url": "linkedin.com/in/jdoe/en", "full_name": "J D"}},
		{{"linkedin_url": "linkedin.com/in/jos%C3%A9"}, {"linkedin_url": "linkedin.com/in/josé"}},
		{{"full_name": "José O'Neil", "domain": "acme.com"}, {"first_name": "JOSE", "last_name": "ONeil", "website": "https://www.Acme.com/about?x=1"}, {"full_name": "Jose\u0301  O’Neil", "domain": "www.acme.com."}},
		{{"full_name": "Jo Do", "company_name": "Acme, Inc."}, {"full_name": "jo do", "company_name": "ACME INC"}},
		{{"full_name": "Jo Do", "email": "not an address", "company_name": "Acme"}, {"full_name": "Jo Do", "company_name": "Acme"}},
		{{"domain": "acme.com"}, {"website": "HTTPS://ACME.com:443/"}, {"domain": "user@acme.com"}},
		{{"company_name": "Straße AG"}, {"company_name": "STRASSE AG"}},
		{{"phone": "+49 (0)30 123456"}, {"phone": "+49-30-123456"}},
	} {
		for _, s := range group[1:] {
			if s.Key() != group[0].Key() || s.Key() == "" {
				t.Errorf("%q and %q have keys %q and %q, want one", group[0], s, group[0].Key(), s.Key())
			}
		}
	}
}

func TestKeysOfDifferentSubjectsDiffer(t *testing.T) {
	seen := map[string]Subject{}
	for _, s := range []Subject{
		{"email": "a@x.com"}, {"email": "b@x.com"}, {"email": "a@y.com"},
		{"domain": "x.com"}, {"domain": "y.com"}, {"domain": "mail.x.com"},
		{"full_name": "A B", "domain": "x.com"}, {"full_name": "A C", "domain": "x.com"}, {"full_name": "A B", "company_name": "x.com"},
		{"full_name": "Андрей Б", "company_name": "X"}, {"full_name": "Андреи Б", "company_name": "X"},
		{"full_name": "がく", "company_name": "X"}, {"full_name": "かく", "company_name": "X"},
		{"company_name": "Acme Inc"}, {"company_name": "Acme GmbH"}, {"company_name": "Acme Inc", "country": "DE"},
		{"linkedin_url": "linkedin.com/in/acme"}, {"company_linkedin_url": "linkedin.com/company/acme"},
		{"phone": "+4930123456"}, {"phone": "+4930123457"},
		{"full_name": "A BX", "company_name": "Y"}, {"full_name": "A B", "company_name": "XY"},
	} {
		k := s.Key()
		if other, dup := seen[k]; dup || k == "" {
			t.Errorf("%q and %q share the key %q", s, other, k)
		}
		seen[k] = s
	}
}

func TestKeyOfNobody(t *testing.T) {
	for _, s := range []Subject{
		nil, {}, {"email": "@"}, {"email": "a b@c.de"}, {"email": "a@b"}, {"full_name": "Jo Do"}, {"first_name": "Jo", "company_name": ""}, {"city": "Bonn"},
		{"phone": "030 123456"}, {"phone": "+49 30 123456 ext 5"}, {"phone": "+1"}, {"linkedin_url": "https://linkedin.com/feed"}, {"domain": "localhost"}, {"domain": strings.Repeat("a.", 2000)},
		{"full_name": "Jo Do", "phone": "+4930123456"},
	} {
		if k := s.Key(); k != "" {
			t.Errorf("%q has the key %q, want none", s, k)
		}
	}
}

// The keys of stored records must not change by accident: a change needs a new keyVersion.
func TestKeyIsStable(t *testing.T) {
	for _, tc := range []struct {
		s    Subject
		want string
	}{
		{Subject{"email": "j.doe@example.com"}, goldenEmailKey},
		{Subject{"full_name": "John Doe", "domain": "example.com"}, goldenPersonKey},
	} {
		if got := tc.s.Key(); got != tc.want {
			t.Errorf("Key(%q) = %q, want %q", tc.s, got, tc.want)
		}
	}
}

func TestKeyHidesItsSubject(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{40}$`)
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t)
		if k := s.Key(); k != "" && !form.MatchString(k) {
			t.Fatalf("key %q", k)
		}
	})
}

func TestNormalIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t)
		before := maps.Clone(s)
		n := s.Normal()
		if !maps.Equal(s, before) {
			t.Fatal("Normal changed its receiver")
		}
		if again := n.Normal(); !maps.Equal(n, again) {
			t.Fatalf("%q, then %q", n, again)
		}
		if n.Key() != s.Key() {
			t.Fatalf("%q has another key in normal form", s)
		}
		for name, v := range n {
			if v == "" || strings.TrimSpace(v) != v || strings.Contains(v, "  ") || !norm.NFC.IsNormalString(v) {
				t.Fatalf("%s = %q is not normal", name, v)
			}
		}
	})
}

func TestKeyIgnoresCaseAndSpacing(t *testing.T) {
	names := rapid.StringMatching(`[A-Za-zé]{1,8} [A-Za-zü]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		name, company := names.Draw(t, "name"), names.Draw(t, "company")
		space := rapid.SampledFrom([]string{" ", "  ", "\t", "\u00a0", " \n "}).Draw(t, "space")
		a := Subject{"full_name": name, "company_name": company}
		b := Subject{"full_name": space + strings.ReplaceAll(strings.ToUpper(name), " ", space), "company_name": norm.NFD.String(strings.ToLower(company)) + space}
		if a.Key() != b.Key() {
			t.Fatalf("%q and %q differ", a, b)
		}
	})
}

func TestDifferentPeopleDiffer(t *testing.T) {
	names := rapid.StringMatching(`[a-z]{1,4} [a-z]{1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		a := Subject{"full_name": names.Draw(t, "a"), "company_name": names.Draw(t, "ca")}
		b := Subject{"full_name": names.Draw(t, "b"), "company_name": names.Draw(t, "cb")}
		if (a.Key() == b.Key()) != maps.Equal(a, b) {
			t.Fatalf("%q and %q: %s, %s", a, b, a.Key(), b.Key())
		}
	})
}

// drawSubject draws a subject of anything.
func drawSubject(t *rapid.T) Subject {
	var names []string
	for _, a := range Attributes() {
		if a.Input {
			names = append(names, a.Name)
		}
	}
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z .@+0-9é]{0,12}`), rapid.StringMatching(`[a-z]{1,5}@[a-z]{1,5}\.(com|de)`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }))
	return Subject(rapid.MapOfN(rapid.SampledFrom(names), text, 0, 6).Draw(t, "subject"))
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"", "a@b.c", "J.Doe@Example.com", "https://Acme.com:80/x?y#z", "linkedin.com/in/%zz", "+49 (0)30", "Jose\u0301", "\xff\x00", "İ", "xn--"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		s := Subject{"email": a, "website": b, "full_name": c, "linkedin_url": a, "phone": b, "company_name": a}
		n := s.Normal()
		if !maps.Equal(n, n.Normal()) {
			t.Errorf("%q: %q, then %q", s, n, n.Normal())
		}
		if n.Key() != s.Key() {
			t.Errorf("%q: the key differs in normal form", s)
		}
	})
}

const (
	goldenEmailKey  = "4c15806e5d5657c8597f906660a8703685dc26d5"
	goldenPersonKey = "3465bd61d1a1d9671ce0809904a1051735289df9"
)
