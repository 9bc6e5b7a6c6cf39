package provider

import (
	_ "embed"
	"strings"
)

// The embedded lists; lists/README.md says where each is from and how it is refreshed. They stay text: a sorted one is searched where it lies in the binary, which costs no memory and
// no start-up time.
var (
	//go:embed lists/disposable.txt
	disposableDomains string
	//go:embed lists/free.txt
	freeDomains string
	//go:embed lists/relay.txt
	relayDomains string
	//go:embed lists/typo.tsv
	domainTypos string
	//go:embed lists/role.txt
	roleNames string
	//go:embed lists/countries.tsv
	countryNames string
	//go:embed lists/zones.tsv
	zoneTable string
)

// A sortedList is text of unique lines in byte order, each a key or a key, a tab and a value. (Tab sorts before
// everything that stands in a key, so order by line is order by key.)
type sortedList string

// find returns the value of the line with this key, and whether there is one. It takes about 17 steps for
// 100,000 lines and allocates nothing.
func (l sortedList) find(key string) (string, bool) {
	if key == "" {
		return "", false
	}
	lo, hi := 0, len(l) // line starts in [lo, hi)
	for lo < hi {
		mid := lo + (hi-lo)/2
		start := lo + strings.LastIndexByte(string(l[lo:mid]), '\n') + 1
		end := strings.IndexByte(string(l[start:]), '\n')
		if end < 0 {
			end = len(l)
		} else {
			end += start
		}
		k, v, _ := strings.Cut(string(l[start:end]), "\t")
		switch strings.Compare(k, key) {
		case 0:
			return v, true
		case -1:
			lo = min(end+1, len(l))
		default:
			hi = start
		}
	}
	return "", false
}

func (l sortedList) has(key string) bool {
	_, ok := l.find(key)
	return ok
}
