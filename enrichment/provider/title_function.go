package provider

import "strings"

// functionOf picks the function that a title names: a fixed phrase first ("sales engineer" is sales), then the
// word that says most, then the part of a German or Dutch compound, then words that say little.
func functionOf(words []string) (string, float64) {
	text := newWordText(words)
	for i := range words {
		if f, n := longest(functionPhrases, text, i); n > 0 {
			return f, 0.9
		}
	}
	for _, w := range words {
		if f, ok := functionWords[w]; ok {
			return f, 0.9
		}
		for _, c := range functionStems {
			if len(w) > len(c.stem)+2 && strings.HasPrefix(w, c.stem) {
				return c.function, 0.85
			}
		}
	}
	for _, w := range words {
		if f, ok := weakFunctionWords[w]; ok {
			return f, 0.75
		}
		for _, c := range functionEnds {
			if len(w) > len(c.stem) && strings.HasSuffix(w, c.stem) {
				return c.function, 0.8
			}
		}
	}
	for i := 0; i < len(words); i++ {
		if managementWords[words[i]] && (i == 0 || words[i-1] != "vice") {
			return "management", 0.8
		}
	}
	return "", 0
}

// functionPhrases say more together than their words do.
var functionPhrases = buildFunctionPhrases(`
sales: sales engineer;sales operations;business development;account executive;account manager;key account;pre sales;presales;sales enablement;inside sales;channel partner;developpement commercial;desarrollo de negocio;sviluppo commerciale;ingenieur commercial;solutions engineer;account director;business developer;technical sales;technico commercial;partner manager;partner management;chief revenue;chief sales;chief commercial;technischer vertrieb
marketing: product marketing;marketing operations;growth marketing;lead generation;demand generation;community manager;social media;content manager;brand manager;marketing data;chef de produit;technical marketing;marketing manager;seo manager;chief marketing;search engine
communications: public relations;corporate communications;press officer;internal communications;investor relations;relations publiques;oeffentlichkeitsarbeit
support: customer success;customer support;technical support;customer service;customer care;customer experience;service desk;service client;atencion al cliente;servizio clienti;technischer support;chief customer;support engineer;relation client
it: it support;it operations;system administrator;systems administrator;information technology;information security;it project;it manager;network engineer;network administrator;help desk;cyber security;security engineer;it security;security analyst;it consultant;it business;database administrator;systemes d information;sistemas de informacion;sistemi informativi;chief information;chief security;enterprise architect;systems engineer;system engineer;sysadmin
data: data scientist;data engineer;data analyst;data science;business intelligence;machine learning;data architect;analytics engineer;artificial intelligence;bi analyst;data protection analyst;chief data;ml engineer;ai engineer
legal: general counsel;legal counsel;data protection officer;compliance officer;contract manager;chief legal;chief compliance;patent attorney;legal assistant
hr: human resources;talent acquisition;people operations;hr business partner;people and culture;people partner;ressources humaines;recursos humanos;risorse umane;chief people;chief human;learning and development;employer branding;talent partner;human capital;personal und
finance: finance business partner;financial controller;accounts payable;accounts receivable;financial analyst;chief financial;chief finance;business controller;investment banker;investment manager;portfolio manager;finance partner;private equity;chief investment;mna;staff accountant
product: product manager;product owner;product management;product lead;head of product;chief product;vp product;vp of product;director of product;product director;product analyst;technical product;vice president product;vice president of product
design: product designer;ux designer;ui designer;graphic designer;user experience;creative director;art director;ux researcher;interaction designer;user interface;ux ui;ui ux
engineering: software engineer;engineering manager;software developer;full stack;fullstack;chief technology;chief technical;technical director;solution architect;solutions architect;software architect;site reliability;quality assurance engineer;qa engineer;test engineer;hardware engineer;mechanical engineer;electrical engineer;tech lead;technical lead;directeur technique;director tecnico;direttore tecnico;technical architect;civil engineer;scrum master;web developer;design engineer
operations: business operations;revenue operations;chief operating;chief operations;chief of staff;operations manager;facility manager;office operations
administration: office manager;office management;executive assistant;administrative assistant;personal assistant
procurement: supply chain buyer;category manager;strategic sourcing;purchasing manager
logistics: supply chain
manufacturing: plant manager;production manager;production engineer;manufacturing engineer;process engineer
quality: quality assurance;quality manager;quality control;quality engineer;quality management
research: research and development;rnd;research scientist;recherche et developpement;forschung und entwicklung;ricerca e sviluppo;chief scientific
consulting: management consultant;strategy consultant;senior consultant;business consultant
healthcare: chief medical;head nurse
education: school principal;teaching assistant
management: managing director;general manager;chief executive;directeur general;directrice generale;director general;directora general;direttore generale;algemeen directeur;president directeur general;consejero delegado;consejera delegada;amministratore delegato;amministratore unico;director ejecutivo;directora ejecutiva
`)

// functionWords say it alone.
var functionWords = buildFunctionWords(`
sales: sales vertrieb verkauf verkaeufer verkaeuferin vertriebler ventes vente vendeur vendeuse ventas vendedor vendedora vendite venditore verkoop verkoper commercial commerciale comercial sdr bdr salesperson salesman presales vertriebsleiter vertriebsleiterin revenue aussendienst kundenberater kundenberaterin vertriebsmitarbeiter
marketing: marketing marketer cmo seo sem sea brand growth mercadotecnia werbung advertising mercadeo ecommerce copywriter crm influencer
communications: communications communication kommunikation comunicacion comunicazione communicatie pr press presse redakteur redakteurin editor journalist journalistin redaktion journaliste periodista
support: support helpdesk kundenservice kundendienst kundenbetreuung kundenbetreuer klantenservice callcenter
it: it cio ciso edv informatik informatiker informatikerin sysadmin informatica informatique systemadministrator systemadministratorin administrator cybersecurity infosec netzwerkadministrator infrastructure dsi sap
data: data analytics datenanalyst datenanalystin bi daten datos donnees cdo
legal: legal lawyer attorney counsel rechtsanwalt rechtsanwaeltin jurist juristin syndikus recht compliance avocat avocate abogado abogada avvocato avvocata juridique juriste notar paralegal advocaat solicitor barrister datenschutzbeauftragter datenschutzbeauftragte
hr: hr chro rh rrhh people recruiter recruiterin recruiting recruitment personal talent personalwesen personalleiter personalleiterin personnel headhunter recruteur recruteuse personalreferent personalreferentin drh personeelszaken personalabteilung
finance: finance financial cfo accounting accountant accountants controller controlling buchhaltung buchhalter buchhalterin finanzen finanz comptable comptabilite contable contabilidad contabile contabilita boekhouder boekhouding treasurer treasury tax steuern steuerberater steuerberaterin audit auditor revisor financier financiere financiero financiera finanziario finanziaria financien banker investment bookkeeper payroll finances finanzas finanza wirtschaftspruefer daf kaufmaennischer kaufmaennische financieel
product: product produkt produit producto prodotto produktmanager produktmanagerin productmanager
design: design designer designerin ux ui graphic grafiker grafikerin grafik graphiste disenador disenadora illustrator creative mediengestalter mediengestalterin kreation
engineering: software cto entwickler entwicklerin developer developers programmer programmierer programmiererin developpeur developpeuse desarrollador desarrolladora sviluppatore sviluppatrice ontwikkelaar frontend backend devops sre softwareentwickler softwareentwicklerin qa tester konstrukteur konstrukteurin softwareentwicklung konstruktion programador programadora programmatore entwicklungsleiter
operations: operations coo betrieb ops operaciones operazioni exploitation betriebsleiter betriebsleiterin facility hausmeister
procurement: procurement purchasing buyer einkauf einkaeufer einkaeuferin achats acheteur acheteuse compras comprador acquisti inkoop inkoper sourcing einkaufsleiter
logistics: logistics logistik logistique logistica logistiek warehouse lager spedition dispatcher disponent disponentin transport shipping lagerist fuhrpark supply
manufacturing: production produktion manufacturing fertigung produccion produzione productie plant werkleiter produktionsleiter montage industriemeister
quality: quality qualitaet qualite calidad qualita kwaliteit qm qualitaetsmanagement qualitaetssicherung
research: research researcher forschung forscher forscherin recherche investigacion ricerca onderzoek wissenschaftler wissenschaftlerin scientist chercheur chercheuse investigador
consulting: berater beraterin consulting unternehmensberater unternehmensberaterin beratung consulente consultor consultora
healthcare: nurse doctor physician arzt aerztin krankenschwester pfleger pflegerin medical surgeon pharmacist apotheker apothekerin therapist physiotherapeut physiotherapeutin zahnarzt zahnaerztin medecin infirmier infirmiere pflegefachfrau
education: teacher lehrer lehrerin professor lecturer dozent dozentin enseignant enseignante profesor profesora docente docent professeur trainer trainerin lehrbeauftragter
administration: sekretariat sekretaerin sekretaer secretary secretaire secretaria segretaria receptionist empfang verwaltung administration administrative administratif administrativo amministrazione administratie sachbearbeiter sachbearbeiterin buerokauffrau buerokaufmann assistenz
management: ceo geschaeftsfuehrer geschaeftsfuehrerin geschaeftsfuehrung geschaeftsleitung geschaeftsleiter geschaeftsleiterin gerant gerante pdg
`)

// weakFunctionWords count where nothing better stands.
var weakFunctionWords = buildFunctionWords(`
engineering: engineer engineering ingenieur ingenieurin ingeniero ingeniera ingegnere technology technical technik techniker technikerin tech technician technicien tecnico architect technologie entwicklung development
consulting: consultant consultants advisor adviseur
support: customer kunden service client clients cliente
communications: content media
data: ai
research: lab labor
finance: bank risk billing invest
`)

// functionStems begin German and Dutch compounds ("Vertriebsinnendienst", "Personalreferentin").
var functionStems = []struct{ stem, function string }{
	{"vertriebs", "sales"}, {"verkaufs", "sales"}, {"marketing", "marketing"}, {"personal", "hr"}, {"einkaufs", "procurement"}, {"finanz", "finance"}, {"logistik", "logistics"},
	{"lager", "logistics"}, {"produktions", "manufacturing"}, {"fertigungs", "manufacturing"}, {"qualitaets", "quality"}, {"rechts", "legal"}, {"kundenservice", "support"}, {"kundendienst", "support"},
	{"kommunikations", "communications"}, {"forschungs", "research"}, {"softwareentwick", "engineering"}, {"datenschutz", "legal"}, {"verkoop", "sales"}, {"inkoop", "procurement"}, {"produktmanage", "product"}, {"steuer", "finance"},
	{"controlling", "finance"}, {"buchhaltungs", "finance"}, {"verwaltungs", "administration"}, {"webentwick", "engineering"}, {"anwendungsentwick", "engineering"},
}

// functionEnds end them ("Webentwickler", "Wirtschaftsjurist").
var functionEnds = []struct{ stem, function string }{
	{"entwickler", "engineering"}, {"entwicklerin", "engineering"}, {"ontwikkelaar", "engineering"}, {"ingenieur", "engineering"}, {"ingenieurin", "engineering"}, {"techniker", "engineering"},
	{"berater", "consulting"}, {"beraterin", "consulting"}, {"jurist", "legal"}, {"juristin", "legal"}, {"anwalt", "legal"}, {"anwaeltin", "legal"}, {"buchhalter", "finance"}, {"buchhalterin", "finance"},
	{"verkaeufer", "sales"}, {"verkaeuferin", "sales"}, {"einkaeufer", "procurement"}, {"lehrer", "education"}, {"lehrerin", "education"}, {"arzt", "healthcare"}, {"aerztin", "healthcare"}, {"designer", "design"},
	{"administrator", "it"}, {"programmierer", "engineering"}, {"sekretaer", "administration"}, {"sekretaerin", "administration"}, {"vertrieb", "sales"},
}

// managementWords lead the whole firm.
var managementWords = set(`owner inhaber inhaberin founder cofounder president vorstand gerente unternehmer unternehmerin entrepreneur eigenaar titolare`)

func buildFunctionPhrases(table string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(table) {
		if f, list, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			for _, p := range phrases(list) {
				m[p] = f
			}
		}
	}
	return m
}

func buildFunctionWords(table string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(table) {
		if f, list, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			for w := range strings.FieldsSeq(list) {
				m[w] = f
			}
		}
	}
	return m
}
