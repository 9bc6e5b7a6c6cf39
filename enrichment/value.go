package enrichment

import "time"

// A Value is what was found for one attribute of one subject, with where it is from.
type Value struct {
	// Value is a string, float64 or bool, as the attribute's [Type] says. Nil where nothing was found but
	// the reason is worth telling (an unknown verdict offline, say).
	Value any `json:"value"`
	// Source is the id of the provider or vendor that gave it.
	Source string `json:"source"`
	// Confidence is 0 to 1: how likely the value is right, as far as the source tells.
	Confidence float64 `json:"confidence"`
	// Reason says in a short code why the value is what it is: "null_mx", "mailbox_full", "offline".
	Reason string `json:"reason,omitempty"`
	// Verdict is set on email addresses that were checked.
	Verdict Verdict `json:"verdict,omitempty"`
	// VerifiedAt is when the verdict was reached.
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	// FetchedAt is when the source gave the value, UTC.
	FetchedAt time.Time `json:"fetched_at"`
	// Cost is what the user pays for it, in credits.
	Cost int64 `json:"cost"`
}

// A Verdict says whether mail to an address will arrive.
type Verdict string

// The verdicts. A blocked probe, a 4xx answer or a missing network is Unknown, never Invalid.
const (
	Valid    Verdict = "valid"     // the mailbox exists, as told by its own server or a vendor
	Invalid  Verdict = "invalid"   // it can't: bad syntax, no such domain, null MX, no such mailbox
	CatchAll Verdict = "catch_all" // the domain accepts every address
	Risky    Verdict = "risky"     // deliverable perhaps, unwise: disposable, a full mailbox, a guess
	Unknown  Verdict = "unknown"   // nobody could tell
)
