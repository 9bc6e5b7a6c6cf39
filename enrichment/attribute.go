package enrichment

import "time"

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
	// Tidied: a cleaned form of an input, made without asking anybody.
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
