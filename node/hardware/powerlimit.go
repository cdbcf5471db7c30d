package hardware

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// maxLimitW is more than any card's power limit, in watts.
const maxLimitW = 2000

// SetPowerLimit has a card draw so many watts at most, until the machine restarts or the limit
// is set again: NVIDIA's by nvidia-smi -pl, AMD's by hwmon's power1_cap. It needs root. What a
// card does not take its driver refuses, and says which limits it does.
//
// Unproven: no test has met a real card; the tool and the file are played.
func (s Sources) SetPowerLimit(ctx context.Context, c *Card, watts int) error {
	if watts < 1 || watts > maxLimitW {
		return fmt.Errorf("power limit of card %s: 1 to %d W, got %d", c.Address, maxLimitW, watts)
	}
	var err error
	switch {
	case c.Vendor == VendorNVIDIA && c.Driver == "nvidia":
		err = s.limitNVIDIA(ctx, c, watts)
	case c.Vendor == VendorAMD && c.Driver == "amdgpu":
		err = s.limitAMD(c, watts)
	default:
		err = errors.New("its driver takes none")
	}
	if err != nil {
		return fmt.Errorf("power limit of card %s: %w", c.Address, err)
	}
	return nil
}

func (s Sources) limitNVIDIA(ctx context.Context, c *Card, watts int) error {
	tool := s.findTool("nvidia-smi")
	if tool == "" {
		return errors.New("nvidia-smi is not installed")
	}
	_, err := s.tool(ctx, tool, "-i", c.Address, "-pl", strconv.Itoa(watts))
	return err
}

func (s Sources) limitAMD(c *Card, watts int) error {
	base := s.pciDir(c.Address) + "/hwmon"
	for _, name := range names(base) {
		path := base + "/" + name + "/power1_cap"
		if _, err := os.Stat(path); err != nil {
			continue
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(strconv.Itoa(watts) + "000000\n") // microwatts
		return errors.Join(err, f.Close())
	}
	return errors.New("its driver shows no power1_cap")
}
