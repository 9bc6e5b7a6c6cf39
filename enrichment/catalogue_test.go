package enrichment

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// expected is the list of names that people and scripts hold on to.
const expected = `
full_name first_name middle_name last_name salutation headline summary city region country timezone linkedin_url twitter_url github_url skills languages education photo_url
email email_normalized email_suggestion email_verdict email_reason email_source email_verified_at email_type email_is_disposable email_is_role email_is_free email_is_catch_all personal_email phone phone_e164 phone_type phone_country phone_valid mobile_phone
job_title job_function job_seniority department job_started_at company_tenure previous_company previous_title job_changed
company_name company_legal_name domain website company_description company_logo_url company_founded_year company_type company_parent company_registration_number company_lei company_vat_number company_street company_city company_region company_postal_code company_country company_phone company_email
company_industry company_sub_industry company_naics company_sic company_employee_count company_employee_range company_revenue company_revenue_range company_funding_total company_funding_stage company_last_funding_at company_ticker company_growth_12m company_open_positions company_is_hiring
company_linkedin_url company_twitter_url company_facebook_url company_instagram_url company_youtube_url company_followers
technologies cms email_provider mx_host spf dmarc domain_registered_at domain_age_days site_status
match_confidence enriched_at sources`

func TestCatalogueIsWhole(t *testing.T) {
	names := strings.Fields(expected)
	if len(names) < 70 || len(names) != len(Attributes()) {
		t.Errorf("%d attributes, %d names expected", len(Attributes()), len(names))
	}
	for _, name := range names {
		if _, ok := Find(name); !ok {
			t.Errorf("attribute %s is missing", name)
		}
	}
}

func TestCatalogueHoldsItsRules(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
	types := map[Type]bool{Text: true, Number: true, Flag: true, Date: true, Moment: true, ID: true, URL: true, List: true}
	titles := map[string]string{}
	for _, a := range Attributes() {
		if !form.MatchString(a.Name) {
			t.Errorf("%q: not a name", a.Name)
		}
		if AttributeName(a.Title) != a.Name {
			t.Errorf("%s: its title %q reads as %q", a.Name, a.Title, AttributeName(a.Title))
		}
		if other, dup := titles[a.Title]; dup {
			t.Errorf("%s and %s are both called %q", a.Name, other, a.Title)
		}
		titles[a.Title] = a.Name
		if !types[a.Type] || a.Group == "" || a.Fresh <= 0 {
			t.Errorf("%s: incomplete: %+v", a.Name, a)
		}
		switch a.Group {
		case Firmograph, Social:
			if !strings.HasPrefix(a.Name, "company_") {
				t.Errorf("%s: a company's fact begins with company_", a.Name)
			}
		}
	}
	if len(catalogue) > maxAttributes {
		t.Errorf("%d attributes do not fit in a set of %d", len(catalogue), maxAttributes)
	}
}

func TestAttributesAreACopy(t *testing.T) {
	Attributes()[0].Name = "changed"
	if Attributes()[0].Name == "changed" {
		t.Error("the catalogue can be changed from outside")
	}
}

func TestSuggest(t *testing.T) {
	for unknown, want := range map[string]string{
		"emial": "email", "e-mail": "email", "Email": "email", "phone number": "phone", "linkedin": "linkedin_url",
		"fistname": "first_name", "company_nmae": "company_name", "employee_count": "company_employee_count",
		"emailverdict": "email_verdict", "industry": "company_industry", "title": "job_title",
		"": "", "zzzzzzzzzzz": "", strings.Repeat("email", 100): "",
	} {
		if got := Suggest(unknown); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", unknown, got, want)
		}
	}
	for other, meant := range otherNames {
		if _, ok := Find(meant); !ok {
			t.Errorf("otherNames[%q] = %q, which is no attribute", other, meant)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"email", "emial", 1}, {"email", "mail", 1}, {"kitten", "sitting", 3}, {"é", "e", 1},
	} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestSuggestAnswersWithAnAttributeOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := Suggest(rapid.String().Draw(t, "name"))
		if _, ok := Find(got); got != "" && !ok {
			t.Fatalf("suggested %q, which is no attribute", got)
		}
	})
}
