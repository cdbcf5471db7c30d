package protocol

import (
	"fmt"
	"slices"
)

// Served is a model that a rig keeps a server for (SPEC §5.6).
type Served struct {
	CID     string `cbor:"1,keyasint" json:"cid"`
	Name    string `cbor:"2,keyasint" json:"name"`
	Context uint32 `cbor:"3,keyasint" json:"context"` // tokens of prompt and answer together
	// PerMillion is what a million units of UnitTokenOut cost, in the token's base unit.
	PerMillion Amount `cbor:"4,keyasint" json:"per_million"`
	// Tick is how many units are worked ahead of the last voucher.
	Tick uint64 `cbor:"5,keyasint" json:"tick_units"`
	// Images is how it makes images; nil where it makes none. In an offer it is in an extension.
	Images *Images `cbor:"-" json:"images,omitempty"`
}

// Price is the model's, as agreements have it.
func (m Served) Price() Price { return Price{Unit: UnitTokenOut, PerMillion: m.PerMillion} }

func (m *Served) check(at string) error {
	if err := CheckCID(at+".cid", m.CID); err != nil {
		return err
	}
	if m.Name == "" {
		return &FieldError{Field: at + ".name", Limit: "not empty"}
	}
	if err := checkText(at+".name", m.Name, MaxModelName); err != nil {
		return err
	}
	if m.Context == 0 || m.Context > MaxContext {
		return fieldErr(at+".context", fmt.Sprintf("1 to %d tokens", MaxContext), m.Context)
	}
	if m.Tick == 0 || m.Tick > MaxTickUnits {
		return fieldErr(at+".tick_units", fmt.Sprintf("1 to %d", uint64(MaxTickUnits)), m.Tick)
	}
	return m.checkImages(at + ".images")
}

// Serves finds a model of the offer by its CID or its name.
func (o *Offer) Serves(model string) (Served, bool) {
	i := slices.IndexFunc(o.Models, func(m Served) bool { return m.CID == model || m.Name == model })
	if i < 0 {
		return Served{}, false
	}
	return o.Models[i], true
}

// OfServed tells whether a job is a session with a served model (SPEC §5.6).
func (s *JobSpec) OfServed() bool {
	return s.Kind == KindService && EngineFamily(s.Engine) == EngineModel
}

// ServedSpec is a session with the served model that has the CID.
func ServedSpec(cid string, l Limits) JobSpec {
	return JobSpec{Version: Version, Kind: KindService, Engine: EngineModel, Module: cid, ModuleSize: 1, Limits: l}
}

// TokenUnits is what a request to a served model costs in units of UnitTokenOut: a unit
// for each token made, and one for each PromptTokensPerUnit that were read and begun. What
// the server still knew of the prompt is not read again and costs nothing.
func TokenUnits(read, made uint64) uint64 {
	return made + read/PromptTokensPerUnit + min(read%PromptTokensPerUnit, 1)
}
