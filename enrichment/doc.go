// Package enrichment finds out what can be known of a person or company: tidied forms of what a row
// holds, facts from open sources, and what data vendors sell; each with where it is from and how far to trust it.
//
// # What it is
//
// An [Attribute] is one thing that can be known; [Attributes] lists all of them. A [Subject] is who is asked about: a row's
// inputs by attribute. A [Provider] is a source; the built-in ones are in package provider. The [Engine] puts them together:
//
//	subjects ─ normal form ─ units ─ cache ─┐
//	                                        ├─ plan ─ wave of questions ─ answers ─ accept ─┐
//	                                        └───────────────────────────────────────────────┘
//	results ─ why something is missing ─ cache
//
// It works by the batch; one subject is a batch of one. Rows whose normal forms are equal are one unit, worked out once. Rows of the same
// [Subject.Key] (the same person, whatever else the rows say) are looked up in the cache and paid for once.
//
// # Plans
//
// What is wanted may take something else first: a verdict takes an address, an address a domain, a domain a website. From
// the wanted attributes back through what their sources need, the engine knows what could be of use; then it goes forward in
// waves until nobody is left to ask. In each wave a row asks, in this order: local providers, for everything that may be of
// use; free sources on the network; one paid source. Within that, for each attribute the first in the configured order (the
// waterfall), even if something else must be found before it can be asked. A free source is asked again when more is known
// than it was told; a paid one never. Plans depend only on which attributes are known and missing and who
// was asked, so that the rows of a sheet share a few of them.
//
// A found value may have to pass an accept rule before it ends the chain: an email address is verified first by the free sources of
// email_verdict. See [AcceptEmail].
//
// # Outcomes
//
// How a question ended is one of a closed set, see [Outcome]. An outage is never a miss: the row is failed, nothing is remembered
// of it, and no dearer source is asked in its place unless the caller says so. Having no network is no outage: attributes that need
// one are missing with the reason "offline", a verdict is "unknown". A provider that panics, answers too few queries, or
// gives values that it did not declare harms nobody but itself.
//
// # Money
//
// Credits are what the user pays, whole numbers. Before a paid call its price is reserved from [Want.MaxCost] at the
// most it can cost and the call is written into the [Journal]; after it, its result is written down before anything is made of
// it. A call's id is derived from provider, subject key and what may be asked for, so the same question has
// the same id after a crash: if it had ended, its result is used again and charged as it would have been; if it is in doubt, it
// is repeated once and never charged. The user pays for values that are wanted and accepted: not for a miss, nor for an address that failed
// verification, nor twice for rows that hold the same.
//
// # Cache
//
// The cache holds what was bought or is personal, by account and key, each value with its times. Local values are worked out
// anew; open facts are kept by the provider that knows how long they hold. A miss is remembered for a source as
// a whole or for one attribute of it, an outage never.
//
// # What it refuses
//
// It knows nothing of sheets, jobs, stores or queues, and imports none of them. It logs no cell's content. It doesn't pay for a row
// that doesn't say who it is about, and never guesses an identity from a name alone.
//
// # Formats that stay
//
//	subject key   40 hex digits: SHA-256, cut to 160 bits, over "rowsmith.subject.1", the kind of identity and its parts, each ended by NUL
//	call id       likewise over "rowsmith.call.1", the provider's id, the subject key and the attributes
//	miss          "provider" or "provider:attribute" in [Record.Misses]
package enrichment
