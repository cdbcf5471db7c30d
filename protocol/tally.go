package protocol

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Clause is a part of a Filter that an offer may fail (SPEC §4.5).
type Clause string

// The clauses of a filter, in the order in which they are held against an offer.
const (
	ClauseEngine Clause = "engine"
	ClauseModel  Clause = "model"
	ClauseRegion Clause = "region"
	ClauseVRAM   Clause = "vram"
	ClauseCards  Clause = "cards"
	ClauseMemory Clause = "memory"
	ClauseDisk   Clause = "disk"
	ClauseCores  Clause = "cores"
	ClauseSlots  Clause = "slots"
	ClauseEgress Clause = "egress"
	ClauseMarket Clause = "market"
	ClauseUnit   Clause = "unit"
	ClausePrice  Clause = "price"
)

// TallyExtension is the optional extension of index messages: with a put, for how many
// minutes back a tally is wanted; in its reply, the Tally; with a find, of any content,
// that nobody wants to hire and it is not to be counted (SPEC §4.5).
const TallyExtension = "tally"

// Tally is what an index node counted of the requests for one cell, held against one
// offer. It is a hint that nobody signs.
type Tally struct {
	Asked    uint32     `cbor:"1,keyasint"` // requests in the time, those of Other too
	Fit      uint32     `cbor:"2,keyasint"` // of them, those the offer fits
	Other    uint32     `cbor:"3,keyasint"` // of them, those whose filters were forgotten
	Excluded []Excluded `cbor:"4,keyasint"` // by the first clause that failed, most first
}

// Excluded is the requests that an offer did not fit because of one clause.
type Excluded struct {
	Clause Clause `cbor:"1,keyasint"`
	Count  uint32 `cbor:"2,keyasint"` // failed by this clause first
	Only   uint32 `cbor:"3,keyasint"` // and by no other
	Half   uint64 `cbor:"4,keyasint"` // what would do for half of Count: MiB or a number
	Most   uint64 `cbor:"5,keyasint"` // and for nine tenths
	// HalfPrice and MostPrice are the same where the clause is the price, per million.
	HalfPrice Amount `cbor:"6,keyasint"`
	MostPrice Amount `cbor:"7,keyasint"`
	Name      string `cbor:"8,keyasint"` // of the engine, model, region or unit most wanted
}

// Encode is the tally as the value of its extension.
func (t *Tally) Encode() ([]byte, error) { return Encode(t) }

// DecodeTally reads and bounds what an index node says.
func DecodeTally(b []byte) (*Tally, error) {
	if err := checkLen("tally", len(b), MaxExtBytes); err != nil {
		return nil, err
	}
	t := new(Tally)
	if err := Decode(b, t); err != nil {
		return nil, fmt.Errorf("tally: %w", err)
	}
	if err := checkLen("tally.excluded", len(t.Excluded), MaxExcluded); err != nil {
		return nil, err
	}
	sum := uint64(t.Fit) + uint64(t.Other)
	for i, e := range t.Excluded {
		at := fmt.Sprintf("tally.excluded[%d]", i)
		if err := checkText(at+".clause", string(e.Clause), MaxTallyName); err != nil {
			return nil, err
		}
		if err := checkText(at+".name", e.Name, MaxTallyName); err != nil {
			return nil, err
		}
		if e.Only > e.Count {
			return nil, fieldErr(at+".only", "at most the count", e.Only)
		}
		sum += uint64(e.Count)
	}
	if sum > uint64(t.Asked) || t.Asked > MaxTallied {
		return nil, fieldErr("tally.asked", fmt.Sprintf("the sum of its parts, at most %d", MaxTallied), t.Asked)
	}
	return t, nil
}

// EncodeTallyTime is how far back a tally is wanted, as the value of the extension.
func EncodeTallyTime(back time.Duration) ([]byte, error) {
	return Encode(uint16(min(max(back, time.Minute), TallyKept) / time.Minute))
}

// DecodeTallyTime reads it.
func DecodeTallyTime(b []byte) (time.Duration, error) {
	var minutes uint16
	if err := Decode(b, &minutes); err != nil {
		return 0, fmt.Errorf("tally time: %w", err)
	}
	return min(max(time.Duration(minutes)*time.Minute, time.Minute), TallyKept), nil
}

// demand is one filter and how often it was asked.
type demand struct {
	filter Filter
	ring   countRing
}

// Demand counts the filters that a cell was asked for, without who asked. It is bounded:
// where more filters are asked than it keeps, the one asked least is forgotten and its
// count kept. The zero value is ready; it is not safe for concurrent use.
type Demand struct {
	kept  map[Hash]*demand
	other countRing
}

// Count adds one request at a time.
func (d *Demand) Count(f *Filter, now time.Time) {
	g := *f
	g.MaxPrice = g.MaxPrice.coarse()
	raw, err := Encode(g)
	if err != nil {
		return
	}
	key := Keccak(raw)
	one := d.kept[key]
	if one == nil {
		if d.kept == nil {
			d.kept = make(map[Hash]*demand)
		}
		if len(d.kept) >= MaxDemand {
			d.forgetLeast(now)
		}
		if g.Market != nil {
			m := *g.Market
			g.Market = &m
		}
		one = &demand{filter: g}
		d.kept[key] = one
	}
	one.ring.add(now)
}

func (d *Demand) forgetLeast(now time.Time) {
	var least Hash
	few := ^uint32(0)
	for key, one := range d.kept {
		if n := one.ring.since(now, TallyKept); n < few {
			least, few = key, n
		}
	}
	d.other.take(&d.kept[least].ring, now)
	delete(d.kept, least)
}

// Tally holds an offer against what was asked in the time before now.
func (d *Demand) Tally(o *Offer, back time.Duration, now time.Time) Tally {
	t := Tally{Other: d.other.since(now, back)}
	t.Asked = t.Other
	wants := map[Clause]*wanted{}
	for _, one := range d.kept {
		n := min(one.ring.since(now, back), MaxTallied-t.Asked)
		if n == 0 {
			continue
		}
		t.Asked += n
		why := one.filter.excludes(o)
		if len(why) == 0 {
			t.Fit += n
			continue
		}
		w := wants[why[0]]
		if w == nil {
			w = &wanted{names: map[string]uint32{}}
			wants[why[0]] = w
		}
		w.add(&one.filter, why, n)
	}
	for clause, w := range wants {
		t.Excluded = append(t.Excluded, w.excluded(clause))
	}
	sortExcluded(t.Excluded)
	if len(t.Excluded) > MaxExcluded {
		t.Excluded = t.Excluded[:MaxExcluded]
	}
	return t
}

func sortExcluded(list []Excluded) {
	slices.SortFunc(list, func(a, b Excluded) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Clause, b.Clause))
	})
}

// excludes lists the clauses that the offer fails. Free slots are held against those the
// rig has, because what was free when it was asked is not known later.
func (f *Filter) excludes(o *Offer) (out []Clause) {
	all := *o
	all.FreeSlots = o.Slots
	for _, m := range f.Mismatches(&all) {
		out = append(out, m.Clause)
	}
	return out
}

// wanted is what the filters that fail by one clause first ask for.
type wanted struct {
	count, only uint32
	numbers     []asked[uint64]
	prices      []asked[Amount]
	names       map[string]uint32
}

type asked[T any] struct {
	value T
	count uint32
}

func (w *wanted) add(f *Filter, why []Clause, n uint32) {
	w.count += n
	if len(why) == 1 {
		w.only += n
	}
	if why[0] == ClausePrice {
		w.prices = append(w.prices, asked[Amount]{f.MaxPrice, n})
	}
	number, name := f.wants(why[0])
	w.numbers = append(w.numbers, asked[uint64]{number, n})
	w.names[name] += n
}

// wants is what a clause asks for: a number or a name.
func (f *Filter) wants(c Clause) (uint64, string) {
	switch c {
	case ClauseEngine:
		return 0, clip(f.Engine, MaxTallyName)
	case ClauseModel:
		return 0, clip(f.Model, MaxTallyName)
	case ClauseRegion:
		return 0, clip(f.Region, MaxTallyName)
	case ClauseUnit, ClausePrice:
		return 0, clip(string(f.Unit), MaxTallyName)
	case ClauseVRAM:
		return uint64(f.MinVRAMMiB), ""
	case ClauseCards:
		return uint64(f.MinGPUs), ""
	case ClauseMemory:
		return uint64(f.MinMemMiB), ""
	case ClauseDisk:
		return uint64(f.MinDiskMiB), ""
	case ClauseCores:
		return uint64(f.MinCores), ""
	case ClauseSlots:
		return uint64(f.MinFree), ""
	}
	return 0, ""
}

func (w *wanted) excluded(clause Clause) Excluded {
	e := Excluded{Clause: clause, Count: w.count, Only: w.only}
	up := func(a, b asked[uint64]) int { return cmp.Compare(a.value, b.value) }
	down := func(a, b asked[Amount]) int { return b.value.Big().Cmp(a.value.Big()) }
	e.Half, e.Most = quantile(w.numbers, w.count, 2, up), quantile(w.numbers, w.count, 10, up)
	e.HalfPrice, e.MostPrice = quantile(w.prices, w.count, 2, down), quantile(w.prices, w.count, 10, down)
	most := uint32(0)
	for name, n := range w.names {
		if n > most || n == most && name < e.Name {
			e.Name, most = name, n
		}
	}
	if checkText("", e.Name, MaxTallyName) != nil { // a filter's text may be anything
		e.Name = ""
	}
	return e
}

// quantile is the value that does for all but one in so many, of values in order from the
// easiest.
func quantile[T any](list []asked[T], count uint32, but uint32, order func(a, b asked[T]) int) (value T) {
	slices.SortFunc(list, order)
	need := uint64(count) - uint64(count)/uint64(but)
	var have uint64
	for _, one := range list {
		value = one.value
		if have += uint64(one.count); have >= need {
			break
		}
	}
	return value
}

// MergeTallies is one tally of what several index nodes said of one cell each, by the
// salt of the cell: for each salt the median, of which those who lie must be half before
// it is theirs, and of the salts the sum.
func MergeTallies(bySalt [][]Tally) (sum Tally) {
	for _, said := range bySalt {
		if len(said) == 0 {
			continue
		}
		sum.Asked += medianOf(said, func(t *Tally) uint32 { return t.Asked })
		sum.Fit += medianOf(said, func(t *Tally) uint32 { return t.Fit })
		sum.Other += medianOf(said, func(t *Tally) uint32 { return t.Other })
		for _, clause := range clausesOf(said) {
			e := Excluded{Clause: clause, Count: medianOf(said, func(t *Tally) uint32 { return t.of(clause).Count })}
			if e.Count == 0 {
				continue
			}
			e.Only = min(medianOf(said, func(t *Tally) uint32 { return t.of(clause).Only }), e.Count)
			e.describe(clause, said)
			if at := slices.IndexFunc(sum.Excluded, func(o Excluded) bool { return o.Clause == clause }); at >= 0 {
				sum.Excluded[at].join(e)
			} else {
				sum.Excluded = append(sum.Excluded, e)
			}
		}
	}
	sortExcluded(sum.Excluded)
	return sum
}

// join adds what another salt's nodes say: others asked there, so that nine tenths need the
// harder of both, and half what the greater part needs.
func (e *Excluded) join(o Excluded) {
	e.Most = max(e.Most, o.Most)
	if o.MostPrice.Less(e.MostPrice) {
		e.MostPrice = o.MostPrice
	}
	easier := o.Half < e.Half || e.HalfPrice.Less(o.HalfPrice)
	if o.Count > e.Count || o.Count == e.Count && easier {
		e.Half, e.HalfPrice, e.Name = o.Half, o.HalfPrice, o.Name
	}
	e.Count += o.Count
	e.Only += o.Only
}

// describe takes what would change it from the median of those who know.
func (e *Excluded) describe(clause Clause, all []Tally) {
	var list []Excluded
	for i := range all {
		if one := all[i].of(clause); one.Count > 0 {
			list = append(list, one)
		}
	}
	mid := len(list) / 2
	pick := func(by func(a, b Excluded) int) Excluded { slices.SortFunc(list, by); return list[mid] }
	e.Half = pick(func(a, b Excluded) int { return cmp.Compare(a.Half, b.Half) }).Half
	e.Most = pick(func(a, b Excluded) int { return cmp.Compare(a.Most, b.Most) }).Most
	e.HalfPrice = pick(func(a, b Excluded) int { return a.HalfPrice.Big().Cmp(b.HalfPrice.Big()) }).HalfPrice
	e.MostPrice = pick(func(a, b Excluded) int { return a.MostPrice.Big().Cmp(b.MostPrice.Big()) }).MostPrice
	e.Name = pick(func(a, b Excluded) int { return cmp.Compare(a.Name, b.Name) }).Name
}

func (t *Tally) of(clause Clause) Excluded {
	for _, e := range t.Excluded {
		if e.Clause == clause {
			return e
		}
	}
	return Excluded{Clause: clause}
}

func clausesOf(said []Tally) (out []Clause) {
	for _, t := range said {
		for _, e := range t.Excluded {
			if !slices.Contains(out, e.Clause) {
				out = append(out, e.Clause)
			}
		}
	}
	return out
}

// medianOf is the lower of two in the middle: a hint rather says too little.
func medianOf(said []Tally, of func(*Tally) uint32) uint32 {
	list := make([]uint32, len(said))
	for i := range said {
		list[i] = of(&said[i])
	}
	slices.Sort(list)
	return list[(len(list)-1)/2]
}
