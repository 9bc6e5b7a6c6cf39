package provider

import (
	"sort"
	"strings"
	"unicode"
)

// A companyName is a company's name taken apart.
type companyName struct {
	name       string // without the legal form
	form       string // in its usual writing, "" where none is written
	whole      string // the legal name
	confidence float64
}

// readCompanyName reads a company's name, or tells why a cell holds none.
func readCompanyName(cell string) (companyName, string) {
	cell = tidy(cell)
	switch {
	case isBlank(cell) || noCompany[fold(cell)]:
		return companyName{}, blankCell
	case len(cell) > 300:
		return companyName{}, badLength
	case strings.Contains(cell, "://") || strings.Contains(cell, "@") && strings.Contains(cell, ".") || strings.HasPrefix(strings.ToLower(cell), "www."):
		return companyName{}, "not_a_company"
	}
	cell = trimName(cell)
	if !strings.ContainsFunc(cell, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return companyName{}, "not_a_company"
	}
	if f, ok := legalForms[formKey(cell)]; ok && f.firm {
		return companyName{}, "not_a_company" // the form alone
	}
	n := splitLegalForm(cell)
	return n, ""
}

// unquote takes the quotes off a name that stands in them whole, and a lone one off its end.
func unquote(s string) string {
	const quotes = "\"'“”„«»"
	inner := strings.Trim(s, quotes)
	if !strings.ContainsAny(inner, "\"“”„«»") {
		return strings.TrimSpace(inner)
	}
	return s
}

// noCompany are things people put where a company's name would be, in folded form.
var noCompany = map[string]bool{"self employed": true, "selfemployed": true, "freelance": true, "freelancer": true, "selbstandig": true, "selbststandig": true,
	"freiberuflich": true, "privat": true, "private": true, "personal": true, "independant": true, "autonomo": true, "libero professionista": true, "zzp": true,
	"unemployed": true, "retired": true, "student": true, "stealth": true, "stealth startup": true, "confidential": true, "no company": true}

// splitLegalForm takes the legal form off a name: at its end, in front, or in the middle where a comma, a dash or a
// bracket cuts the rest off. Forms nest ("Holding AG & Co. KG"), so the longest run at the end counts.
func splitLegalForm(cell string) companyName {
	if n, ok := formInFront(cell); ok {
		return n
	}
	words := strings.Fields(cell)
	for end := len(words); end > 0; end-- {
		if end < len(words) && !cutsOff(words[end-1], words[end]) {
			continue
		}
		for start := max(1, end-7); start < end; start++ {
			form, ok := legalForm(words[start:end], cell)
			if !ok {
				continue
			}
			before := strings.Join(words[:start], " ")
			n := companyName{name: trimName(before), form: form, confidence: 0.95}
			if end < len(words) {
				n.confidence = 0.7
			}
			if n.name == "" || strings.EqualFold(n.name, "the") {
				return companyName{name: cell, confidence: 0.95}
			}
			n.whole = n.name + " " + writtenForm(form, words[start:end])
			if strings.HasSuffix(before, ",") && american[form] {
				n.whole = n.name + ", " + writtenForm(form, words[start:end])
			}
			return n
		}
	}
	// "株式会社" stands without a space, in front or behind.
	for _, form := range eastern {
		if name, ok := strings.CutSuffix(cell, form); ok && trimName(name) != "" {
			return companyName{name: trimName(name), form: form, whole: cell, confidence: 0.95}
		}
	}
	name := trimName(cell)
	if name == "" {
		name = cell
	}
	return companyName{name: name, confidence: 0.95}
}

// writtenForm is how a form stands in the legal name: its usual writing, unless it is written out ("Corporation") or
// dotted in a way of its own ("S.à r.l.").
func writtenForm(form string, words []string) string {
	raw := strings.Trim(strings.Join(words, " "), ",; ")
	if strings.Count(form, ".") < 2 && (strings.Count(raw, ".") >= 2 || len(raw) > len(form)+3) && !isLower(raw) {
		return raw
	}
	return form
}

// american forms stand behind a comma where one is written.
var american = map[string]bool{"Inc.": true, "LLC": true, "Ltd.": true, "Corp.": true, "Co., Ltd.": true, "LLP": true, "LP": true, "PLLC": true, "P.C.": true}

// cutsOff tells whether what follows a word is no longer part of the name.
func cutsOff(word, next string) bool {
	return strings.HasSuffix(word, ",") || next == "-" || next == "–" || next == "—" || next == "|" || next == "/" || strings.HasPrefix(next, "(")
}

// trimName takes separators and enclosing quotes off a name's ends.
func trimName(s string) string {
	for {
		t := unquote(strings.TrimLeft(strings.TrimRight(s, " ,;:-–—*•|/\\_&"), " ,;:-–—*•|/\\_"))
		if t == s {
			return t
		}
		s = t
	}
}

// legalForm knows a form in its words. in is the whole name, whose case tells "Day Spa" from "Fiat SpA".
func legalForm(words []string, in string) (string, bool) {
	raw := strings.Join(words, " ")
	key := formKey(raw)
	f, ok := legalForms[key]
	if !ok {
		return "", false
	}
	if !f.wordlike {
		return f.shown, true
	}
	if key == "as" { // three countries' forms have one key
		switch lower := strings.ToLower(strings.Trim(raw, ",;()")); {
		case lower == "a/s":
			return "A/S", true
		case strings.Contains(lower, "ş"):
			return "A.Ş.", true
		case lower == "a.s." || lower == "a.s":
			return "a.s.", true
		}
	}
	// Also an ordinary word or a name: dots or its own capitals must say that the form is meant.
	bare := strings.Trim(raw, ",;()")
	if strings.Contains(strings.TrimSuffix(bare, "."), ".") || strings.Contains(bare, "/") {
		return f.shown, true
	}
	if isCapitals(in) {
		return "", false
	}
	return f.shown, bare == strings.ReplaceAll(f.shown, ".", "") || bare == f.shown || isCapitals(bare) && len(bare) > 1
}

// formKey is a form without dots, spaces, commas and accents: "S. à r. l." is "sarl".
func formKey(s string) string {
	var b strings.Builder
	for w := range strings.FieldsSeq(fold(formMarks.Replace(s))) {
		switch w {
		case "und", "and", "et", "y":
			b.WriteByte('&')
		default:
			b.WriteString(w)
		}
	}
	return b.String()
}

// formMarks only ever reads; it is safe for concurrent use.
var formMarks = strings.NewReplacer(".", "", "'", "", "&", " und ", "+", " und ")

// formInFront knows "PT Bank Mandiri", "ООО «Ромашка»" and "株式会社トヨタ".
func formInFront(cell string) (companyName, bool) {
	for _, form := range eastern {
		if name, ok := strings.CutPrefix(cell, form); ok && trimName(name) != "" {
			return companyName{name: trimName(name), form: form, whole: cell, confidence: 0.95}, true
		}
	}
	first, rest, ok := strings.Cut(cell, " ")
	if !ok || trimName(rest) == "" {
		return companyName{}, false
	}
	switch form := strings.TrimRight(first, "."); form {
	case "PT":
		return companyName{name: trimName(strings.TrimSuffix(rest, " Tbk")), form: form, whole: cell, confidence: 0.95}, true
	case "ООО", "ОАО", "ЗАО", "ПАО", "АО", "ИП", "ТОВ", "ТОО", "OOO", "UAB", "SIA", "CV":
		return companyName{name: trimName(rest), form: form, whole: cell, confidence: 0.95}, true
	}
	return companyName{}, false
}

// eastern are forms that stand without a space.
var eastern = []string{"株式会社", "有限会社", "合同会社", "合資会社", "有限责任公司", "股份有限公司", "有限公司", "주식회사", "(주)", "㈜", "㈱"}

// isCompanyLike tells a company in a person's column: by a legal form that is nobody's name, or a word that firms call themselves.
func isCompanyLike(cell string) bool {
	words := strings.Fields(cell)
	if len(words) == 0 {
		return false
	}
	for start := max(1, len(words)-5); start < len(words); start++ {
		raw := strings.Join(words[start:], " ")
		if f, ok := legalForms[formKey(raw)]; ok && (f.firm || strings.Contains(strings.TrimSuffix(raw, "."), ".") && len(f.shown) > 4) {
			return true
		}
	}
	for _, form := range eastern {
		if strings.Contains(cell, form) {
			return true
		}
	}
	if len(words) > 1 {
		switch strings.ToLower(strings.Trim(words[len(words)-1], ".,")) {
		case "holding", "holdings", "solutions", "services", "consulting", "technologies", "systems", "foundation", "stiftung", "university",
			"universität", "ventures", "partners", "associates", "industries", "software", "logistics", "group", "gruppe", "verlag", "institute", "company", "corporation", "incorporated", "limited":
			return true
		}
	}
	return false
}

type form struct {
	shown    string
	wordlike bool // also a word: needs its dots or capitals
	firm     bool // nobody's name
}

// legalForms maps a form's key to what it is. Built once from the table below and never written to again.
var legalForms = buildForms()

func buildForms() map[string]form {
	m := make(map[string]form, 256)
	for line := range strings.Lines(legalFormTable) {
		line = strings.TrimSpace(line)
		kind, rest, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		shown, others, _ := strings.Cut(rest, " = ")
		f := form{shown: shown, wordlike: kind == "word", firm: kind == "firm"}
		keys := append([]string{shown}, strings.Split(others, ";")...)
		sort.Strings(keys)
		for _, k := range keys {
			if k = formKey(k); k != "" {
				m[k] = f
			}
		}
	}
	return m
}

// legalFormTable: firm (nobody's name), form (may be one), word (also an ordinary word), then the usual writing and others.
const legalFormTable = `
firm GmbH = gesellschaft mit beschränkter Haftung; GesmbH; Ges.m.b.H.
firm gGmbH
firm GmbH & Co. KG = GmbH und Co KG; GmbH & Co KG; GmbH Co. KG; GmbH&CoKG; GmbH & Cie. KG
firm GmbH & Co. KGaA
firm GmbH & Co. OHG
firm AG & Co. KG
firm AG & Co. KGaA
firm SE & Co. KG
firm SE & Co. KGaA
firm UG & Co. KG = UG (haftungsbeschränkt) & Co. KG
firm UG (haftungsbeschränkt) = UG haftungsbeschränkt
form UG
form AG = Aktiengesellschaft
form KG = Kommanditgesellschaft
firm KGaA
form & Co. KG = Co. KG
firm OHG
firm GbR
firm PartG mbB = PartGmbB; Partnerschaft mbB; PartG
firm e.K. = eK; e.Kfm.; e.Kfr.; eKfm; eKfr
form eG = e.G.
firm e.V. = eV; eingetragener Verein
form SE = Societas Europaea
firm Ltd. = Ltd; Limited
firm Pty Ltd = Pty. Ltd.; Pty Limited; Proprietary Limited
firm Pvt. Ltd. = Pvt Ltd; Private Limited; Pvt. Limited; Private Ltd; (P) Ltd
firm Pte. Ltd. = Pte Ltd; Pte Limited
firm Sdn. Bhd. = Sdn Bhd
firm Co., Ltd. = Co Ltd; Company Limited; Co. Limited
firm plc = Public Limited Company; P.L.C.
firm LLP = L.L.P.; Limited Liability Partnership
firm LLC = L.L.C.; Limited Liability Company
firm PLLC = P.L.L.C.
form LP = L.P.; Limited Partnership
firm Inc. = Inc; Incorporated
firm Corp. = Corp; Corporation
word P.C.
firm CIC = C.I.C.
firm SARL = S.à r.l.; S.A.R.L.; Sàrl; société à responsabilité limitée; S.a.r.l
firm SAS = S.A.S.; société par actions simplifiée
firm SASU = S.A.S.U.
firm EURL = E.U.R.L.
form SA = S.A.; société anonyme; sociedad anónima
firm SNC = S.N.C.
word SCI = S.C.I.
word SCA = S.C.A.
firm SCS
form NV = N.V.; naamloze vennootschap
firm B.V. = BV; besloten vennootschap
firm BVBA = B.V.B.A.
firm SRL = S.r.l.
firm S.r.l.s. = SRLS; S.r.l.s
word S.p.A.
word SL = S.L.; sociedad limitada
firm S.L.U. = SLU
firm S.A.U. = SAU
firm S.A. de C.V. = SA de CV
firm S. de R.L. de C.V. = S de RL de CV
firm Ltda. = Ltda; Limitada
firm Lda. = Lda
firm EIRELI
firm AB (publ) = AB publ
form AB = Aktiebolag
word AS = A/S
word ASA
firm ApS
firm IVS
firm Oyj
word Oy
firm Oy Ab
firm OÜ
firm Sp. z o.o. = spółka z o.o.; Spółka z ograniczoną odpowiedzialnością; Sp z oo; spzoo; sp.zo.o.
firm Sp. z o.o. sp. k. = sp. z o.o. sp.k.; Sp. z o.o. Sp. komandytowa
word Sp. k. = sp.k.
word Sp. j. = sp.j.
firm s.r.o. = sro; spol. s r.o.; spol s ro
firm Kft. = Kft
firm Zrt. = Zrt
firm Nyrt. = Nyrt
firm Bt. 
firm d.o.o. = doo
firm d.d.
firm EOOD = ЕООД
firm OOD = ООД
word AD
firm Ltd. Şti. = Ltd Sti; Limited Şirketi
firm Tic. Ltd. Şti.
firm AE = A.E.
firm GmbH i.G.
firm K.K. = KK; Kabushiki Kaisha
firm G.K. = Godo Kaisha
firm FZE
firm FZ-LLC = FZ LLC; FZC; FZCO
firm WLL = W.L.L.
firm JSC
firm PJSC
firm Tbk
firm Stichting
firm V.O.F. = VOF
`
