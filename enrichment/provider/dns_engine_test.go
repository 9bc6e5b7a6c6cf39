package provider

import (
	"context"
	"maps"
	"testing"

	"rowsmith/enrichment"
)

// TestEngineOverDNS goes from rows to results: tidied by the keyless providers, looked up, and judged.
func TestEngineOverDNS(t *testing.T) {
	s := startNameServer(t, `
acme.com.         300 IN MX 1 aspmx.l.google.com.
_dmarc.acme.com.  300 IN TXT "v=DMARC1; p=none"
acme.com.         300 IN TXT "v=spf1 include:_spf.google.com ~all"
gone.com.         300 IN MX 0 .
`)
	want := []string{"email_verdict", "email_reason", "mx_host", "email_provider", "spf", "dmarc"}
	rows := []enrichment.Subject{
		{"email": " JO@Acme.com "},
		{"email": "jo@gone.com"},
		{"email": "jo@nowhere.com"},
		{"email": "jo at work"},
		{"email": "jo@servfail.com"},
		{"website": "https://www.acme.com/team"},
		{"full_name": "Jo Do"},
	}
	for _, tc := range []struct {
		name    string
		offline bool
		values  []map[string]any
		missing []map[string]string
	}{
		{name: "online",
			values: []map[string]any{
				{"email_verdict": "unknown", "email_reason": "mailbox_not_checked", "mx_host": "aspmx.l.google.com", "email_provider": "Google Workspace", "spf": "softfail", "dmarc": "none"},
				{"email_verdict": "invalid", "email_reason": "null_mx", "spf": "missing", "dmarc": "missing"},
				{"email_verdict": "invalid", "email_reason": "no_such_domain"},
				{"email_verdict": "invalid", "email_reason": "bad_syntax"},
				{"email_verdict": "unknown", "email_reason": "servfail"},
				{"mx_host": "aspmx.l.google.com", "email_provider": "Google Workspace", "spf": "softfail", "dmarc": "none"},
				{},
			},
			missing: []map[string]string{
				nil,
				{"mx_host": "null_mx", "email_provider": "null_mx"},
				{"mx_host": "no_such_domain", "email_provider": "no_such_domain", "spf": "no_such_domain", "dmarc": "no_such_domain"},
				{"mx_host": "bad_domain", "email_provider": "bad_domain", "spf": "bad_domain", "dmarc": "bad_domain"},
				{"mx_host": "servfail", "email_provider": "servfail", "spf": "servfail", "dmarc": "servfail"},
				{"email_verdict": "no_input", "email_reason": "no_input"},
				{"email_verdict": "no_input", "email_reason": "no_input", "mx_host": "no_input", "email_provider": "no_input", "spf": "no_input", "dmarc": "no_input"},
			}},
		{name: "offline", offline: true,
			values: []map[string]any{
				{"email_verdict": "unknown", "email_reason": "offline"}, {"email_verdict": "unknown", "email_reason": "offline"}, {"email_verdict": "unknown", "email_reason": "offline"},
				{"email_verdict": "invalid", "email_reason": "bad_syntax"}, {"email_verdict": "unknown", "email_reason": "offline"}, {}, {},
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := resolverOf(t, ResolverConfig{Servers: []string{s.addr}, Offline: tc.offline})
			e, err := enrichment.New(enrichment.Config{Providers: append(Keyless(), NewDNS(r), NewVerdict(r)), Offline: tc.offline})
			if err != nil {
				t.Fatal(err)
			}
			results, err := e.Enrich(context.Background(), rows, enrichment.Want{Attributes: want})
			if err != nil {
				t.Fatal(err)
			}
			for i, res := range results {
				got := map[string]any{}
				for name, v := range res.Values {
					if v.Value != nil {
						got[name] = v.Value
					}
				}
				if !maps.Equal(got, tc.values[i]) {
					t.Errorf("row %d: %v, want %v", i, got, tc.values[i])
				}
				if tc.missing != nil && !maps.Equal(res.Missing, tc.missing[i]) {
					t.Errorf("row %d: missing %v, want %v", i, res.Missing, tc.missing[i])
				}
				if res.Failed {
					t.Errorf("row %d failed: %v", i, res.Missing)
				}
			}
		})
	}
}
