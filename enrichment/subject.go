package enrichment

// A Subject is a person or company to be looked up: raw input values by
// attribute name, as they stand in the row ("email": "J.Doe@Example.com ").
// Only non-empty values are present.
type Subject map[string]string

// Country is the attribute that a default for a whole job (--country, defaults.country) fills
// where the row has none: an ISO 3166 code or a name.
const Country = "country"
