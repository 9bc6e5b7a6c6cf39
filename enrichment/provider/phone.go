package provider

import (
	"context"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"rowsmith/enrichment"
)

// NewPhone returns the provider "phone", which reads "phone", or "mobile_phone" where the first says nothing.
//
// A number is international where it is written so (+49 …, 0049 …), otherwise it is one of the row's country, or of
// company_country. It gives phone_e164 (digits behind a plus, the extension left away), phone_type, phone_country (ISO 3166-1
// alpha-2) and phone_valid. Of two numbers in a cell it is the first valid one.
//
// phone_type is mobile, fixed, fixed_or_mobile (where a plan doesn't tell them apart, as in the United
// States), toll_free, premium, shared_cost, voip, personal, pager, uan or voicemail.
//
// A number that can't be one in its country is phone_valid = false, and nothing else. BadInput is what can't be judged: no
// country to read it in ("country_unknown"), rounded off by a spreadsheet ("damaged_number": 4.917E+11 has
// lost its last digits), no number at all ("not_a_number").
//
// Confidence: 0.98 for international writing, 0.93 for the row's country, 0.8 for a country code without a plus that
// fits the row's country, 0.6 for one that fits no row's country but can't well be anything else.
func NewPhone() enrichment.Provider { return phoneProvider{} }

type phoneProvider struct{}

func (phoneProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "phone",
		Name:  "Phone number reader",
		Needs: [][]string{{"phone"}, {"mobile_phone"}},
		Gives: []string{"phone_e164", "phone_type", "phone_country", "phone_valid"},
		Local: true,
	}
}

func (phoneProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, answerPhone)
}

func answerPhone(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "phone"}
	region := countryCode(s[enrichment.Country])
	if region == "" {
		region = countryCode(s["company_country"])
	}
	n, reason := readPhone(s["phone"], region)
	if reason != "" && s["mobile_phone"] != "" {
		if m, why := readPhone(s["mobile_phone"], region); why == "" || reason == noInput {
			n, reason = m, why
		}
	}
	switch reason {
	case "":
		f.put("phone_e164", n.e164, n.confidence)
		f.put("phone_type", n.typ, n.confidence)
		f.put("phone_country", n.country, n.confidence)
		f.put("phone_valid", true, n.confidence)
	case notANumberThere:
		f.put("phone_valid", false, 0.9)
	}
	return f.answer(reason)
}

// A phone is a valid number.
type phone struct {
	e164       string // +491711234567
	typ        string
	country    string // alpha-2, "" for numbers of no country (+800)
	explicit   bool   // written with its country code
	confidence float64
}

// Why a cell holds no number.
const (
	damagedNumber   = "damaged_number"
	notANumber      = "not_a_number"
	countryUnknown  = "country_unknown"
	notANumberThere = "invalid_number" // it can be judged, and no such number exists
)

// readPhone reads the first valid number of a cell. region is alpha-2 or "".
func readPhone(cell, region string) (phone, string) {
	cell = tidy(lineBreaks.Replace(cell))
	switch {
	case cell == "":
		return phone{}, noInput
	case len(cell) > 200:
		return phone{}, notANumber
	}
	if digits, exponent := undoExponent(cell); exponent {
		if digits == "" {
			return phone{}, damagedNumber
		}
		cell = digits
	}
	reason := notANumber
	for _, text := range phoneTexts(cell, region) {
		n, why := parsePhone(text, region)
		if why == "" {
			return n, ""
		}
		// What was judged outweighs what could not be.
		if reason == notANumber || why == notANumberThere {
			reason = why
		}
	}
	return phone{}, reason
}

// lineBreaks part numbers. It only ever reads; it is safe for concurrent use.
var lineBreaks = strings.NewReplacer("\r\n", ";", "\n", ";", "\r", ";", "\t", ";")

// parsePhone reads one number's text: digits and the marks that stand between them.
func parsePhone(text, region string) (phone, string) {
	digits := digitsOf(text)
	if len(digits) < 5 && !strings.ContainsFunc(text, isUpperLetter) || len(digits) > 20 {
		return phone{}, notANumber
	}
	if strings.Trim(digits, digits[:1]) == "" {
		return phone{}, notANumber // 0000000
	}
	plus := strings.HasPrefix(text, "+")
	if plus {
		text = withoutTrunkZero(text)
	}
	switch {
	case plus:
		if n, ok := validPhone(text, "", 0.98); ok {
			n.explicit = true
			return n, ""
		}
		return phone{}, notANumberThere
	case strings.HasPrefix(digits, "00") && !strings.HasPrefix(digits, "000"):
		if n, ok := validPhone(withoutTrunkZero("+"+strings.TrimLeft(text, "0( )-./")), "", 0.97); ok {
			n.explicit = true
			return n, ""
		}
	}
	if region == "" {
		if n, ok := barePhone(text, digits); ok {
			return n, ""
		}
		return phone{}, countryUnknown
	}
	// The country's own code without the plus. In a plan of varying lengths (Germany's) the same digits can be a national
	// number too; a long one without the trunk zero hardly is.
	code := itoa(phonenumbers.GetCountryCodeForRegion(region))
	coded := code != "0" && strings.HasPrefix(digits, code) && len(digits) > len(code)+5
	if coded && len(digits) >= 11 {
		if n, ok := validPhone(withoutTrunkZero("+"+text), "", 0.8); ok {
			n.explicit = true
			return n, ""
		}
	}
	if n, ok := validPhone(text, region, 0.93); ok {
		return n, ""
	}
	if coded {
		if n, ok := validPhone(withoutTrunkZero("+"+text), "", 0.8); ok {
			n.explicit = true
			return n, ""
		}
	}
	if n, ok := barePhone(text, digits); ok {
		return n, ""
	}
	return phone{}, notANumberThere
}

// barePhone reads digits as a country code and a number where neither a plus nor a country says so. Only what can hardly be a national
// number anywhere counts: no leading zero, and 12 digits or more, or 11 of North America written apart
// (1 415 555 2671; in one piece it looks like a Chinese mobile).
func barePhone(text, digits string) (phone, bool) {
	if strings.HasPrefix(digits, "0") {
		return phone{}, false
	}
	apart := len(digits) == 11 && strings.HasPrefix(digits, "1") && len(text) > 1 && strings.IndexByte(" -.(", text[1]) >= 0
	if len(digits) < 12 && !apart {
		return phone{}, false
	}
	n, ok := validPhone("+"+digits, "", 0.6)
	n.explicit = ok
	return n, ok
}

func validPhone(text, region string, confidence float64) (phone, bool) {
	if region == "" {
		region = "ZZ"
	}
	n, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return phone{}, false
	}
	out := phone{e164: phonenumbers.Format(n, phonenumbers.E164), typ: phoneType(phonenumbers.GetNumberType(n)), confidence: confidence}
	if code := phonenumbers.GetRegionCodeForNumber(n); len(code) == 2 && code != "ZZ" {
		out.country = code
	}
	return out, true
}

func phoneType(t phonenumbers.PhoneNumberType) string {
	switch t {
	case phonenumbers.FIXED_LINE:
		return "fixed"
	case phonenumbers.MOBILE:
		return "mobile"
	case phonenumbers.FIXED_LINE_OR_MOBILE:
		return "fixed_or_mobile"
	case phonenumbers.TOLL_FREE:
		return "toll_free"
	case phonenumbers.PREMIUM_RATE:
		return "premium"
	case phonenumbers.SHARED_COST:
		return "shared_cost"
	case phonenumbers.VOIP:
		return "voip"
	case phonenumbers.PERSONAL_NUMBER:
		return "personal"
	case phonenumbers.PAGER:
		return "pager"
	case phonenumbers.UAN:
		return "uan"
	case phonenumbers.VOICEMAIL:
		return "voicemail"
	}
	return ""
}
