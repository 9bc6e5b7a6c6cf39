package provider

import (
	"flag"
	"os"
	"sort"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

var update = flag.Bool("update", false, "rewrite lists/countries.tsv from golang.org/x/text")

// countryLanguages are those in which a country's name is understood.
const countryLanguages = `en de fr es it nl pt pt-PT pl cs sk hu ro bg hr sr sl sv da nb fi et lv lt el tr ru uk ca eu gl ga is mt sq mk
	vi id ms ja ko zh zh-Hant th hi ar he fa`

// countryExtras are usual names that the tables lack.
var countryExtras = map[string]string{
	"uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "britain": "GB", "grossbritannien": "GB",
	"schottland": "GB", "nordirland": "GB", "inghilterra": "GB", "angleterre": "GB", "inglaterra": "GB", "engeland": "GB", "usa": "US", "u s a": "US", "u s": "US",
	"united states of america": "US", "america": "US", "vereinigte staaten von amerika": "US", "etats unis d amerique": "US", "eeuu": "US", "ee uu": "US",
	"estados unidos de america": "US", "holland": "NL", "brd": "DE", "ger": "DE", "federal republic of germany": "DE", "bundesrepublik deutschland": "DE",
	"czech republic": "CZ", "tschechische republik": "CZ", "republique tcheque": "CZ", "republica checa": "CZ", "czechia": "CZ", "slovak republic": "SK", "russian federation": "RU",
	"south korea": "KR", "republic of korea": "KR", "korea republic of": "KR", "korea south": "KR", "north korea": "KP", "uae": "AE", "u a e": "AE", "emirates": "AE",
	"macedonia": "MK", "ivory coast": "CI", "cote d ivoire": "CI", "burma": "MM", "turkey": "TR", "turkiye": "TR", "republic of ireland": "IE", "eire": "IE",
	"viet nam": "VN", "hong kong": "HK", "hongkong": "HK", "macau": "MO", "macao": "MO", "prc": "CN", "p r china": "CN", "pr china": "CN", "people s republic of china": "CN",
	"mainland china": "CN", "roc": "TW", "taiwan roc": "TW", "swaziland": "SZ", "cape verde": "CV", "east timor": "TL", "drc": "CD", "dr congo": "CD",
	"iran islamic republic of": "IR", "syrian arab republic": "SY", "moldova republic of": "MD", "tanzania united republic of": "TZ", "bolivia plurinational state of": "BO",
	"venezuela bolivarian republic of": "VE", "lao": "LA", "brunei darussalam": "BN", "ksa": "SA", "kingdom of saudi arabia": "SA", "rsa": "ZA", "bosnia": "BA",
	"bosnia herzegovina": "BA", "palestine": "PS", "vatican": "VA", "schweiz suisse svizzera": "CH", "suisse schweiz": "CH", "swiss": "CH", "osterreich": "AT",
	"oesterreich": "AT", "daenemark": "DK", "tuerkei": "TR", "rumaenien": "RO", "phillipines": "PH", "philippinen": "PH",
	"united kingdom of great britain and northern ireland": "GB", "nederland": "NL", "the netherlands": "NL", "eswatini": "SZ", "kosovo": "XK", "xk": "XK",
}

// countryShown are English names that people expect where the tables have another.
var countryShown = map[string]string{
	"HK": "Hong Kong", "MO": "Macao", "MM": "Myanmar", "PS": "Palestine", "TR": "Turkey", "CZ": "Czech Republic", "CI": "Ivory Coast", "CG": "Congo", "CD": "DR Congo", "MK": "North Macedonia",
}

// buildCountries makes the list: "=DE\tGermany" for the name to show, "deutschland\tDE" for each name to understand.
// A name that means two countries in two languages means none, unless English knows it.
func buildCountries() string {
	names := map[string]map[string]bool{}
	english := map[string]string{}
	var lines []string
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			r, err := language.ParseRegion(code)
			if err != nil || !r.IsCountry() || r.Canonicalize() != r || strings.Contains(" EU EZ UN QO XA XB ZZ AC CP DG EA IC TA ", " "+code+" ") {
				continue
			}
			shown := countryShown[code]
			if shown == "" {
				shown = display.English.Regions().Name(r)
			}
			if shown == "" || shown == "Unknown Region" {
				continue
			}
			lines = append(lines, "="+code+"\t"+shown)
			english[fold(shown)] = code
			english[fold(display.English.Regions().Name(r))] = code
			english[strings.ToLower(code)] = code
			if iso3 := strings.ToLower(r.ISO3()); len(iso3) == 3 && iso3 != "zzz" {
				english[iso3] = code
			}
			for lang := range strings.FieldsSeq(countryLanguages) {
				namer := display.Regions(language.MustParse(lang))
				if namer == nil {
					continue
				}
				name := fold(namer.Name(r))
				if name == "" {
					continue
				}
				if names[name] == nil {
					names[name] = map[string]bool{}
				}
				names[name][code] = true
			}
		}
	}
	for name, code := range countryExtras {
		english[fold(name)] = code
	}
	for name, codes := range names {
		if _, known := english[name]; known || len(codes) > 1 {
			continue
		}
		for code := range codes {
			lines = append(lines, name+"\t"+code)
		}
	}
	for name, code := range english {
		lines = append(lines, name+"\t"+code)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

func TestCountriesListIsCurrent(t *testing.T) {
	want := buildCountries()
	if *update {
		if err := os.WriteFile("lists/countries.tsv", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if countryNames != want {
		t.Error("lists/countries.tsv is not what golang.org/x/text says now: run go test -run Countries -update")
	}
}
