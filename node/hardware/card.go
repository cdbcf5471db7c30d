package hardware

import (
	"cmp"
	"slices"
	"strings"
)

// Card is one graphics card or accelerator as it is now. What is not known is zero, ""
// or nil; a reading of 0 is a reading.
type Card struct {
	// Address is the card's on the PCI bus, such as "0000:01:00.0".
	Address string `json:"address"`
	// Vendor, Device and Revision are its PCI IDs in lower-case hex.
	Vendor   string `json:"vendor"`
	Device   string `json:"device"`
	Revision string `json:"revision"`
	// Model is its name without brands (ModelName), "" for a card not in the table of
	// IDs that no driver names.
	Model string `json:"model,omitempty"`
	// UUID is the card's own identity, which only its driver tells.
	UUID string `json:"uuid,omitempty"`
	// Integrated tells that the card is a part of the processor or its chipset, with no
	// memory of its own.
	Integrated bool `json:"integrated,omitempty"`

	// VRAMMiB is the memory in MiB, from the driver or, where they fix it, the IDs.
	VRAMMiB uint32 `json:"vram_mib,omitempty"`
	// VRAMUsedMiB is how much of it is taken.
	VRAMUsedMiB *uint32 `json:"vram_used_mib,omitempty"`
	// Link is the PCI Express link.
	Link Link `json:"link"`
	// NUMA is the card's memory node, -1 for none.
	NUMA int `json:"numa"`

	// Driver is the kernel's that has the card, and DriverVersion its version.
	Driver        string `json:"driver,omitempty"`
	DriverVersion string `json:"driver_version,omitempty"`
	// Nodes are the card's own device files, such as "/dev/nvidia0".
	Nodes []string `json:"nodes,omitempty"`

	// TempC and MemoryTempC are temperatures in °C.
	TempC       *int `json:"temp_c,omitempty"`
	MemoryTempC *int `json:"memory_temp_c,omitempty"`
	// FanPercent is the fan's speed in percent of its highest.
	FanPercent *int `json:"fan_percent,omitempty"`
	// PowerW and PowerLimitW are watts drawn and allowed.
	PowerW      *int `json:"power_w,omitempty"`
	PowerLimitW *int `json:"power_limit_w,omitempty"`

	// Faults are what went wrong with the card, the serious ones first.
	Faults []Fault `json:"faults,omitempty"`
	// Holders are the processes that have the card open or memory on it.
	Holders []Holder `json:"holders,omitempty"`
	// Read tells that the driver answered for this card just now.
	Read bool `json:"read"`
}

// Link is a PCI Express link as it runs and as the card could. Speeds are in millions of
// transfers per second and lane: 2500 for generation 1, 16000 for generation 4. An idle
// card runs slower than it could; a riser makes it narrower for good.
type Link struct {
	Width    int `json:"width,omitempty"`
	MaxWidth int `json:"max_width,omitempty"`
	MTs      int `json:"mt_s,omitempty"`
	MaxMTs   int `json:"max_mt_s,omitempty"`
}

// Holder is a process that has a card.
type Holder struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
	// VRAMMiB is the memory that it has on the card, where that is known.
	VRAMMiB *uint32 `json:"vram_mib,omitempty"`
	// Compute tells that it works on the card, rather than showing or watching it.
	Compute bool `json:"compute"`
}

// Fault is something that went wrong with a card.
type Fault struct {
	// Kind is the fault's name, the same for each of its occurrences: "xid-79".
	Kind string `json:"kind"`
	// Mark tells one occurrence from the others of this boot: a count, or a place in the
	// kernel's log. It grows, and begins again when a driver that counts is loaded anew.
	Mark uint64 `json:"mark"`
	// Text says what happened, for people.
	Text string `json:"text"`
	// Serious tells that no job may be given to the card; other faults are the doing of
	// a program on it.
	Serious bool `json:"serious"`
	// Present tells that the fault is there now, rather than that it once happened.
	Present bool `json:"present"`
}

// Serious are the faults that take the card out of use.
func (c *Card) Serious() []Fault {
	i := slices.IndexFunc(c.Faults, func(f Fault) bool { return !f.Serious })
	if i < 0 {
		i = len(c.Faults)
	}
	return c.Faults[:i]
}

// Name is the model, or the IDs of a card that nobody names.
func (c *Card) Name() string {
	if c.Model != "" {
		return c.Model
	}
	return "card " + c.Vendor + ":" + c.Device
}

// Is reports whether name is the card's: its UUID, or its address with or without the
// leading domain.
func (c *Card) Is(name string) bool {
	return name != "" && (strings.EqualFold(name, c.Address) || strings.EqualFold("0000:"+name, c.Address) || strings.EqualFold(name, c.UUID))
}

// fault adds one, unless a later one of its kind is known.
func (c *Card) fault(f Fault) {
	for i := range c.Faults {
		if c.Faults[i].Kind == f.Kind {
			if f.Mark > c.Faults[i].Mark {
				c.Faults[i] = f
			}
			return
		}
	}
	c.Faults = append(c.Faults, f)
	slices.SortStableFunc(c.Faults, func(a, b Fault) int {
		if a.Serious != b.Serious {
			if a.Serious {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Kind, b.Kind)
	})
}

// hold adds a holder, or what is newly known of one.
func (c *Card) hold(h Holder) {
	for i := range c.Holders {
		if old := &c.Holders[i]; old.PID == h.PID {
			old.Compute = old.Compute || h.Compute
			if h.VRAMMiB != nil && (old.VRAMMiB == nil || *h.VRAMMiB > *old.VRAMMiB) {
				old.VRAMMiB = h.VRAMMiB
			}
			return
		}
	}
	if len(c.Holders) < maxHolders {
		c.Holders = append(c.Holders, h)
	}
}

// maxHolders is how many processes of one card are listed.
const maxHolders = 64

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func ptr[T any](v T) *T { return &v }
