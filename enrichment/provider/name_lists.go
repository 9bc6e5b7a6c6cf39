package provider

import "strings"

// The small vocabularies of names. They are fixed, never written to.

// namePrefixes maps a title, lower case and without a final dot, to its usual writing.
var namePrefixes = map[string]string{
	"mr": "Mr.", "mister": "Mr.", "mrs": "Mrs.", "ms": "Ms.", "miss": "Miss", "mx": "Mx.", "sir": "Sir", "dame": "Dame", "lord": "Lord", "lady": "Lady",
	"dr": "Dr.", "doctor": "Dr.", "doktor": "Dr.", "drs": "Drs.", "prof": "Prof.", "professor": "Prof.", "rev": "Rev.", "reverend": "Rev.", "fr": "Fr.",
	"hon": "Hon.", "capt": "Capt.", "captain": "Capt.", "col": "Col.", "gen": "Gen.", "lt": "Lt.", "maj": "Maj.", "sgt": "Sgt.",
	"herr": "Herr", "hr": "Herr", "herrn": "Herr", "frau": "Frau", "fräulein": "Frau", "dipl": "Dipl.", "ing": "Ing.", "dipl-ing": "Dipl.-Ing.", "dipl.-ing": "Dipl.-Ing.",
	"dipl-kfm": "Dipl.-Kfm.", "dipl.-kfm": "Dipl.-Kfm.", "med": "med.", "rer": "rer.", "nat": "nat.", "pol": "pol.", "jur": "jur.", "phil": "phil.", "h.c": "h.c.", "dent": "dent.",
	"vet": "vet.", "mag": "Mag.", "habil": "habil.", "pd": "PD", "dr.-ing": "Dr.-Ing.", "dr-ing": "Dr.-Ing.", "m": "M.", "mme": "Mme", "mlle": "Mlle", "madame": "Mme", "monsieur": "M.",
	"mademoiselle": "Mlle", "me": "Me", "maître": "Me", "sr": "Sr.", "sra": "Sra.", "srta": "Srta.", "señor": "Sr.", "señora": "Sra.", "don": "Don", "doña": "Doña", "dott": "Dott.",
	"dott.ssa": "Dott.ssa", "dottssa": "Dott.ssa", "sig": "Sig.", "sig.ra": "Sig.ra", "sigra": "Sig.ra", "signor": "Sig.", "signora": "Sig.ra", "avv": "Avv.", "dhr": "Dhr.", "mevr": "Mevr.",
	"mevrouw": "Mevr.", "mw": "Mevr.", "meneer": "Dhr.", "ir": "Ir.",
}

// ambiguousPrefixes are also names or initials: titles only behind another title, or with their dot ("Ing.").
var ambiguousPrefixes = map[string]bool{
	"m": true, "me": true, "don": true, "gen": true, "med": true, "rer": true, "nat": true, "pol": true, "jur": true, "phil": true, "vet": true, "mag": true,
	"fr": true, "ing": true, "col": true, "lord": true, "dame": true, "ir": true, "hon": true, "dent": true, "dipl": true, "maj": true, "pd": true,
}

// generations tell a son from his father.
var generations = map[string]string{
	"jr": "Jr.", "junior": "Jr.", "sr": "Sr.", "senior": "Sr.", "jnr": "Jr.", "snr": "Sr.", "ii": "II", "iii": "III", "iv": "IV",
}

// strongSuffixes are never names.
var strongSuffixes = set(`phd mba emba msc bsc mphil dphil cpa cfa cissp pmp esq esquire llm llb jd dds dvm rn mbbs frcp facs cma acca aca fca
	shrm-cp shrm-scp phr sphr cfp csm beng meng mfa mpa mph pharmd edd psyd obe mbe cbe kbe qc kc dipl-ing ceo cto cfo coo cmo cio pe ccie leed-ap`)

// weakSuffixes are names too.
var weakSuffixes = set(`ma ba md do bs ms dr ra mag prof ing ca cpl usa uk`)

// particles belong to the surname that follows.
var particles = set(`van von der den de la las los du da das do dos di del della dello dei degli zu zum zur vom ten ter te 't op bin ibn bint abu abi al el
	af av le lo san st st. saint santa ap ben`)

// capitalParticles keep their capital in a name that shouts or whispers.
var capitalParticles = set(`san st st. saint santa ben le lo abu`)

// doubled are surnames that usually are the first of two where a third word follows.
var doubled = set(`garcia martinez lopez sanchez gonzalez rodriguez fernandez perez gomez diaz hernandez alvarez torres ruiz ramirez flores vazquez vasquez castro morales
	romero ortiz gutierrez chavez ramos mendoza jimenez moreno munoz suarez reyes herrera medina aguilar vargas castillo guzman rojas silva delgado rios dominguez nunez
	navarro molina ortega santos soto contreras guerrero pena campos vega cabrera fuentes acosta salazar ibanez marquez velazquez`)

// vietnameseFirst are family names that stand in front.
var vietnameseFirst = set(`nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh trịnh đoàn`)

// surnameFirst tells names that are written family name first and don't say so.
func surnameFirst(words []string, country string) bool {
	if len(words) > 1 && vietnameseFirst[strings.ToLower(words[0])] && !isASCII(words[0]) {
		return true
	}
	switch countryCode(country) {
	case "HU", "VN":
		return true
	}
	return false
}

// set is the set of a text's words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// twoSurnames tells the countries where a third word is the first of two surnames, not a middle name.
func twoSurnames(country string) bool {
	switch countryCode(country) {
	case "ES", "MX", "CO", "AR", "CL", "PE", "VE", "EC", "GT", "CU", "BO", "DO", "HN", "PY", "SV", "NI", "CR", "PA", "UY", "PR":
		return true
	}
	return false
}
