// Package messy makes the tables of leads that tests and benchmarks work on: as untidy as people's own, and the same
// bytes for the same seed.
//
// It refuses to hold anyone's data. Names are put together from lists; companies, domains (NAME-leads-sample.TLD: a real TLD, since what has none is no address; or a mail
// provider's) and phone numbers (from ranges that numbering authorities keep for fiction) belong to nobody.
//
// A table is CSV in UTF-8 with CRLF, the headings Headings and then the rows asked for. Among them are blank rows,
// duplicates, short rows, rows with empty or (rarely) real fields beyond the headings, quoted newlines and quotes,
// stray quotes, NUL bytes, text that looks like a formula, and cells one character longer than a sheet takes.
package messy

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Headings are the headings of the table.
func Headings() []string {
	return []string{"ID", "Full Name", "Company", "E-mail", "Phone", "Website", "Job Title", "City", "Country", "Lead Source", "Created", "Notes"}
}

// Columns of Headings.
const (
	id = iota
	fullName
	company
	email
	phone
	website
	jobTitle
	city
	country
	leadSource
	created
	notes
	columns
)

// Leads writes the headings and rows records, blank ones included.
func Leads(w io.Writer, rows int, seed uint64) error {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6c65616473))}
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(strings.Join(Headings(), ","))
	out.WriteString("\r\n")
	for i := range rows {
		if _, err := out.WriteString(g.line(i)); err != nil {
			return err
		}
		if i < rows-1 || g.IntN(2) == 0 { // the last line may have no ending
			out.WriteString("\r\n")
		}
	}
	return out.Flush()
}

// generator makes one row after the other.
type generator struct {
	*rand.Rand
	recent [64]string // lines that may come again
	made   int
}

// line is one record without its line ending.
func (g *generator) line(i int) string {
	switch n := g.IntN(1000); {
	case n < 12:
		return ""
	case n < 16:
		return strings.Repeat(",", columns-1)
	case n < 46 && g.made > 0:
		return g.recent[g.IntN(min(g.made, len(g.recent)))]
	}
	fields := g.fields(i)
	quoted := make([]string, len(fields))
	for c, s := range fields {
		quoted[c] = g.quote(s)
	}
	line := strings.Join(quoted, ",")
	switch n := g.IntN(2000); {
	case n < 60: // short
		line = strings.Join(quoted[:1+g.IntN(columns-1)], ",")
	case n < 100: // empty fields beyond the headings
		line += strings.Repeat(",", 1+g.IntN(3))
	case n == 100: // a note that fell out of its quotes
		line += ",call back,urgent"
	}
	g.recent[g.made%len(g.recent)] = line
	g.made++
	return line
}

// quote puts quotes around a field that needs them, and around some that don't.
func (g *generator) quote(s string) string {
	if strings.ContainsAny(s, ",\r\n") || strings.HasPrefix(s, `"`) || g.IntN(40) == 0 {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s // a quote inside it is stray then
}

// fields makes a lead.
func (g *generator) fields(i int) []string {
	f := make([]string, columns)
	land := lands[g.IntN(len(lands))]
	first, last := pick(g, firstNames), pick(g, lastNames)
	firm := pick(g, firmWords) + " " + pick(g, firmTrades)
	domain := strings.ToLower(strings.ReplaceAll(plain.Replace(firm), " ", pick(g, []string{"", "-"}))) + pick(g, []string{"-leads-sample.com", "-leads-sample.de", "-leads-sample.co.uk", "-leads-sample.net"})

	f[id] = fmt.Sprintf("%06d", i+1)
	f[fullName] = g.name(first, last)
	if g.IntN(12) > 0 {
		f[company] = g.untidy(firm + pick(g, land.legal))
	}
	if g.IntN(2) == 0 {
		f[email] = g.email(first, last, domain)
	}
	if g.IntN(3) > 0 {
		f[phone] = g.phone(land)
	}
	if g.IntN(5) > 1 {
		f[website] = pick(g, []string{"", "www.", "http://", "https://www.", "HTTPS://"}) + domain + pick(g, []string{"", "", "/", "/about?utm_source=x", "/de/"})
	}
	if g.IntN(4) > 0 {
		f[jobTitle] = g.untidy(pick(g, titles))
	}
	if g.IntN(3) > 0 {
		f[city] = g.untidy(pick(g, land.cities))
	}
	if g.IntN(4) > 0 {
		f[country] = pick(g, land.names)
	}
	f[leadSource] = pick(g, []string{"Trade fair", "web form", "LinkedIn", "referral", "-", "n/a", ""})
	f[created] = g.date()
	f[notes] = g.note()
	return f
}

func (g *generator) name(first, last string) string {
	switch g.IntN(14) {
	case 0:
		return last + ", " + first
	case 1:
		return strings.ToUpper(first + " " + last)
	case 2:
		return strings.ToLower(first + " " + last)
	case 3:
		return pick(g, []string{"Dr. ", "Prof. Dr. ", "Mr ", "Mrs. ", "Herr ", "Frau ", "Dipl.-Ing. "}) + first + " " + last
	case 4:
		return first + " " + last + pick(g, []string{" Jr.", ", PhD", " III", ", MBA"})
	case 5:
		return first + " " + pick(g, []string{"van der ", "von ", "de la ", "bin ", "O'"}) + last
	case 6:
		return first + " " + string([]rune(last)[:1]) + "."
	case 7:
		return "  " + first + "   " + last + " "
	case 8:
		return first
	case 9:
		return first + "-" + pick(g, firstNames) + " " + last
	case 10:
		return first + ` "` + string([]rune(first)[:1]) + `" ` + last // a nickname, its quotes stray
	}
	return first + " " + last
}

func (g *generator) email(first, last, domain string) string {
	local := strings.ToLower(strings.NewReplacer(" ", "", "'", "").Replace(plain.Replace(first) + pick(g, []string{".", "_", ""}) + plain.Replace(last)))
	if strings.ContainsFunc(local, func(r rune) bool { return r > 127 }) {
		local = fmt.Sprintf("contact%d", g.IntN(1000))
	}
	switch g.IntN(16) {
	case 0:
		return local + "@" + pick(g, []string{"gmial.com", "gmail.con", "hotmial.com", "yaho.com", "outlok.com", "gmail,com"})
	case 1, 2:
		return local + "@" + pick(g, []string{"gmail.com", "outlook.com", "yahoo.com", "web.de", "gmx.de", "proton.me"})
	case 3:
		return pick(g, []string{"info", "sales", "office", "kontakt", "no-reply"}) + "@" + domain
	case 4:
		return strings.ToUpper(local + "@" + domain)
	case 5:
		return " " + local + "@" + domain + " "
	case 6:
		return local + " at " + domain
	case 7:
		return "mailto:" + local + "@" + domain
	case 8:
		return local + "@" + domain + "; info@" + domain
	case 9:
		return pick(g, []string{"n/a", "unknown", "none@none", "@", local + "@", "x@localhost"})
	case 10:
		return local + "+crm@" + domain
	}
	return local + "@" + domain
}

// phone writes a number of the land's range for fiction in one of its people's ways.
func (g *generator) phone(l land) string {
	digits := l.prefix + fmt.Sprintf("%0*d", l.free, g.IntN(pow10(l.free)))
	switch g.IntN(9) {
	case 0:
		return "+" + l.code + digits
	case 1:
		return "00" + l.code + " " + group(digits, 3)
	case 2:
		return "+" + l.code + " (0) " + group(digits, 3)
	case 3:
		return l.trunk + digits
	case 4:
		return l.trunk + group(digits, 2)
	case 5:
		return "Tel. " + l.trunk + group(digits, 4) + " ext. " + fmt.Sprint(10+g.IntN(90))
	case 6:
		return strings.ReplaceAll(l.trunk+group(digits, 3), " ", pick(g, []string{".", "-", "/"}))
	case 7:
		return pick(g, []string{"call me", "0000000", "123", "+", "--"})
	}
	return "+" + l.code + " " + group(digits, 3)
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// group puts a space after every n digits.
func group(s string, n int) string {
	var parts []string
	for len(s) > n {
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(append(parts, s), " ")
}

func (g *generator) date() string {
	y, m, d := 2019+g.IntN(7), 1+g.IntN(12), 1+g.IntN(28)
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%d/%d/%d", m, d, y)
	case 1:
		return fmt.Sprintf("%02d.%02d.%d", d, m, y)
	case 2:
		return ""
	}
	return fmt.Sprintf("%d-%02d-%02d", y, m, d)
}

func (g *generator) note() string {
	switch n := g.IntN(5000); {
	case n == 0:
		return strings.Repeat("long ", 10_000) + "." // 50,001 characters
	case n < 20:
		return strings.Repeat("Met at the stand, wants an offer. ", 60)
	case n < 24:
		return "pasted\x00from a terminal"
	case n < 60:
		return pick(g, []string{"=HYPERLINK(\"http://x.example\",\"click\")", "=1+1", "+1 for a call", "-", "@home", "=SUM(A1:A9)"})
	case n < 400:
		return "Line one\nline two, with a comma\r\nand \"quotes\""
	case n < 500:
		return "size 5\" pipe"
	case n < 560:
		return " \t "
	case n < 620:
		return "Straße geprüft ✓ 漢字 😀"
	case n < 2000:
		return pick(g, []string{"call back", "Do not call, mail only", "has budget; decides in Q3", "see mail | asked for a demo"})
	}
	return ""
}

// untidy bends a text the way people type.
func (g *generator) untidy(s string) string {
	switch g.IntN(12) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	case 2:
		return s + " "
	case 3:
		return strings.ReplaceAll(s, " ", "  ")
	case 4:
		return strings.ReplaceAll(s, " ", "\u00a0")
	}
	return s
}

func pick(g *generator, list []string) string { return list[g.IntN(len(list))] }
