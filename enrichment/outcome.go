package enrichment

// An Outcome is how one query ended: a closed set, so that nothing is taken
// for a miss which is not one.
//
//	outcome       cached            chain goes on     row failed   asked again
//	Hit           values            where unaccepted  no           when stale
//	Miss          negatively        yes               no           after [Config.MissFresh]
//	Pending       no                no                no           by whoever polls
//	RateLimited   no                no, see below     yes          after Until
//	Quota         no                no, see below     yes          when the plan is renewed
//	Auth          no                no, see below     yes          when the key is right
//	OptedOut      negatively        no                no           after [Config.MissFresh]
//	BadInput      no                yes               no           with another input
//	Transient     no                no, see below     yes          soon
//
// After an outage (RateLimited, Quota, Auth, Transient) the rest of the chain is asked only as far as it is
// free, unless [Want.OnOutageNext] says that the next paid source may be asked in its place.
type Outcome uint8

// The outcomes.
const (
	Hit         Outcome = iota + 1 // something was found
	Miss                           // the source knows no such subject; may be cached as negative
	Pending                        // the source answers later; poll with Handle
	RateLimited                    // not now; Until says when
	Quota                          // the plan is used up; disables the vendor visibly
	Auth                           // the key is wrong; disables the vendor visibly
	OptedOut                       // the person asked the source not to give data
	BadInput                       // this subject can't be asked about
	Transient                      // an outage or timeout: never a miss, never cached
)

var outcomeNames = [...]string{"none", "hit", "miss", "pending", "rate_limited", "quota", "auth", "opted_out", "bad_input", "transient"}

// String returns the outcome's snake_case name, as used in reports and journals.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "unknown_outcome"
}

// Known reports whether o is one of the outcomes.
func (o Outcome) Known() bool { return o >= Hit && o <= Transient }

// Final reports whether the source has said what it has to say about the subject: asking again soon
// would get the same answer. A journalled call that ended so is not repeated.
func (o Outcome) Final() bool {
	return o == Hit || o == Miss || o == Pending || o == OptedOut || o == BadInput
}

// Outage reports whether the source could not be asked: nothing is known about the subject.
func (o Outcome) Outage() bool {
	return o == RateLimited || o == Quota || o == Auth || o == Transient
}

// Reasons, as they stand in [Answer.Reason], [Value.Reason] and [Result.Missing]. Providers add their own;
// these have a meaning to the engine or are what it says itself.
const (
	ReasonNotFound    = "not_found"    // everybody was asked, nobody knows
	ReasonNoInput     = "no_input"     // the row lacks what the sources need
	ReasonNoSource    = "no_source"    // no configured source gives this attribute
	ReasonGiven       = "given"        // the row has it, see [Want.Refresh]
	ReasonOffline     = "offline"      // this machine has no network, or is told not to use it; not an outage
	ReasonOverBudget  = "over_budget"  // asking could have cost more than [Want.MaxCost] leaves
	ReasonOptedOut    = "opted_out"    // the person asked not to be found
	ReasonPending     = "pending"      // the source answers later
	ReasonBadInput    = "bad_input"    // what the row has can't be asked about
	ReasonInDoubt     = "in_doubt"     // a paid call broke off twice; not asked a third time
	ReasonTransient   = "transient"    // an outage or timeout
	ReasonRateLimited = "rate_limited" // the source asks to slow down
	ReasonQuota       = "quota"        // the source's plan is used up
	ReasonAuth        = "auth"         // the source refuses the key
	ReasonRejected    = "rejected"     // something was found and did not pass verification
)
