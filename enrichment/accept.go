package enrichment

import (
	"context"
	"slices"
)

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

// A checking is a found value that an accept rule decides on.
type checking struct {
	u *unit
	h held
}

// check has found email addresses verified, all of a wave together, and applies the accept rules.
func (r *run) check(ctx context.Context, found []checking) error {
	if len(found) == 0 {
		return nil
	}
	var subjects []Subject
	var of []int
	for i, c := range found {
		if c.h.attr == emailAt {
			subjects = append(subjects, Subject{"email": c.h.value.Value.(string)})
			of = append(of, i)
		}
	}
	if len(subjects) > 0 && len(r.e.givenBy[verdictAt]) > 0 {
		// Free sources only, without cache and journal: a verdict is not bought to check what was just bought.
		bare := *r.e
		bare.cache = nil
		results, err := bare.Enrich(ctx, subjects, Want{Attributes: []string{"email_verdict"}})
		if err != nil && ctx.Err() == nil {
			return err
		}
		for j, res := range results {
			v := &found[of[j]].h.value
			own := res.Values["email_verdict"]
			if own.Verdict == "" {
				if text, ok := own.Value.(string); ok {
					own.Verdict = Verdict(text)
				}
			}
			// What can be seen not to work doesn't; otherwise who gave the address knows more than we do.
			if own.Verdict != "" && (own.Verdict == Invalid || v.Verdict == "" || v.Verdict == Unknown) {
				v.Verdict, v.Reason, v.VerifiedAt = own.Verdict, own.Reason, own.VerifiedAt
			}
		}
	}
	for _, c := range found {
		u, h := c.u, c.h
		if u.known.has(h.attr) && !u.missing.has(h.attr) {
			continue
		}
		switch r.e.accept[h.attr](h.value) {
		case Accept:
			r.take(u, h)
		case RunnerUp:
			at := slices.IndexFunc(u.second, func(o held) bool { return o.attr == h.attr })
			if at < 0 {
				u.second = append(u.second, h)
			} else if better(h.value, u.second[at].value) {
				u.second[at] = h
			}
		default:
			r.whys.tell(u, one(h.attr), ReasonRejected, weightRejected)
			if h.source >= 0 && r.e.providers[h.source].cached {
				u.misses = append(u.misses, missed{h.source, h.attr})
			}
		}
	}
	return nil
}
