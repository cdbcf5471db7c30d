package main

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
)

// usualGPUPrice is what an hour of a card costs where the miner does not say.
const usualGPUPrice = "0.25/h"

// containersOff sells WASM modules only.
const containersOff = "off"

// containersHere is how containers are held where the miner does not say.
var containersHere = func() string {
	if runtime.GOOS == "linux" {
		return node.HeldByGvisor
	}
	return containersOff
}()

// rigConfig checks the flags of what is sold.
func (u *upFlags) rigConfig(p *node.Profile) (rig *node.RigConfig, err error) {
	rig = &node.RigConfig{TickUnits: u.tick, Slots: u.slots, Queue: u.queue, MemoryMiB: u.memory, Region: u.region, CollectFactor: u.collect, MinGrace: u.minGrace}
	if rig.MinGrace == 0 && !p.Local {
		rig.MinGrace = usualGrace
	}
	switch u.held {
	case node.HeldByGvisor, node.HeldByNamespaces, node.HeldByDocker:
		rig.Containers, rig.AllowRunc = u.held, u.runc
	case containersOff, "":
	default:
		return nil, usage("--containers: gvisor, namespaces, docker or off, got %q", u.held)
	}
	if u.runc && u.held != node.HeldByDocker {
		return nil, usage("--allow-runc is for --containers docker")
	}
	if rig.AllowEgress = u.egress; len(u.egress) > 0 && rig.Containers == "" {
		return nil, usage("--allow-egress is for containers; see --containers")
	}
	switch {
	case u.minGrace < 0:
		return nil, usage("--min-grace: 1s or more, got %v", u.minGrace)
	case u.tick == 0 || u.tick > protocol.MaxTickUnits:
		return nil, usage("--tick: 1 to %d CPU milliseconds, got %d", uint64(protocol.MaxTickUnits), u.tick)
	case u.slots < 0 || u.slots > 1<<16-1:
		return nil, usage("--slots: 1 to %d, got %d", 1<<16-1, u.slots)
	case u.collect > maxCollectFactor:
		return nil, usage("--collect-factor: at most %d, got %d", maxCollectFactor, u.collect)
	case u.queue < 1:
		return nil, usage("--queue: at least 1, got %d", u.queue)
	}
	if u.payout != "" {
		if rig.Payee, err = protocol.ParseAddress(strings.ToLower(u.payout)); err != nil {
			return nil, usage("--payout: %w", err)
		}
	}
	if rig.Price, err = moneyOf(p).rate("price", u.price); err != nil {
		return nil, err
	}
	if u.gpuPrice != "off" {
		asked := u.gpuPrice
		if asked == priceAuto {
			asked = usualGPUPrice // until somebody else's is heard of
		}
		if rig.GPUPrice, err = moneyOf(p).rate("gpu-price", asked); err != nil {
			return nil, err
		}
	}
	if err := u.governor.set(rig, u.gpuPrice == priceAuto); err != nil {
		return nil, err
	}
	if u.sysroot != "" { // its tools are run from elsewhere
		if rig.Sysroot, err = filepath.Abs(u.sysroot); err != nil {
			return nil, usage("--sysroot: %w", err)
		}
	}
	if rig.Serve, err = modelsToServe(moneyOf(p), u.serve); err != nil {
		return nil, err
	}
	rig.ModelMemoryMiB = u.models
	if err := u.packConfig(rig); err != nil {
		return nil, err
	}
	for _, s := range u.simulate {
		card, err := hardware.ParseSimulated(s)
		if err != nil {
			return nil, usage("--simulate-gpu: %w", err)
		}
		rig.Simulated = append(rig.Simulated, card)
	}
	return rig, nil
}
