package messy

import "strings"

// land is a country as leads write it.
type land struct {
	names, cities, legal []string
	code, trunk          string // dialling code, and what precedes a national number
	prefix               string // of its numbers for fiction (Ofcom, ACMA, ARCEP, Bundesnetzagentur, NANPA 555-01xx)
	free                 int    // digits that follow it
}

var lands = []land{
	{[]string{"Germany", "Deutschland", "DE", "germany ", "D"}, []string{"Berlin", "München", "Koeln", "Düsseldorf", "Frankfurt a. M."}, []string{" GmbH", " AG", " GmbH & Co. KG", ""}, "49", "0", "3023125", 3},
	{[]string{"Deutschland", "DEU"}, []string{"Hamburg", "Nürnberg"}, []string{" GmbH", " e.K."}, "49", "0", "17139200", 2},
	{[]string{"USA", "United States", "US", "U.S.A."}, []string{"New York, NY", "San Francisco", "Austin (TX)"}, []string{" Inc.", ", LLC", " Corp", ""}, "1", "", "21255501", 2},
	{[]string{"Canada", "CA"}, []string{"Toronto", "Montréal"}, []string{" Ltd.", " Inc."}, "1", "", "41655501", 2},
	{[]string{"United Kingdom", "UK", "GB", "England"}, []string{"London", "Leeds", "Edinburgh"}, []string{" Ltd", " plc", " LLP"}, "44", "0", "7700900", 3},
	{[]string{"France", "FR", "france"}, []string{"Paris", "Lyon", "Saint-Étienne"}, []string{" SARL", " SA", " S.A.S."}, "33", "0", "19900", 4},
	{[]string{"Australia", "AUS"}, []string{"Sydney", "Melbourne VIC"}, []string{" Pty Ltd", ""}, "61", "0", "491570", 3},
	{[]string{"Ireland", "Éire"}, []string{"Dublin 2", "Cork"}, []string{" Ltd", " DAC"}, "353", "0", "209100", 3},
	{[]string{"Österreich", "Austria", "AT"}, []string{"Wien", "Graz"}, []string{" GmbH", " OG"}, "43", "0", "1900", 3},
	{[]string{"Polska", "Poland", "PL"}, []string{"Łódź", "Kraków"}, []string{" Sp. z o.o.", " S.A."}, "48", "", "22000", 4},
	{[]string{"Japan", "日本", "JP"}, []string{"Tokyo", "大阪"}, []string{" K.K.", "株式会社"}, "81", "0", "30000", 4},
	{[]string{"Brasil", "Brazil", ""}, []string{"São Paulo", "Belo Horizonte"}, []string{" Ltda", " S/A"}, "55", "0", "110000", 4},
}

var firstNames = []string{"Ada", "Jürgen", "Zoë", "José", "Anna", "Li", "Mehmet", "Siobhán", "Łukasz", "Nguyễn", "Grace", "Björn", "Aiko", "Fátima", "Ole",
	"Priya", "Chloé", "Ivan", "Noor", "Samuel", "Marie", "Håkon", "Ruth", "Tomáš", "Yusuf", "Élodie"}

var lastNames = []string{"Müller", "Smith", "García", "Weiß", "Nowak", "Tanaka", "Brien", "Dvořák", "Lindqvist", "Ferrari", "Yılmaz", "Dubois", "Kowalski",
	"Santos", "Schröder-Lang", "MacDonald", "Berg", "Rossi", "Vries", "Petrov", "Haddad", "Iyer", "Jones", "Groß", "Ng"}

var firmWords = []string{"Nordlicht", "Blue Harbor", "Kestrel", "Grünwald", "Ironbark", "Soleil", "Quartz", "Lindenhof", "Red Kite", "Öresund", "Halcyon",
	"Bright Mill", "Tamarind", "Silberfluss", "Juniper", "Cobalt", "Wayfarer", "Émeraude", "Foxglove", "Granit"}

var firmTrades = []string{"Robotics", "Logistik", "Foods", "Analytics", "Bau", "Energy", "Medical", "Software", "Textil", "Consulting", "Optics", "Travel",
	"Studios", "Werke", "Labs", "Marine", "Partners", "Security"}

var titles = []string{"CEO", "Geschäftsführer", "Head of Sales", "VP, Marketing", "Senior Software Engineer", "Einkauf", "Directeur général", "CTO & Co-Founder",
	"sales mgr", "Office Manager", "Leiterin IT", "Founder", "Account Exec.", "Werkstudent", "Procurement Lead (EMEA)", "owner", "Assistant to the Regional Manager"}

// plain spells names with ASCII letters, as in addresses.
var plain = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "é", "e", "É", "E", "ë", "e", "á", "a", "í", "i",
	"š", "s", "ř", "r", "å", "a", "ł", "l", "Ł", "L", "ễ", "e", "ı", "i")
