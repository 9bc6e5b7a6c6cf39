package enrichment

// An Acceptance says what to do with a found value.
type Acceptance uint8

// The acceptances.
const (
	Accept   Acceptance = iota // it ends the chain
	RunnerUp                   // it is kept while the chain goes on, and taken if nothing better comes
	Reject                     // it is no value: not shown, not charged, not cached
)

// sure is the confidence from which a source's word is taken for an address that could not be verified.
const sure = 0.8

// AcceptEmail is the accept rule for email addresses: one whose verdict is valid ends the chain, an invalid one is none,
// a risky one or one on a catch-all domain is a runner-up. Where nobody could tell, it is the source's
// own confidence that counts.
func AcceptEmail(v Value) Acceptance {
	switch v.Verdict {
	case Valid:
		return Accept
	case Invalid:
		return Reject
	case CatchAll, Risky:
		return RunnerUp
	}
	if v.Confidence >= sure {
		return Accept
	}
	return RunnerUp
}

// better reports whether a is a better runner-up than b: by verdict, then by confidence. Of equals the
// first stays.
func better(a, b Value) bool {
	if x, y := a.Verdict.rank(), b.Verdict.rank(); x != y {
		return x > y
	}
	return a.Confidence > b.Confidence
}

func (v Verdict) rank() int {
	switch v {
	case Valid:
		return 4
	case CatchAll:
		return 3
	case Unknown, "":
		return 2
	case Risky:
		return 1
	}
	return 0
}
