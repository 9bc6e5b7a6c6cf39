package provider

import (
	"context"
	"strings"

	"rowsmith/enrichment"
)

// NewTitle returns the provider "title", which reads job_title in English, German, French, Spanish, Italian and Dutch.
//
// It gives job_seniority, job_function and department (the function as a person would write it). What the title doesn't
// say is absent: "Software Engineer" has a function and no seniority, "Director" the other way round.
//
// job_seniority is owner, founder, c_level, partner, board, vp, director, head, manager, lead, staff, senior, junior or
// intern: the highest that the title names, except that "intern" and "junior" speak last ("Junior Product Manager" is
// junior). "Assistant to the CEO" is an assistant; "Product Owner" owns nothing; former and hoped-for jobs are BadInput
// ("not_current").
//
// job_function is one of engineering, it, data, product, design, research, sales, marketing, communications, finance,
// hr, legal, operations, procurement, logistics, manufacturing, quality, support, consulting, administration, management,
// healthcare, education.
//
// Confidence: 0.9 where words say it outright, 0.65 where the word is used loosely (a project manager manages, but whom?).
func NewTitle() enrichment.Provider { return titleProvider{} }

type titleProvider struct{}

func (titleProvider) Info() enrichment.Info {
	return enrichment.Info{
		ID:    "title",
		Name:  "Job title reader",
		Needs: [][]string{{"job_title"}},
		Gives: []string{"job_seniority", "job_function", "department"},
		Local: true,
	}
}

func (titleProvider) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	return answerEach(ctx, batch, answerTitle)
}

func answerTitle(s enrichment.Subject) enrichment.Answer {
	f := findings{source: "title"}
	t, reason := readTitle(s["job_title"])
	if t.seniority != "" {
		f.put("job_seniority", t.seniority, t.seniorityConfidence)
	}
	if t.function != "" {
		f.put("job_function", t.function, t.functionConfidence)
		f.put("department", departments[t.function], t.functionConfidence)
	}
	return f.answer(reason)
}

// A jobTitle is what a title says.
type jobTitle struct {
	seniority           string
	seniorityConfidence float64
	function            string
	functionConfidence  float64
}

func readTitle(cell string) (jobTitle, string) {
	cell = tidy(cell)
	switch {
	case cell == "":
		return jobTitle{}, noInput
	case isBlank(cell):
		return jobTitle{}, blankCell
	case len(cell) > 300 || strings.Contains(cell, "@") && strings.Contains(cell, "."):
		return jobTitle{}, "not_a_title"
	}
	words := titleWords(cell)
	if len(words) == 0 {
		return jobTitle{}, "not_a_title"
	}
	text := " " + strings.Join(words, " ") + " "
	for _, w := range notCurrent {
		if strings.HasPrefix(text, w) {
			return jobTitle{}, "not_current"
		}
	}
	var t jobTitle
	assists, whose := assistance(text)
	if assists {
		// The person at the other end is somebody else.
		t.function, t.functionConfidence = "administration", 0.85
		if strings.Contains(whose, " intern ") {
			t.seniority, t.seniorityConfidence = "intern", 0.9
		}
		return t, notFound
	}
	t.seniority, t.seniorityConfidence = seniorityOf(words)
	t.function, t.functionConfidence = functionOf(words)
	return t, notFound
}

// titleWords folds a title to words: no accents, no "(m/w/d)", German's and French's double forms as one
// ("Leiter/in", "Directeur(trice)").
func titleWords(cell string) []string {
	lower := strings.ToLower(cell)
	for _, aside := range genderAsides {
		lower = strings.ReplaceAll(lower, aside, " ")
	}
	lower = titleWritings.Replace(lower)
	return strings.Fields(fold(lower))
}

// titleWritings makes words of what folding would cut up. It only ever reads; it is safe for concurrent use.
var titleWritings = strings.NewReplacer("c++", "cpp", "c#", "csharp", ".net", "dotnet", "r&d", "rnd", "r & d", "rnd", "m&a", "mna", "p&l", "pnl", "&", " and ", "a.i.", "ai",
	"ä", "ae", "ö", "oe", "ü", "ue", "v.p.", "vp", "c.e.o.", "ceo", "c.f.o.", "cfo", "c.t.o.", "cto", "c.o.o.", "coo", "sr.", "senior ", "jr.", "junior ")

var genderAsides = []string{"(m/w/d)", "(w/m/d)", "(m/f/d)", "(f/m/d)", "(f/m/x)", "(m/f/x)", "(m/w/x)", "(d/m/w)", "(gn)", "(h/f)", "(f/h)", " h/f", " f/h", "(m/w)", "(m/f)", "(all genders)", "m/w/d",
	":innen", "*innen", "_innen", "/-innen", ":in", "*in", "_in", "/-in", "/in", "(in)", "(e)", "(trice)", "/trice", "·trice", "·e", ".e "}

// notCurrent begin what a person isn't, or isn't any more.
var notCurrent = []string{" former ", " ex ", " formerly ", " retired ", " aspiring ", " seeking ", " looking for ", " ehemalige ", " ehemaliger ", " ehem ", " ancien ", " ancienne ",
	" open to work ", " unemployed ", " between jobs ", " i r ", " future ", " wannabe ", " student ", " pensionist ", " rentner ", " a d "}

// assistance tells "Assistant to the CEO", "Assistentin der Geschäftsführung", "Executive Assistant": a job beside
// another's. "Assistant Manager" is a rank.
func assistance(text string) (bool, string) {
	for _, w := range []string{" assistant to ", " assistent van ", " secretary to ", " assistentin der ", " assistent der ", " assistent des ", " assistentin des ", " assistenz der ", " assistenz des ",
		" assistant de ", " assistante de ", " assistant du ", " assistente di ", " assistente del ", " assistente della ", " asistente de ", " ayudante de ", " assistente van ", " pa to ", " ea to ", " vorstandsassistent",
		" executive assistant ", " personal assistant ", " personal assistent", " direktionsassistent", " geschaeftsfuehrungsassistent", " administrative assistant ", " office assistant ", " management assistant ",
		" managementassistent", " assistant executive to ", " teamassistent", " team assistant ", " sekretaer", " secretaire de direction ", " secretaria de ", " directiesecretaresse ", " referent der geschaeftsf", " referentin der geschaeftsf"} {
		if strings.Contains(text, w) {
			return true, text
		}
	}
	return false, ""
}
