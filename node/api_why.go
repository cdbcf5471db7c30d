package node

import "time"

// WhyReport is what kept requests from a rig in the time before At (SPEC §4.5, §8.2):
// what `rerig why` shows.
type WhyReport struct {
	At          time.Time `json:"at"`
	SinceMillis int64     `json:"since_ms"`
	// IndexNodes is how many told of what was asked; their median is a hint that nobody
	// signs.
	IndexNodes int    `json:"index_nodes"`
	Asked      uint32 `json:"asked"`     // requests that they counted
	Fit        uint32 `json:"fit"`       // of them, those that this rig fits
	Forgotten  uint32 `json:"forgotten"` // of them, those nobody knows more of
	Skipped    uint32 `json:"skipped"`   // of them, those that it does not fit
	// Came is the requests that reached the rig itself.
	Came  AnswersSum `json:"came"`
	Asks  []AsksSum  `json:"asks"`
	Skips []WhySkip  `json:"skips"` // most first
	Notes []WhyNote  `json:"notes"` // of the rig's own state, now
}

// AnswersSum is what the rig said to those who came.
type AnswersSum struct {
	Taken   uint32 `json:"taken"`
	Untaken uint32 `json:"untaken"` // quoted, and another rig was hired, or none
	Refused uint32 `json:"refused"`
}

// AsksSum is where this rig's ask is among others for the same unit.
type AsksSum struct {
	Unit    string `json:"unit"`
	Asks    int    `json:"asks"`    // of others, seen now
	Cheaper int    `json:"cheaper"` // of them
	Median  string `json:"median"`  // of them, the token's units for an hour or a million tokens
	Mine    string `json:"mine"`
	// Above is by how many thousandths Mine is above Median; below it is negative.
	Above int `json:"above_permille"`
}

// WhySkip is the requests that skipped the rig for one reason. Code is a clause of SPEC
// §4.5, "passed" where it fits and was not asked, "untaken", or "refused:" and a reason code.
type WhySkip struct {
	Code     string `json:"code"`
	Count    uint32 `json:"count"`
	Only     uint32 `json:"only"`     // of them, those that only this keeps away
	Permille uint32 `json:"permille"` // of all that was asked
	Says     string `json:"says"`
	Change   string `json:"change"` // what would change it
}

// WhyNote is something about the rig as it is now that keeps requests away.
type WhyNote struct {
	Code   string `json:"code"`
	Says   string `json:"says"`
	Change string `json:"change"`
}
