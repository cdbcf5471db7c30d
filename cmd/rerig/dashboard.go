package main

import (
	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/dashboard"
)

// dashboardFlags say where the owner's page is.
type dashboardFlags struct{ listen string }

func (d *dashboardFlags) register(f *pflag.FlagSet) {
	f.StringVar(&d.listen, "dashboard", node.DashboardAuto, "`address` of this node's page, 127.0.0.1:8485; auto is that or another free port of this machine alone; beyond it the page asks for the token in dashboard.token of the data directory; off for none")
}

func (d *dashboardFlags) set(cfg *node.Config) error {
	switch d.listen {
	case "off":
		return nil
	case node.DashboardAuto:
	default:
		if _, err := dashboard.Address(d.listen); err != nil {
			return usage("--dashboard: auto, off or %w", err)
		}
	}
	cfg.Dashboard = d.listen
	return nil
}
