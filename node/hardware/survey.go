package hardware

import (
	"context"
	"os"
	"path/filepath"
)

// Survey is what was found of cards at one moment.
type Survey struct {
	Cards []Card `json:"cards"`
	// Notes say what could not be read, and what to do about it.
	Notes []string `json:"notes,omitempty"`
}

// Look finds a machine's cards: what the PCI bus tells without any driver and, where one
// is loaded, what the driver tells. It never fails: what cannot be read is in the notes.
// It takes as long as the drivers' tools do, each at most 30 s or until ctx is done.
//
// The forms of every source are those that drivers' documents and public logs show;
// no test has met a real card.
func (s Sources) Look(ctx context.Context) Survey {
	var v Survey
	if _, err := os.Stat(filepath.Join(s.Sys, "bus/pci/devices")); err != nil {
		v.Notes = append(v.Notes, "no list of PCI devices in "+s.Sys+": cards are found on Linux machines with a PCI bus only")
		return v
	}
	v.Cards = s.scanPCI()
	if len(v.Cards) == 0 {
		return v
	}
	v.Notes = append(v.Notes, s.readNVIDIA(ctx, v.Cards)...)
	v.Notes = append(v.Notes, s.readAMD(ctx, v.Cards)...)
	s.readIntel(v.Cards)
	v.Notes = append(v.Notes, s.readKernelLog(v.Cards)...)
	s.readHolders(v.Cards)
	return v
}
