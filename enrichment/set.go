package enrichment

import "math/bits"

// maxAttributes is how many attributes a set can hold.
const maxAttributes = 128

// A set is a set of attributes by their place in the catalogue. It is comparable, so that
// plans can be remembered by it.
type set [maxAttributes / 64]uint64

func (s set) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s *set) add(i int) { s[i>>6] |= 1 << (i & 63) }

func (s *set) remove(i int) { s[i>>6] &^= 1 << (i & 63) }

func (s set) union(t set) set { return set{s[0] | t[0], s[1] | t[1]} }

func (s set) both(t set) set { return set{s[0] & t[0], s[1] & t[1]} }

func (s set) minus(t set) set { return set{s[0] &^ t[0], s[1] &^ t[1]} }

func (s set) empty() bool { return s == set{} }

// within reports whether all of s is in t.
func (s set) within(t set) bool { return s.minus(t).empty() }

func (s set) size() int { return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) }

// each calls f with every member in the catalogue's order.
func (s set) each(f func(i int)) {
	for w, word := range s {
		for word != 0 {
			f(w<<6 + bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
}

// names returns the members' names in the catalogue's order.
func (s set) names() []string {
	n := s.size()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	s.each(func(i int) { out = append(out, catalogue[i].Name) })
	return out
}

// setOf returns the set of these attributes, and the first name that is none.
func setOf(names []string) (s set, unknown string) {
	for _, name := range names {
		i, ok := byName[name]
		if !ok {
			if unknown == "" {
				unknown = name
			}
			continue
		}
		s.add(i)
	}
	return s, unknown
}
