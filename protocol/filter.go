package protocol

import (
	"fmt"
	"slices"
)

// Filter is what a requester needs; an index node answers only with offers that
// fit it (SPEC §4.4). The zero value fits every offer.
type Filter struct {
	Engine     string  `cbor:"1,keyasint" json:"engine,omitempty"`
	Model      string  `cbor:"2,keyasint" json:"model,omitempty"`
	Region     string  `cbor:"3,keyasint" json:"region,omitempty"`
	MinVRAMMiB uint32  `cbor:"4,keyasint" json:"min_vram_mib,omitempty"`
	MinMemMiB  uint32  `cbor:"5,keyasint" json:"min_mem_mib,omitempty"`
	MinDiskMiB uint32  `cbor:"6,keyasint" json:"min_disk_mib,omitempty"`
	MinCores   uint16  `cbor:"7,keyasint" json:"min_cores,omitempty"`
	MinFree    uint16  `cbor:"8,keyasint" json:"min_free,omitempty"`
	Egress     bool    `cbor:"9,keyasint" json:"egress,omitempty"`
	Market     *Market `cbor:"10,keyasint" json:"market,omitempty"`
	Unit       Unit    `cbor:"11,keyasint" json:"unit,omitempty"`
	MaxPrice   Amount  `cbor:"12,keyasint" json:"max_price"`                    // per million of Unit; 0 is no limit
	MinGPUs    uint8   `cbor:"13,keyasint,omitempty" json:"min_gpus,omitempty"` // cards of MinVRAMMiB or more
}

// Mismatch is one reason why an offer does not fit, for people and programs.
type Mismatch struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
	Clause Clause `json:"-"`
}

// String is "reason: detail".
func (m Mismatch) String() string { return string(m.Reason) + ": " + m.Detail }

// Check bounds a filter that came from a peer.
func (f *Filter) Check() error {
	for _, s := range []string{f.Engine, f.Model, f.Region, string(f.Unit)} {
		if err := checkLen("filter", len(s), MaxNameBytes); err != nil {
			return err
		}
	}
	return nil
}

// Mismatches lists every reason why the offer does not fit; none means it does.
func (f *Filter) Mismatches(o *Offer) (out []Mismatch) {
	add := func(r Reason, c Clause, format string, args ...any) {
		out = append(out, Mismatch{r, fmt.Sprintf(format, args...), c})
	}
	if f.Engine != "" && !slices.Contains(o.Engines, f.Engine) {
		add(ReasonEngine, ClauseEngine, "engine %q not in %v", f.Engine, o.Engines)
	}
	model, serves := o.Serves(f.Model)
	if f.Model != "" && !serves {
		add(ReasonEngine, ClauseModel, "model %s not served", f.Model)
	}
	if f.Region != "" && f.Region != o.Region {
		add(ReasonRegion, ClauseRegion, "region %q, not %q", o.Region, f.Region)
	}
	if v := o.Hardware.VRAMMiB(); v < f.MinVRAMMiB {
		add(ReasonResources, ClauseVRAM, "%s", o.cardsMissing("VRAM %s < %s", mib(v), mib(f.MinVRAMMiB)))
	} else if n := o.Hardware.Cards(f.MinVRAMMiB); n < int(f.MinGPUs) {
		of := ""
		if f.MinVRAMMiB > 0 {
			of = " of " + mib(f.MinVRAMMiB) + " or more"
		}
		add(ReasonResources, ClauseCards, "%s", o.cardsMissing("cards%s: %d < %d", of, n, f.MinGPUs))
	}
	if o.Hardware.MemoryMiB < f.MinMemMiB {
		add(ReasonResources, ClauseMemory, "memory %s < %s", mib(o.Hardware.MemoryMiB), mib(f.MinMemMiB))
	}
	if o.Hardware.DiskMiB < f.MinDiskMiB {
		add(ReasonResources, ClauseDisk, "disk %s < %s", mib(o.Hardware.DiskMiB), mib(f.MinDiskMiB))
	}
	if o.Hardware.Cores < f.MinCores {
		add(ReasonResources, ClauseCores, "CPUs %d < %d", o.Hardware.Cores, f.MinCores)
	}
	if o.FreeSlots < f.MinFree {
		add(ReasonBusy, ClauseSlots, "free slots %d < %d", o.FreeSlots, f.MinFree)
	}
	if f.Egress && !o.Egress {
		add(ReasonEgress, ClauseEgress, "egress not allowed")
	}
	if f.Market != nil && !slices.Contains(o.Markets, *f.Market) {
		add(ReasonMarket, ClauseMarket, "does not take token %s on chain %d", f.Market.Token, f.Market.Domain.ChainID)
	}
	if f.Unit != "" {
		p, ok := o.Price(f.Unit)
		if serves && f.Unit == UnitTokenOut {
			p, ok = model.Price(), true
		}
		switch {
		case !ok:
			add(ReasonEngine, ClauseUnit, "no price for %s", f.Unit)
		case !f.MaxPrice.IsZero() && f.MaxPrice.Less(p.PerMillion):
			add(ReasonPriceFloor, ClausePrice, "price %s > %s per million %s", p.PerMillion, f.MaxPrice, f.Unit)
		}
	}
	return out
}

func mib(n uint32) string {
	if n >= 1024 && n%1024 == 0 {
		return fmt.Sprintf("%d GiB", n/1024)
	}
	return fmt.Sprintf("%d MiB", n)
}
