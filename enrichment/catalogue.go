package enrichment

import (
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

// How long values count as current, by what they are about. People change jobs and addresses within
// months, companies within a year, servers within weeks.
const (
	freshEmail     = 90 * day
	freshVerdict   = 30 * day
	freshCatchAll  = 7 * day
	freshPhone     = 180 * day
	freshJob       = 180 * day
	freshPerson    = 365 * day
	freshCompany   = 365 * day
	freshFirm      = 180 * day
	freshHiring    = 30 * day
	freshSocial    = 180 * day
	freshTechnical = 30 * day
	freshRegistry  = 365 * day
	freshQuality   = day
)

// What an attribute's Input and Tidied are, in the table below.
const (
	input  = 1 << iota // people have it in their sheets
	tidied             // made from an input on this machine
)

func row(name, title string, group Group, typ Type, fresh time.Duration, flags int) Attribute {
	return Attribute{Name: name, Title: title, Group: group, Type: typ, Fresh: fresh, Input: flags&input != 0, Tidied: flags&tidied != 0}
}

// catalogue is every attribute there is, in the order people are shown them. It is never changed.
var catalogue = [...]Attribute{
	row("full_name", "Full name", Person, Text, freshPerson, input|tidied),
	row("first_name", "First name", Person, Text, freshPerson, input|tidied),
	row("middle_name", "Middle name", Person, Text, freshPerson, input|tidied),
	row("last_name", "Last name", Person, Text, freshPerson, input|tidied),
	row("salutation", "Salutation", Person, Text, freshPerson, input|tidied),
	row("headline", "Headline", Person, Text, freshJob, 0),
	row("summary", "Summary", Person, Text, freshJob, 0),
	row("city", "City", Person, Text, freshPerson, input|tidied),
	row("region", "Region", Person, Text, freshPerson, input|tidied),
	row("country", "Country", Person, Text, freshPerson, input|tidied),
	row("timezone", "Timezone", Person, Text, freshPerson, tidied),
	row("linkedin_url", "LinkedIn URL", Person, URL, freshPerson, input),
	row("twitter_url", "Twitter URL", Person, URL, freshPerson, input),
	row("github_url", "GitHub URL", Person, URL, freshPerson, input),
	row("skills", "Skills", Person, List, freshJob, 0),
	row("languages", "Languages", Person, List, freshPerson, 0),
	row("education", "Education", Person, List, freshPerson, 0),
	row("photo_url", "Photo URL", Person, URL, freshJob, 0),

	row("email", "Email", Email, Text, freshEmail, input),
	row("email_normalized", "Email normalized", Email, Text, freshEmail, tidied),
	row("email_suggestion", "Email suggestion", Email, Text, freshEmail, tidied),
	row("email_verdict", "Email verdict", Email, Text, freshVerdict, 0),
	row("email_reason", "Email reason", Email, Text, freshVerdict, 0),
	row("email_source", "Email source", Email, Text, freshEmail, 0),
	row("email_verified_at", "Email verified at", Email, Moment, freshVerdict, 0),
	row("email_type", "Email type", Email, Text, freshEmail, tidied),
	row("email_is_disposable", "Email is disposable", Email, Flag, freshEmail, tidied),
	row("email_is_role", "Email is role", Email, Flag, freshEmail, tidied),
	row("email_is_free", "Email is free", Email, Flag, freshEmail, tidied),
	row("email_is_catch_all", "Email is catch all", Email, Flag, freshCatchAll, 0),
	row("personal_email", "Personal email", Email, Text, freshEmail, input),

	row("phone", "Phone", Phone, ID, freshPhone, input),
	row("phone_e164", "Phone E164", Phone, ID, freshPhone, tidied),
	row("phone_type", "Phone type", Phone, Text, freshPhone, tidied),
	row("phone_country", "Phone country", Phone, Text, freshPhone, tidied),
	row("phone_valid", "Phone valid", Phone, Flag, freshPhone, tidied),
	row("mobile_phone", "Mobile phone", Phone, ID, freshPhone, input),

	row("job_title", "Job title", Employment, Text, freshJob, input),
	row("job_function", "Job function", Employment, Text, freshJob, tidied),
	row("job_seniority", "Job seniority", Employment, Text, freshJob, tidied),
	row("department", "Department", Employment, Text, freshJob, input),
	row("job_started_at", "Job started at", Employment, Date, freshJob, 0),
	row("company_tenure", "Company tenure", Employment, Number, freshJob, 0),
	row("previous_company", "Previous company", Employment, Text, freshJob, 0),
	row("previous_title", "Previous title", Employment, Text, freshJob, 0),
	row("job_changed", "Job changed", Employment, Flag, freshJob, 0),

	row("company_name", "Company name", Company, Text, freshCompany, input|tidied),
	row("company_legal_name", "Company legal name", Company, Text, freshCompany, input|tidied),
	row("domain", "Domain", Company, Text, freshCompany, input|tidied),
	row("website", "Website", Company, URL, freshCompany, input|tidied),
	row("company_description", "Company description", Company, Text, freshCompany, 0),
	row("company_logo_url", "Company logo URL", Company, URL, freshCompany, 0),
	row("company_founded_year", "Company founded year", Company, Number, freshCompany, 0),
	row("company_type", "Company type", Company, Text, freshCompany, 0),
	row("company_parent", "Company parent", Company, Text, freshCompany, 0),
	row("company_registration_number", "Company registration number", Company, ID, freshCompany, input),
	row("company_lei", "Company LEI", Company, ID, freshCompany, input),
	row("company_vat_number", "Company VAT number", Company, ID, freshCompany, input),
	row("company_street", "Company street", Company, Text, freshCompany, input),
	row("company_city", "Company city", Company, Text, freshCompany, input),
	row("company_region", "Company region", Company, Text, freshCompany, input),
	row("company_postal_code", "Company postal code", Company, ID, freshCompany, input),
	row("company_country", "Company country", Company, Text, freshCompany, input),
	row("company_phone", "Company phone", Company, ID, freshCompany, input),
	row("company_email", "Company email", Company, Text, freshCompany, input),

	row("company_industry", "Company industry", Firmograph, Text, freshCompany, input),
	row("company_sub_industry", "Company sub industry", Firmograph, Text, freshCompany, 0),
	row("company_naics", "Company NAICS", Firmograph, ID, freshCompany, 0),
	row("company_sic", "Company SIC", Firmograph, ID, freshCompany, 0),
	row("company_employee_count", "Company employee count", Firmograph, Number, freshFirm, 0),
	row("company_employee_range", "Company employee range", Firmograph, Text, freshFirm, 0),
	row("company_revenue", "Company revenue", Firmograph, Number, freshCompany, 0),
	row("company_revenue_range", "Company revenue range", Firmograph, Text, freshCompany, 0),
	row("company_funding_total", "Company funding total", Firmograph, Number, freshFirm, 0),
	row("company_funding_stage", "Company funding stage", Firmograph, Text, freshFirm, 0),
	row("company_last_funding_at", "Company last funding at", Firmograph, Date, freshFirm, 0),
	row("company_ticker", "Company ticker", Firmograph, ID, freshCompany, input),
	row("company_growth_12m", "Company growth 12m", Firmograph, Number, freshFirm, 0),
	row("company_open_positions", "Company open positions", Firmograph, Number, freshHiring, 0),
	row("company_is_hiring", "Company is hiring", Firmograph, Flag, freshHiring, 0),

	row("company_linkedin_url", "Company LinkedIn URL", Social, URL, freshCompany, input),
	row("company_twitter_url", "Company Twitter URL", Social, URL, freshSocial, 0),
	row("company_facebook_url", "Company Facebook URL", Social, URL, freshSocial, 0),
	row("company_instagram_url", "Company Instagram URL", Social, URL, freshSocial, 0),
	row("company_youtube_url", "Company YouTube URL", Social, URL, freshSocial, 0),
	row("company_followers", "Company followers", Social, Number, freshHiring, 0),

	row("technologies", "Technologies", Technical, List, freshTechnical, 0),
	row("cms", "CMS", Technical, Text, freshTechnical, 0),
	row("email_provider", "Email provider", Technical, Text, freshTechnical, 0),
	row("mx_host", "MX host", Technical, Text, freshTechnical, 0),
	row("spf", "SPF", Technical, Text, freshTechnical, 0),
	row("dmarc", "DMARC", Technical, Text, freshTechnical, 0),
	row("domain_registered_at", "Domain registered at", Technical, Date, freshRegistry, 0),
	row("domain_age_days", "Domain age days", Technical, Number, freshTechnical, 0),
	row("site_status", "Site status", Technical, Text, freshTechnical, 0),

	row("match_confidence", "Match confidence", Quality, Number, freshQuality, 0),
	row("enriched_at", "Enriched at", Quality, Moment, freshQuality, 0),
	row("sources", "Sources", Quality, List, freshQuality, 0),
}

// byName maps an attribute's name to its place in the catalogue. It is never changed.
var byName = func() map[string]int {
	m := make(map[string]int, len(catalogue))
	for i, a := range catalogue {
		m[a.Name] = i
	}
	return m
}()

// Attributes returns every attribute there is, in a stable order: person, contact, employment,
// company, technical, quality. The slice is the caller's.
func Attributes() []Attribute {
	return append([]Attribute(nil), catalogue[:]...)
}

// Find returns the attribute with exactly this name.
func Find(name string) (Attribute, bool) {
	i, ok := byName[name]
	if !ok {
		return Attribute{}, false
	}
	return catalogue[i], true
}

// AttributeName returns the normal form of a heading, which is an attribute's name where there is
// such an attribute: lower case, every run of other characters one underscore.
func AttributeName(heading string) string {
	var b strings.Builder
	gap := false
	for _, r := range heading {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// longestSuggested bounds the work that Suggest does on nonsense.
const longestSuggested = 64

// Suggest returns the name of the attribute that an unknown name was most likely meant for ("emial" →
// "email"), or "" where nothing is near.
func Suggest(name string) string {
	name = AttributeName(name)
	if name == "" || len(name) > longestSuggested {
		return ""
	}
	if _, ok := byName[name]; ok {
		return name
	}
	if meant, ok := otherNames[strings.ReplaceAll(name, "_", "")]; ok {
		return meant
	}
	best, bestAt := "", 1+max(1, len(name)/3)
	for _, a := range catalogue {
		// Underscores left out or put in are hardly a difference.
		d := min(distance(name, a.Name), distance(strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(a.Name, "_", ""))+1)
		if d < bestAt {
			best, bestAt = a.Name, d
		}
	}
	if best != "" {
		return best
	}
	// "employee_count" is the tail of exactly one name, perhaps.
	for _, a := range catalogue {
		if strings.HasSuffix(a.Name, "_"+name) {
			if best != "" {
				return ""
			}
			best = a.Name
		}
	}
	return best
}

// otherNames are what people call attributes, without underscores, where spelling alone would not tell.
var otherNames = map[string]string{
	"name": "full_name", "surname": "last_name", "familyname": "last_name", "givenname": "first_name",
	"mail": "email", "emailaddress": "email", "emailstatus": "email_verdict", "emailvalid": "email_verdict", "verdict": "email_verdict",
	"telephone": "phone", "phonenumber": "phone", "tel": "phone", "mobile": "mobile_phone", "cell": "mobile_phone",
	"title": "job_title", "role": "job_title", "position": "job_title", "seniority": "job_seniority", "jobfunction": "job_function",
	"company": "company_name", "organisation": "company_name", "organization": "company_name", "employer": "company_name",
	"url": "website", "site": "website", "homepage": "website", "linkedin": "linkedin_url", "twitter": "twitter_url", "github": "github_url",
	"industry": "company_industry", "employees": "company_employee_count", "headcount": "company_employee_count",
	"revenue": "company_revenue", "founded": "company_founded_year", "lei": "company_lei", "vat": "company_vat_number",
	"mx": "mx_host", "state": "region", "location": "city", "photo": "photo_url", "disposable": "email_is_disposable",
}

// distance is the number of edits (a letter put in, left out, changed, or two neighbours swapped) between two
// short names.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
