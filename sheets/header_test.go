package sheets

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNormalHeading(t *testing.T) {
	for in, want := range map[string]string{
		"Email verdict": "email_verdict", "E-Mail": "e_mail", "LinkedIn URL": "linkedin_url", " (First Name) * ": "first_name",
		"Prénom": "prénom", "Pre\u0301nom": "prénom", "電話 番号": "電話_番号", "": "", "***": "", "Company growth 12m": "company_growth_12m",
		"हिन्दी": "हिन्दी", "a\x00b": "a_b", "a\xffb": "a_b", "Phone E164": "phone_e164",
	} {
		if got := NormalHeading(in); got != want {
			t.Errorf("NormalHeading(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRecogniseOne(t *testing.T) {
	for attribute, list := range map[string][]string{
		"first_name":   {"First Name", "first_name", "FirstName", "firstName", "FIRST NAME", "Vorname", "Prénom", "PRENOM", "Given name", "Voornaam", "Imię", "Imie", "Lead: First Name", "1. First Name", "Contact First Name", "First Name*", "First name (required)", "\ufeffFirst Name"},
		"last_name":    {"Last Name", "Surname", "Nachname", "Familienname", "Nom de famille", "Apellidos", "Cognome", "Achternaam", "Sobrenome", "Nazwisko", "Person - Last name"},
		"full_name":    {"Name", "Full Name", "Contact Name", "Nombre completo", "Nom complet", "Imię i nazwisko", "Ansprechpartner", "Nome", "Nombre", "Nom"},
		"email":        {"Email", "E-mail", "e mail", "EMAIL ADDRESS", "emailAddress", "E-Mail-Adresse", "E‑Mail", "Contact Email*", "contactEmail", "Work email", "Courriel", "Adresse e-mail", "Correo electrónico", "Correo Electronico", "Indirizzo e-mail", "E-mailadres", "Endereço de e-mail", "Adres e-mail", "Email 1", "Mail"},
		"phone":        {"Phone", "Phone number", "Tel.", "Telefon", "Telefonnummer", "Téléphone", "Teléfono", "Telefono", "Telefoonnummer", "Telefone", "Numer telefonu", "Tel. No.", "Work Phone"},
		"mobile_phone": {"Mobile", "Handy", "Handynummer", "Cell phone", "Portable", "Móvil", "Cellulare", "Telemóvel", "Telefon komórkowy", "Mobile Phone"},
		"company_name": {"Company", "Company Name", "companyName", "Firma", "Unternehmen", "Société", "Entreprise", "Empresa", "Azienda", "Bedrijf", "Razão social", "Nazwa firmy", "Organization", "Account Name", "Contact Company", "Lead - Company", "Employer"},
		"website":      {"Website", "Web site", "URL", "Homepage", "Webseite", "Site web", "Sitio web", "Sito web", "Strona internetowa", "Company website"},
		"domain":       {"Domain", "Company domain", "Dominio", "Domaine"},
		"job_title":    {"Title", "Job title", "jobTitle", "Position", "Role", "Funktion", "Fonction", "Cargo", "Puesto", "Ruolo", "Functie", "Stanowisko", "Intitulé du poste"},
		"linkedin_url": {"LinkedIn", "LinkedIn URL", "LinkedInURL", "linkedin_url", "LinkedIn Profile", "Person Linkedin Url"},
		"country":      {"Country", "Land", "Pays", "País", "Paese", "Kraj"},
		"city":         {"City", "Ort", "Stadt", "Ville", "Ciudad", "Città", "Plaats", "Cidade", "Miasto"},
		"salutation":   {"Anrede", "Salutation", "Civilité"},
		// own names and titles
		"email_verdict": {"Email verdict", "email_verdict"}, "company_employee_count": {"Company employee count", "Employees", "# Employees", "Mitarbeiterzahl"},
		"company_email": {"Company email", "company_email"}, "company_phone": {"Company phone"}, "company_lei": {"LEI", "Company LEI"},
		"email_is_catch_all": {"Email is catch all"}, "company_growth_12m": {"Company growth 12m"}, "phone_e164": {"Phone E164"},
		"": {"", " ", "Phone notes", "Email 2", "Email opened", "Emails sent", "Address", "ID", "Notes", "Status", "Source", "Company email notes", "Titel", "Fax", "Nameplate", "Is company", "Contact ID", "Mailing list", "123", "1.", "Email status",
			"Unsubscribed email?", "Last contact", "Last name initial", strings.Repeat("Email ", 500), "\x00", "Service"},
	} {
		for _, h := range list {
			if got := Recognise([]string{h})[0]; got != attribute {
				t.Errorf("%q → %q, want %q", h, got, attribute)
			}
		}
	}
}

func TestRecogniseTogether(t *testing.T) {
	for _, c := range []struct{ headings, want []string }{
		{[]string{"Email", "Email", "E-mail"}, []string{"email", "", ""}},
		{[]string{"E-mail", "Email"}, []string{"", "email"}},                     // the own name is the better match
		{[]string{"Contact Email", "Work email"}, []string{"email", ""}},         // equals: the leftmost
		{[]string{"Kontakt E-Mail", "E-Mail-Adresse"}, []string{"", "email"}},    // a spelling beats one behind an owner
		{[]string{"Email", "Email verdict"}, []string{"email", "email_verdict"}}, // not the same thing
		{[]string{"Company email", "Email"}, []string{"company_email", "email"}}, // nor these
		{[]string{"Name", "Vorname"}, []string{"last_name", "first_name"}},       // a German list
		{[]string{"Vorname", "Name", "Nachname"}, []string{"first_name", "full_name", "last_name"}},
		{[]string{"Nom", "Prénom"}, []string{"last_name", "first_name"}},
		{[]string{"Nome", "Cognome"}, []string{"first_name", "last_name"}},
		{[]string{"Nome", "Email"}, []string{"full_name", "email"}},
		{[]string{"Nombre", "Apellidos", "Empresa"}, []string{"first_name", "last_name", "company_name"}},
		{nil, []string{}},
	} {
		if got := Recognise(c.headings); !slices.Equal(got, c.want) {
			t.Errorf("%q → %q, want %q", c.headings, got, c.want)
		}
	}
}

// The file is data that people edit: it must not say two things about one spelling, nor leave a spelling that can't be found.
func TestHeadingsFile(t *testing.T) {
	raw, err := os.ReadFile("headings.txt")
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	attributes := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, list, ok := strings.Cut(line, ":")
		if !ok || NormalHeading(name) != name {
			t.Errorf("%.40q is no line of the table", line)
		}
		if attributes[name] {
			t.Errorf("%s has two lines", name)
		}
		attributes[name] = true
		for s := range strings.SplitSeq(list, "|") {
			key := strings.Join(words(s), "")
			if key == "" {
				continue
			}
			if other := owner[key]; other != "" && other != name {
				t.Errorf("%q is %s and %s", strings.TrimSpace(s), other, name)
			}
			owner[key] = name
		}
	}
	for name := range attributes {
		if o := owner[strings.ReplaceAll(name, "_", "")]; o != "" && o != name {
			t.Errorf("the name %s is a spelling of %s", name, o)
		}
		title := strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
		if got := Recognise([]string{title})[0]; got != name {
			t.Errorf("title %q → %q", title, got)
		}
	}
	// 70 attributes at least can be recognised, and the usual inputs among them.
	if len(attributes) < 70 {
		t.Errorf("%d attributes", len(attributes))
	}
}

func FuzzRecognise(f *testing.F) {
	for _, s := range []string{"Email\nPhone\nE-mail", "Vorname\nName", "İ\nK\nﬁrst name", "\xff\x00", "a\u0301\u0308"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		headings := strings.Split(s, "\n")
		got := Recognise(headings)
		if len(got) != len(headings) {
			t.Fatalf("%d answers to %d headings", len(got), len(headings))
		}
		seen := map[string]bool{}
		for i, a := range got {
			if a == "" {
				continue
			}
			if seen[a] {
				t.Fatalf("%q twice in %q", a, headings)
			}
			seen[a] = true
			if NormalHeading(headings[i]) == "" {
				t.Fatalf("%q is %q", headings[i], a)
			}
		}
		for _, h := range headings {
			n := NormalHeading(h)
			if !utf8.ValidString(n) || NormalHeading(n) != n {
				t.Fatalf("NormalHeading(%q) = %q → %q", h, n, NormalHeading(n))
			}
		}
	})
}
