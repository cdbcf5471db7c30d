package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
)

// TestRigMayBeAwayForADay holds the default of SPEC §7.7: where the money is real a
// rig may be away for a day unless its miner says otherwise.
func TestRigMayBeAwayForADay(t *testing.T) {
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("a passphrase"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		local     bool
		min, want time.Duration
	}{{false, 0, 24 * time.Hour}, {false, time.Hour, time.Hour}, {true, 0, 0}, {true, time.Hour, time.Hour}} {
		a := &app{dataDir: t.TempDir(), passphraseFile: pass}
		u := &upFlags{price: "0.05/h", tick: 1000, queue: 64, minGrace: c.min, gpuPrice: "off", dash: dashboardFlags{listen: "off"}}
		cfg, err := a.upConfig(u, &node.Profile{Name: "n", TokenSymbol: "USDC", TokenDecimals: 6, Local: c.local}, true)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Rig.MinGrace != c.want {
			t.Errorf("local %v, --min-grace %v: %v, want %v", c.local, c.min, cfg.Rig.MinGrace, c.want)
		}
	}
}
