package main

import (
	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/metrics"
)

// metricsFlags are those of what `rerig up` tells to programs that watch it.
type metricsFlags struct{ listen string }

func (m *metricsFlags) register(f *pflag.FlagSet) {
	f.StringVar(&m.listen, "metrics", "", "`address` that tells Prometheus /metrics, /healthz and /readyz, such as 127.0.0.1:9464; a port alone is the loopback address's. Whoever reaches another address reads what the rig does and earns (default none)")
}

// set checks the address.
func (m *metricsFlags) set(cfg *node.Config) (err error) {
	if m.listen == "" {
		return nil
	}
	if cfg.Metrics, err = metrics.Address(m.listen); err != nil {
		return usage("--metrics: %w", err)
	}
	return nil
}
