package provider

import (
	"context"
	"strings"

	"rowsmith/enrichment"
)

// NewPlace returns the provider "place", which says where a person is, as far as the row tells.
//
// It gives country (the English name: "Germany"), region (the English or local full name of a state of the United States, Canada,
// Australia or Germany: "CA" → "California"), company_country (likewise a name, only from the cell company_country), and
// timezone (an IANA name).
//
// Evidence for the country and how far it is believed: the country's cell, in any of some 40 languages or as a code, 0.98; a city's
// cell that ends in one ("Berlin, Germany") 0.95; a region that only one country has 0.85; a number written with its
// country code 0.7 (people move and keep their number); a large city of one name 0.6; a country's ending on a work
// address or website 0.5 (endings that are sold to the world, such as .io, .ai, .co and .me, say nothing).
//
// The timezone needs a country that is believed 0.6 or more. A country with one zone has it (0.95 of the country's own
// confidence, less where islands differ); others need a region or a city that decides. States that lie in two zones in
// earnest (Tennessee, Kentucky, the Dakotas, Idaho) decide nothing.
func NewPlace() enrichment.Provider {
	return newPlaceProvider()
}

type placeProvider struct {
	// zones: alpha-2 → the zone of a country that has one.
	zones map[string]string
	// cities: folded city → where it is; a name in two countries isn't here.
	cities map[string]cityZone
	// within: alpha-2 + "/" + folded city → zone.
	within map[string]string
	// regions: alpha-2 + "/" + folded name or code → what it is.
	regions map[string]regionZone
	// regionOf: folded full name → alpha-2, where one country has it.
	regionOf map[string]string
}

type cityZone struct{ country, zone string }

type regionZone struct {
	name, zone string
	confidence float64
}

func (*placeProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "place",
		Name:  "Place reader",
		Needs: [][]string{{"country"}, {"company_country"}, {"city"}, {"region"}, {"phone"}, {"mobile_phone"}, {"email"}, {"website"}, {"domain"}},
		Gives: []string{"country", "region", "company_country", "timezone"},
		Local: true,
	}
}

func (p *placeProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, p.answer)
}

func (p *placeProvider) answer(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "place"}
	reason := noInput
	for _, a := range [...]string{"country", "company_country", "city", "region", "phone", "mobile_phone", "email", "website", "domain"} {
		if s[a] != "" {
			reason = notFound
			break
		}
	}
	if code := countryCode(s["company_country"]); code != "" {
		f.put("company_country", countryName(code), 0.98)
	}
	city, region := s["city"], s["region"]
	code, confidence := p.country(s)
	if code != "" {
		f.put("country", countryName(code), confidence)
	}
	where := p.region(code, region, city)
	if where.name != "" {
		f.put("region", where.name, min(confidence, 0.97))
	}
	if confidence >= 0.6 {
		if zone, c := p.zone(code, city, where); zone != "" {
			f.put("timezone", zone, round2(confidence*c))
		}
	}
	return f.answer(reason)
}

// country weighs a subject's evidence, best first.
func (p *placeProvider) country(s enrichment.Subject) (code string, confidence float64) {
	if cell := s["country"]; cell != "" {
		if code = countryCode(cell); code == "" {
			code = lastPart(cell)
		}
		if code != "" {
			return code, 0.98
		}
	}
	for _, cell := range [...]string{s["city"], s["region"]} {
		if strings.ContainsAny(cell, ",;(") {
			// A state's code behind a city ("Los Angeles, CA") is also a country's: only names count.
			if code = lastPart(cell); code != "" {
				return code, 0.95
			}
		}
	}
	region := tidy(s["region"])
	if region == "" {
		_, region = cutLast(tidy(s["city"]))
	}
	if region != "" {
		if code = p.regionOf[fold(region)]; code != "" {
			return code, 0.85
		}
		// Two capital letters behind a city are a state: nobody writes countries so there.
		if len(region) == 2 && isUpperASCII(region) && s["city"] != "" {
			_, us := p.regions["US/"+strings.ToLower(region)]
			_, ca := p.regions["CA/"+strings.ToLower(region)]
			_, au := p.regions["AU/"+strings.ToLower(region)]
			if us && !ca && !au && strings.Contains(s["city"], ",") {
				return "US", 0.8
			}
		}
	}
	for _, cell := range [...]string{s["phone"], s["mobile_phone"]} {
		if cell == "" || !strings.ContainsAny(cell, "+0＋") {
			continue
		}
		if n, why := readPhone(cell, ""); why == "" && n.explicit && n.country != "" && n.confidence > 0.9 {
			return n.country, 0.7
		}
	}
	if city := s["city"]; city != "" {
		head, _ := cutLast(tidy(city))
		if c, ok := p.cities[fold(head)]; ok {
			return c.country, 0.6
		}
	}
	if code = endingOf(s); code != "" {
		return code, 0.5
	}
	return "", 0
}

// lastPart reads a country behind the last comma or in brackets, by its name.
func lastPart(cell string) string {
	_, last := cutLast(tidy(cell))
	if len(last) <= 3 && last != "USA" && last != "UK" {
		return ""
	}
	return countryCode(last)
}

// cutLast cuts "Berlin, Germany" and "Berlin (Germany)" in two.
func cutLast(cell string) (head, last string) {
	cell = strings.TrimRight(cell, ") ")
	i := strings.LastIndexAny(cell, ",;(")
	if i < 0 {
		return cell, ""
	}
	return strings.TrimSpace(cell[:i]), strings.TrimSpace(cell[i+1:])
}

// region is the normal form of a state, from its own cell or from behind the city.
func (p *placeProvider) region(code, region, city string) regionZone {
	if code == "" {
		return regionZone{}
	}
	if region = tidy(region); region != "" && len(region) <= 100 {
		return p.regions[code+"/"+fold(region)]
	}
	// "Austin, TX, USA": from the right, never the city itself.
	for rest := tidy(city); len(rest) <= 200; {
		head, last := cutLast(rest)
		if last == "" {
			break
		}
		if r, ok := p.regions[code+"/"+fold(last)]; ok {
			return r
		}
		rest = head
	}
	return regionZone{}
}

// zone is the timezone of a country, or of a place in it.
func (p *placeProvider) zone(code, city string, where regionZone) (string, float64) {
	if city != "" && len(city) < maxCell {
		head, _, _ := strings.Cut(tidy(city), ",")
		if z, ok := p.within[code+"/"+fold(head)]; ok && (where.zone == "" || where.zone == z || where.confidence < 1) {
			return z, 0.98
		}
	}
	if where.zone != "" {
		return where.zone, where.confidence
	}
	if z := p.zones[code]; z != "" {
		return z, mainZoneConfidence(code)
	}
	return "", 0
}

// endingOf is the country of a work address's, website's or domain's ending.
func endingOf(s enrichment.Subject) string {
	for _, a := range [...]string{"website", "domain", "email"} {
		cell := s[a]
		if cell == "" {
			continue
		}
		var host string
		if a == "email" {
			addr, why, _ := parseAddress(cell)
			if why != "" || !kindOf(addr).employer() {
				continue
			}
			host = addr.domain
		} else {
			_, h, why := readSite(cell)
			if why != "" || sharedSite(h, "///") {
				continue
			}
			host = h
		}
		ending := host[strings.LastIndexByte(host, '.')+1:]
		if len(ending) != 2 || worldEndings[ending] {
			continue
		}
		if ending == "uk" {
			return "GB"
		}
		code := strings.ToUpper(ending)
		if countryName(code) != "" {
			return code
		}
	}
	return ""
}

// worldEndings belong to a country and are sold to everybody.
var worldEndings = set(`io ai co me tv cc fm ly gg to ws eu su ac sh la im in vc pw nu st tk ml ga cf gq sx bz ag mn sc am fo gl gd ms mu pm re tf wf yt so is id cx dj tc vg lc hn cm bi
	si as je ky nf pn ps mp gy ax bb sr tl rw`)

func round2(x float64) float64 { return float64(int(x*100+0.5)) / 100 }
