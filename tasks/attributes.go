package tasks

import (
	"slices"

	"rowsmith/enrichment"
)

// An AttributeInfo tells what an attribute is, who can find it from what, and what it costs.
type AttributeInfo struct {
	Name      string           `json:"name"`
	Title     string           `json:"title"`
	Group     enrichment.Group `json:"group"`
	Type      enrichment.Type  `json:"type"`
	FreshDays int              `json:"fresh_days"` // how long a found value counts as current
	Input     bool             `json:"input"`      // people have this in their sheets
	Price     int64            `json:"price"`      // the most a found value costs, in credits
	Sources   []SourceInfo     `json:"sources"`
}

// A SourceInfo is one source of an attribute.
type SourceInfo struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Needs [][]string `json:"needs"` // alternatives; each is a set of attributes that is enough
	Price int64      `json:"price"` // credits a hit
}

// Attributes lists the catalogue with its sources. Where given is not empty, only what can be found by sources
// that cost nothing, starting from these attributes; given ones are left out unless a tidied form of them is made.
func (s *Service) Attributes(given []string) []AttributeInfo {
	reach := map[string]bool{}
	for _, a := range given {
		reach[a] = true
	}
	for again := len(given) > 0; again; {
		again = false
		for _, p := range s.sources {
			if p.Price > 0 || p.Paid || !anyMet(p.Needs, reach) {
				continue
			}
			for _, a := range p.Gives {
				if !reach[a] {
					reach[a], again = true, true
				}
			}
		}
	}
	out := []AttributeInfo{}
	for _, a := range enrichment.Attributes() {
		if len(given) > 0 && !reach[a.Name] {
			continue
		}
		info := AttributeInfo{
			Name: a.Name, Title: a.Title, Group: a.Group, Type: a.Type, Input: a.Input,
			FreshDays: int(a.Fresh.Hours() / 24), Sources: []SourceInfo{},
		}
		for _, p := range s.sources {
			if slices.Contains(p.Gives, a.Name) {
				info.Sources = append(info.Sources, SourceInfo{ID: p.ID, Name: p.Name, Needs: p.Needs, Price: p.Price})
				info.Price = max(info.Price, p.Price)
			}
		}
		if len(given) > 0 && len(info.Sources) == 0 {
			continue
		}
		out = append(out, info)
	}
	return out
}

// withoutSource lists the wanted attributes that no source gives.
func (s *Service) withoutSource(want []string) []string {
	var out []string
	for _, a := range want {
		if !slices.ContainsFunc(s.sources, func(p enrichment.Info) bool { return slices.Contains(p.Gives, a) }) && !s.own(a) {
			out = append(out, a)
		}
	}
	return out
}

// own reports whether the engine itself makes the attribute, about its own findings.
func (s *Service) own(a string) bool {
	cat, ok := enrichment.Find(a)
	return ok && (cat.Group == enrichment.Quality || a == "email_source")
}

func anyMet(needs [][]string, have map[string]bool) bool {
	for _, alt := range needs {
		if !slices.ContainsFunc(alt, func(a string) bool { return !have[a] }) {
			return true
		}
	}
	return len(needs) == 0
}

// price is the most one row can cost for these attributes: every source that gives one of them hits once.
func price(sources []enrichment.Info, want []string) (sum int64) {
	for _, p := range sources {
		if slices.ContainsFunc(p.Gives, func(a string) bool { return slices.Contains(want, a) }) {
			sum += p.Price
		}
	}
	return sum
}
