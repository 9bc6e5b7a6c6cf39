package provider

import "strings"

func newPlaceProvider() *placeProvider {
	p := &placeProvider{zones: map[string]string{}, cities: map[string]cityZone{}, within: map[string]string{}, regions: map[string]regionZone{}, regionOf: map[string]string{}}
	count := map[string]int{}
	twice := map[string]bool{}
	city := func(name, country, zone string, alone bool) {
		p.within[country+"/"+name] = zone
		if !alone || ambiguousCities[name] {
			return
		}
		if c, ok := p.cities[name]; ok && c.country != country {
			twice[name] = true
		}
		p.cities[name] = cityZone{country, zone}
	}
	for line := range strings.Lines(zoneTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) != 3 {
			continue
		}
		count[c[0]]++
		p.zones[c[0]] = c[1]
		// Zones two levels down (Indiana/Knox) are named after small towns.
		city(c[2], c[0], c[1], strings.Count(c[1], "/") == 1)
	}
	for country, n := range count {
		if n > 1 {
			delete(p.zones, country)
		}
	}
	for line := range strings.Lines(mainZones) {
		if country, zone, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			p.zones[country] = zone
		}
	}
	for line := range strings.Lines(moreCities) {
		head, names, ok := strings.Cut(strings.TrimSpace(line), ": ")
		country, zone, _ := strings.Cut(head, " ")
		if !ok {
			continue
		}
		for name := range strings.SplitSeq(names, ";") {
			city(fold(name), country, zone, true)
		}
	}
	for name := range twice {
		delete(p.cities, name)
	}
	p.buildRegions()
	return p
}

func (p *placeProvider) buildRegions() {
	twice := map[string]bool{}
	for line := range strings.Lines(regionTable) {
		c := strings.Split(strings.TrimSpace(line), "|")
		if len(c) != 4 {
			continue
		}
		country, codes, names := c[0], c[1], strings.Split(c[2], ";")
		zone, loose := strings.CutSuffix(c[3], "~")
		r := regionZone{name: names[0], zone: zone, confidence: 1}
		if loose {
			r.confidence = 0.9
		}
		for code := range strings.SplitSeq(codes, ";") {
			p.regions[country+"/"+fold(code)] = r
		}
		for _, n := range names {
			n = fold(n)
			p.regions[country+"/"+n] = r
			if other, ok := p.regionOf[n]; ok && other != country {
				twice[n] = true
			}
			p.regionOf[n] = country
		}
	}
	for n := range twice {
		delete(p.regionOf, n)
	}
	// A country and a state of one name: only the row's country tells them apart.
	delete(p.regionOf, "georgia")
}

// mainZoneConfidence is lower where a country has islands in other zones.
func mainZoneConfidence(code string) float64 {
	switch code {
	case "ES", "PT", "CL", "EC", "UA", "CN":
		return 0.93
	}
	return 0.97
}

// mainZones are the zones of countries that have several in the table, but one for all but a few people.
const mainZones = `
DE Europe/Berlin
ES Europe/Madrid
PT Europe/Lisbon
NZ Pacific/Auckland
CN Asia/Shanghai
AR America/Argentina/Buenos_Aires
MY Asia/Kuala_Lumpur
UA Europe/Kyiv
CY Asia/Nicosia
UZ Asia/Tashkent
EC America/Guayaquil
CL America/Santiago
PS Asia/Hebron
KZ Asia/Almaty
`

// ambiguousCities are known for one place and found in many.
var ambiguousCities = set(`london paris dublin birmingham melbourne santiago kingston georgetown victoria hamilton halifax vancouver phoenix lima perth jersey
	guernsey monaco mendoza cordoba center jamaica troll davis vostok casey boise nassau salta catamarca juneau nome sitka adak detroit denver jerusalem manila athens
	rome vienna berlin moscow cairo lisbon madrid toledo barcelona panama belize malta gibraltar mexico singapore bermuda luxembourg guatemala guadeloupe martinique
	santa isabel eucla lindeman merida belem central easter fortaleza recife cuiaba bahia maceio bristol cambridge manchester newcastle york oxford
	richmond columbus springfield portland columbia charleston alexandria aurora arlington st louis sydney ojinaga cape verde reunion fiji samoa`)

// moreCities are large cities in countries of several zones: country and zone: names.
const moreCities = `
US America/New_York: New York City;NYC;Manhattan;Brooklyn;Boston;Philadelphia;Washington DC;Washington D C;Washington;Atlanta;Miami;Orlando;Tampa;Jacksonville;Charlotte;Raleigh;Durham;Pittsburgh;Cleveland;Cincinnati;Columbus;Baltimore;Buffalo;Newark;Jersey City;Hartford;Providence;Fort Lauderdale;Cambridge;Ann Arbor;Rochester;Indianapolis;Louisville;Virginia Beach;Charleston;Savannah;Stamford
US America/Chicago: Houston;Dallas;Austin;San Antonio;Fort Worth;Minneapolis;St Paul;Saint Paul;Milwaukee;Kansas City;St Louis;Saint Louis;New Orleans;Nashville;Memphis;Oklahoma City;Tulsa;Omaha;Madison;Des Moines;Little Rock;Plano;Wichita
US America/Denver: Salt Lake City;Albuquerque;Colorado Springs;Boulder;El Paso;Santa Fe;Provo
US America/Phoenix: Scottsdale;Tempe;Tucson;Mesa;Chandler
US America/Los_Angeles: LA;San Francisco;San Diego;San Jose;Seattle;Portland;Las Vegas;Sacramento;Oakland;Palo Alto;Mountain View;Menlo Park;Sunnyvale;Santa Clara;Cupertino;Redwood City;Irvine;Long Beach;Santa Monica;Berkeley;Bellevue;Redmond;Pasadena;Fresno;Santa Barbara;Reno
CA America/Toronto: Ottawa;Montreal;Quebec;Quebec City;Mississauga;Waterloo;Kitchener;Hamilton;London;Markham;Laval
CA America/Edmonton: Calgary
CA America/Vancouver: Victoria;Burnaby;Richmond;Surrey;Kelowna
CA America/Regina: Saskatoon
AU Australia/Sydney: Canberra;Newcastle;Wollongong;Parramatta
AU Australia/Brisbane: Gold Coast;Cairns;Townsville
AU Australia/Melbourne: Geelong
BR America/Sao_Paulo: Rio de Janeiro;Brasilia;Belo Horizonte;Curitiba;Porto Alegre;Campinas;Florianopolis;Rio
BR America/Bahia: Salvador
RU Europe/Moscow: Saint Petersburg;St Petersburg;Sankt Petersburg;Moskau;Moskva;Kazan;Sochi
MX America/Mexico_City: Ciudad de Mexico;CDMX;Guadalajara;Puebla;Leon;Queretaro
MX America/Monterrey: San Pedro Garza Garcia
ID Asia/Jakarta: Bandung;Surabaya;Semarang;Medan
ID Asia/Makassar: Denpasar;Bali
ES Atlantic/Canary: Las Palmas;Las Palmas de Gran Canaria;Santa Cruz de Tenerife;Tenerife
PT Atlantic/Madeira: Funchal
PT Atlantic/Azores: Ponta Delgada
KZ Asia/Almaty: Astana;Nur Sultan
`

// regionTable: country | codes | names, the first one shown | zone, "~" where corners of it differ, empty where it decides nothing.
const regionTable = `
US|AL|Alabama|America/Chicago
US|AK|Alaska|America/Anchorage~
US|AZ|Arizona|America/Phoenix~
US|AR|Arkansas|America/Chicago
US|CA;Calif|California|America/Los_Angeles
US|CO|Colorado|America/Denver
US|CT;Conn|Connecticut|America/New_York
US|DE|Delaware|America/New_York
US|DC;D C|District of Columbia;Washington DC;Washington D C|America/New_York
US|FL;Fla|Florida|America/New_York~
US|GA|Georgia|America/New_York
US|HI|Hawaii|Pacific/Honolulu
US|ID|Idaho|
US|IL;Ill|Illinois|America/Chicago
US|IN|Indiana|America/Indiana/Indianapolis~
US|IA|Iowa|America/Chicago
US|KS|Kansas|America/Chicago~
US|KY|Kentucky|
US|LA|Louisiana|America/Chicago
US|ME|Maine|America/New_York
US|MD|Maryland|America/New_York
US|MA;Mass|Massachusetts|America/New_York
US|MI;Mich|Michigan|America/Detroit~
US|MN;Minn|Minnesota|America/Chicago
US|MS|Mississippi|America/Chicago
US|MO|Missouri|America/Chicago
US|MT|Montana|America/Denver
US|NE|Nebraska|America/Chicago~
US|NV|Nevada|America/Los_Angeles~
US|NH|New Hampshire|America/New_York
US|NJ;N J|New Jersey|America/New_York
US|NM|New Mexico|America/Denver
US|NY;N Y|New York;New York State|America/New_York
US|NC|North Carolina|America/New_York
US|ND|North Dakota|
US|OH|Ohio|America/New_York
US|OK;Okla|Oklahoma|America/Chicago
US|OR;Ore|Oregon|America/Los_Angeles~
US|PA;Penn|Pennsylvania|America/New_York
US|RI|Rhode Island|America/New_York
US|SC|South Carolina|America/New_York
US|SD|South Dakota|
US|TN;Tenn|Tennessee|
US|TX;Tex|Texas|America/Chicago~
US|UT|Utah|America/Denver
US|VT|Vermont|America/New_York
US|VA|Virginia|America/New_York
US|WA;Wash|Washington;Washington State|America/Los_Angeles
US|WV|West Virginia|America/New_York
US|WI;Wis|Wisconsin|America/Chicago
US|WY|Wyoming|America/Denver
CA|AB|Alberta|America/Edmonton
CA|BC;B C|British Columbia|America/Vancouver~
CA|MB|Manitoba|America/Winnipeg
CA|NB|New Brunswick|America/Moncton
CA|NL|Newfoundland and Labrador;Newfoundland|America/St_Johns~
CA|NS|Nova Scotia|America/Halifax
CA|NT|Northwest Territories|America/Edmonton~
CA|NU|Nunavut|
CA|ON;Ont|Ontario|America/Toronto~
CA|PE;PEI|Prince Edward Island|America/Halifax
CA|QC;PQ|Quebec;Québec|America/Toronto~
CA|SK;Sask|Saskatchewan|America/Regina~
CA|YT|Yukon|America/Whitehorse
AU|NSW|New South Wales|Australia/Sydney~
AU|VIC|Victoria|Australia/Melbourne
AU|QLD|Queensland|Australia/Brisbane
AU|SA|South Australia|Australia/Adelaide
AU|WA|Western Australia|Australia/Perth
AU|TAS|Tasmania|Australia/Hobart
AU|NT|Northern Territory|Australia/Darwin
AU|ACT|Australian Capital Territory|Australia/Sydney
DE|BW|Baden-Württemberg;Baden Wuerttemberg|Europe/Berlin
DE|BY|Bayern;Bavaria|Europe/Berlin
DE|BE|Berlin|Europe/Berlin
DE|BB|Brandenburg|Europe/Berlin
DE|HB|Bremen|Europe/Berlin
DE|HH|Hamburg|Europe/Berlin
DE|HE|Hessen;Hesse|Europe/Berlin
DE|MV|Mecklenburg-Vorpommern|Europe/Berlin
DE|NI;NDS|Niedersachsen;Lower Saxony|Europe/Berlin
DE|NW;NRW|Nordrhein-Westfalen;North Rhine-Westphalia|Europe/Berlin
DE|RP;RLP|Rheinland-Pfalz;Rhineland-Palatinate|Europe/Berlin
DE|SL|Saarland|Europe/Berlin
DE|SN|Sachsen;Saxony|Europe/Berlin
DE|ST|Sachsen-Anhalt;Saxony-Anhalt|Europe/Berlin
DE|SH|Schleswig-Holstein|Europe/Berlin
DE|TH|Thüringen;Thueringen;Thuringia|Europe/Berlin
`
