package enrichment

import (
	"math"
	"time"
	"unicode/utf8"
)

// An Attribute is one thing that can be known about a person or company. A name
// means one thing everywhere: in requests, in the cache, in headings.
type Attribute struct {
	Name  string // [a-z0-9_]+, the form used everywhere: "company_employee_count"
	Title string // the heading of a new column, sentence case: "Company employee count"
	Group Group
	Type  Type
	// Fresh is how long a found value counts as current.
	Fresh time.Duration
	// Input: people have this in their sheets, so headings are mapped to it.
	Input bool
	// Tidied: made from an input on this machine, without asking anybody: a cleaned form of it, or a fact
	// read off it. An attribute can be both: "JOHN" in a column First name is an input, "John" its tidied form.
	Tidied bool
}

// A Group is a set of attributes that are looked for together and priced alike.
type Group string

// The groups.
const (
	Person     Group = "person"
	Email      Group = "email"
	Phone      Group = "phone"
	Employment Group = "employment"
	Company    Group = "company"
	Firmograph Group = "firmographic"
	Social     Group = "social"
	Technical  Group = "technical"
	Quality    Group = "quality"
)

// A Type says what an attribute's values are and how they are shown in a cell.
type Type string

// The types. The Go type of a [Value]'s Value stands behind each.
const (
	Text   Type = "text"   // string
	Number Type = "number" // float64, whole numbers included
	Flag   Type = "flag"   // bool
	Date   Type = "date"   // string, 2006-01-02
	Moment Type = "moment" // string, RFC 3339 UTC
	ID     Type = "id"     // string of digits or letters that must not become a number: phones, LEI, VAT, NAICS
	URL    Type = "url"    // string
	List   Type = "list"   // string, items joined with "; "
)

// Holds reports whether v is a value that this type can have: of its Go type, not blank, no NaN, text in valid
// UTF-8, dates and moments in their form.
func (t Type) Holds(v any) bool {
	switch v := v.(type) {
	case bool:
		return t == Flag
	case float64:
		return t == Number && !math.IsNaN(v) && !math.IsInf(v, 0)
	case string:
		if v == "" || !utf8.ValidString(v) {
			return false
		}
		switch t {
		case Text, ID, URL, List:
			return true
		case Date:
			_, err := time.Parse(time.DateOnly, v)
			return err == nil
		case Moment:
			_, err := time.Parse(time.RFC3339, v)
			return err == nil
		}
	}
	return false
}
