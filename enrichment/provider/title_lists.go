package provider

import "strings"

// A rank is what a phrase says of seniority.
type rank struct {
	level      int // index into seniorities; -1: nothing, though a word in it would
	confidence float64
}

// seniorityOf picks the seniority that a title names: the highest, but intern, and junior against the lower ranks, win.
// Longer phrases go before the words in them: "vice president" is no president.
func seniorityOf(words []string) (string, float64) {
	var (
		best           = rank{level: -1}
		intern, junior bool
		text           = newWordText(words)
	)
	consider := func(r rank) {
		intern = intern || r.level == internLevel
		junior = junior || r.level == juniorLevel
		if r.level >= 0 && (best.level < 0 || r.level < best.level) {
			best = r
		}
	}
	for i := 0; i < len(words); {
		r, n := longest(ranks, text, i)
		if n == 0 {
			n = 1
			for _, c := range compounds {
				if len(words[i]) > len(c.end) && strings.HasSuffix(words[i], c.end) {
					consider(rank{rankOf(c.level), c.confidence})
					break
				}
			}
		} else {
			consider(r)
		}
		i += n
	}
	switch {
	case intern:
		return "intern", 0.9
	case best.level < 0:
		return "", 0
	case junior && best.level >= managerLevel:
		return "junior", 0.9
	case seniorities[best.level].name == "staff" && !technical(" "+text.s+" "):
		return "", 0
	}
	return seniorities[best.level].name, best.confidence
}

// A wordText is words as one text, so that any run of them can be looked up without copying.
type wordText struct {
	s     string
	start []int // of each word, and one past the end
}

func newWordText(words []string) wordText {
	t := wordText{s: strings.Join(words, " "), start: make([]int, 0, len(words)+1)}
	at := 0
	for _, w := range words {
		t.start = append(t.start, at)
		at += len(w) + 1
	}
	t.start = append(t.start, at)
	return t
}

// longest finds the longest phrase, of up to five words, that begins at a word, and how many words it has; 0: none.
func longest[T any](m map[string]T, t wordText, i int) (T, int) {
	for n := min(5, len(t.start)-1-i); n > 0; n-- {
		if v, ok := m[t.s[t.start[i]:t.start[i+n]-1]]; ok {
			return v, n
		}
	}
	var none T
	return none, 0
}

// ranks maps a phrase to what it says. Built once, never written to again.
var ranks = buildRanks()

var internLevel, juniorLevel, managerLevel = rankOf("intern"), rankOf("junior"), rankOf("manager")

func buildRanks() map[string]rank {
	m := map[string]rank{}
	for level, l := range seniorities {
		for _, p := range l.phrases {
			m[p] = rank{level, 0.9}
		}
		for _, p := range l.loose {
			m[p] = rank{level, 0.65}
		}
	}
	for _, p := range notRank {
		m[p] = rank{level: -1}
	}
	return m
}

func rankOf(name string) int {
	for i, l := range seniorities {
		if l.name == name {
			return i
		}
	}
	return len(seniorities) - 1
}

// technical: "Staff Engineer" is a rank, "Staff Accountant" and "School Principal" are not.
func technical(text string) bool {
	for _, w := range []string{" engineer", " developer", " scientist", " designer", " architect", " product ", " software ", " data ", " researcher", " consultant"} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// notRank are phrases in which a rank's word is none.
var notRank = phrases("product owner;process owner;data owner;service owner;system owner;application owner;proxy product owner;business partner;channel partner;partner manager;partner management;partner sales;partner success;partner marketing;hr partner;people partner;lead generation;lead gen;chief of staff;head chef;headhunter;vice principal;school principal;president s;director s;nursing staff;staff accountant;staff nurse;general counsel;talent partner;finance partner;customer owner;partner development;partner account;home owner;lead nurturing;technology partner;solution partner;sales partner")

// seniorities, highest first. Loose phrases use the word without meaning much by it.
var seniorities = []struct {
	name    string
	phrases []string
	loose   []string
}{
	{"owner", phrases("owner;co owner;business owner;inhaber;inhaberin;eigentuemer;eigentuemerin;proprietaire;propietario;propietaria;dueno;duena;titolare;proprietario;eigenaar;eigenaresse;proprietor;geschaeftsinhaber;geschaeftsinhaberin;firmeninhaber;firmeninhaberin"), nil},
	{"founder", phrases("founder;cofounder;co founder;founding ceo;gruender;gruenderin;mitgruender;mitgruenderin;fondateur;fondatrice;cofondateur;cofondatrice;fundador;fundadora;cofundador;cofundadora;fondatore;cofondatore;oprichter;medeoprichter;founders"), nil},
	{"c_level", phrases("ceo;cto;cfo;coo;cmo;cio;ciso;chro;cso;cco;cpo;cro;cdo;cpto;cxo;chief executive;chief technology;chief technical;chief financial;chief finance;chief operating;chief operations;chief marketing;chief information;chief product;chief people;chief human;chief revenue;chief commercial;chief data;chief security;chief legal;chief compliance;chief digital;chief strategy;chief customer;chief scientific;chief medical;chief growth;chief sales;chief creative;chief risk;chief investment;chief innovation;chief administrative;chief of innovation;chief officer;geschaeftsfuehrer;geschaeftsfuehrerin;geschaeftsfuehrung;geschaeftsleitung;geschaeftsleiter;geschaeftsleiterin;vorstand;vorstandsvorsitzender;vorstandsvorsitzende;vorstandsmitglied;mitglied des vorstands;pdg;president directeur general;directeur general;directrice generale;gerant;gerante;director general;directora general;consejero delegado;consejera delegada;director ejecutivo;directora ejecutiva;amministratore delegato;amministratrice delegata;amministratore unico;direttore generale;direttrice generale;algemeen directeur;c level;president and ceo;mitglied der geschaeftsleitung;managing director;executive director;president;presidente;directeur financier;directrice financiere;director financiero;directora financiera;direttore finanziario;financieel directeur;directeur technique;directeur des systemes d information;dsi;daf;drh"), phrases("dg;md;gf")},
	{"partner", phrases("partner;managing partner;founding partner;senior partner;general partner;equity partner;gesellschafter;gesellschafterin;geschaeftsfuehrender gesellschafter;associe;associee;socio;socia;vennoot;partnerin"), nil},
	{"board", phrases("board member;member of the board;chairman;chairwoman;chairperson;chair of the board;chairman of the board;board director;non executive director;aufsichtsrat;aufsichtsratsmitglied;aufsichtsratsvorsitzender;verwaltungsrat;verwaltungsraetin;verwaltungsratspraesident;beirat;administrateur;consejero;consigliere;commissaris;board advisor"), nil},
	{"vp", phrases("vp;svp;evp;avp;gvp;rvp;vice president;vice presidente;vicepresident;vicepresidente;vice presidenta;vizepraesident;vizepraesidentin"), nil},
	{"director", phrases("director;directora;direktor;direktorin;directeur;directrice;direttore;direttrice;directrice"), nil},
	{"head", phrases("head of;head;hoofd;leiter;leiterin;leitung;leitender;leitende;abteilungsleiter;abteilungsleiterin;abteilungsleitung;bereichsleiter;bereichsleiterin;bereichsleitung;chef de service;jefe de;jefa de;capo;capo ufficio;chef de departement;responsable du departement;global head;prokurist;prokuristin;dean;dekan;chef du"), nil},
	{"manager", phrases("manager;managerin;gerente;teamleiter;teamleiterin;teamleitung;team manager;gruppenleiter;gruppenleiterin;responsable;responsabile;filialleiter;filialleiterin;filialleitung;supervisor;encargado;encargada;afdelingsmanager;teamleider;werkleiter;betriebsleiter;betriebsleiterin;gestionnaire;store manager;general manager;foreman;meister"),
		phrases("project manager;product manager;program manager;programme manager;account manager;key account manager;case manager;office manager;community manager;social media manager;projektmanager;projektmanagerin;projektleiter;projektleiterin;projektleitung;chef de projet;cheffe de projet;jefe de proyecto;project lead;chef de produit;capo progetto;projectleider;customer success manager;content manager;brand manager;bauleiter;bauleiterin")},
	{"lead", phrases("lead;team lead;tech lead;technical lead;teamlead;leads;principal lead"), nil},
	{"staff", phrases("staff;principal;distinguished;fellow"), nil},
	{"senior", phrases("senior;sr;expert;experienced;expertin;confirme;sen;specialist senior;senior associate;ervaren;experte"), nil},
	{"junior", phrases("junior;jr;entry level;graduate;trainee manager;debutant;jun;berufseinsteiger;berufseinsteigerin;junior associate"), nil},
	{"intern", phrases("intern;internship;praktikant;praktikantin;praktikum;werkstudent;werkstudentin;working student;stagiaire;stagiair;stage;tirocinante;stagista;becario;becaria;practicante;azubi;auszubildende;auszubildender;apprentice;apprenti;apprentie;alternant;alternante;trainee;aprendiz;lehrling;leerling;apprendista;volontaer;volontaerin;en alternance;co op student"), nil},
}

// phrases splits a list of phrases, which are folded as titles are.
func phrases(list string) []string { return strings.Split(list, ";") }

// compounds are German and Dutch words that end in a rank.
var compounds = []struct {
	end, level string
	confidence float64
}{
	{"projektleiter", "manager", 0.65}, {"projektleiterin", "manager", 0.65}, {"projektleitung", "manager", 0.65}, {"bauleiter", "manager", 0.65},
	{"teamleiter", "manager", 0.9}, {"teamleiterin", "manager", 0.9}, {"teamleitung", "manager", 0.9}, {"gruppenleiter", "manager", 0.9}, {"gruppenleiterin", "manager", 0.9},
	{"filialleiter", "manager", 0.9}, {"filialleiterin", "manager", 0.9}, {"filialleitung", "manager", 0.9}, {"schichtleiter", "manager", 0.9}, {"marktleiter", "manager", 0.9},
	{"werkleiter", "manager", 0.9}, {"betriebsleiter", "manager", 0.9}, {"betriebsleiterin", "manager", 0.9}, {"projectleider", "manager", 0.65}, {"teamleider", "manager", 0.9},
	{"geschaeftsleiter", "c_level", 0.9}, {"geschaeftsleiterin", "c_level", 0.9}, {"geschaeftsleitung", "c_level", 0.9}, {"geschaeftsfuehrer", "c_level", 0.9}, {"geschaeftsfuehrerin", "c_level", 0.9},
	{"vorstand", "c_level", 0.9}, {"leiter", "head", 0.9}, {"leiterin", "head", 0.9}, {"leitung", "head", 0.9}, {"direktor", "director", 0.9}, {"direktorin", "director", 0.9}, {"directeur", "director", 0.9},
	{"manager", "manager", 0.65}, {"managerin", "manager", 0.65}, {"gesellschafter", "partner", 0.9}, {"praktikant", "intern", 0.9}, {"praktikantin", "intern", 0.9}, {"inhaber", "owner", 0.9},
}

// departments are the functions as people write them.
var departments = map[string]string{
	"engineering": "Engineering", "it": "IT", "data": "Data", "product": "Product", "design": "Design", "research": "Research", "sales": "Sales", "marketing": "Marketing",
	"communications": "Communications", "finance": "Finance", "hr": "Human resources", "legal": "Legal", "operations": "Operations", "procurement": "Procurement",
	"logistics": "Logistics", "manufacturing": "Manufacturing", "quality": "Quality", "support": "Support", "consulting": "Consulting", "administration": "Administration",
	"management": "Management", "healthcare": "Healthcare", "education": "Education",
}
