//go:build linux

package main

import (
	"testing"

	"gvisor.dev/gvisor/runsc/config"
)

// TestCardsProxied checks that a job with cards gets the proxy of exactly its driver, for
// computing only, and one without gets none.
func TestCardsProxied(t *testing.T) {
	var with, without config.Config
	proxyCards(&with, "550.90.12")
	proxyCards(&without, "")
	if !with.NVProxy || with.NVProxyDriverVersion != "550.90.12" || with.NVProxyAllowedDriverCapabilities != "compute,utility" ||
		with.NVProxyAllowUnsupportedDriver || with.NVProxyDocker || without.NVProxy {
		t.Errorf("with a card %+v, without %v", with, without.NVProxy)
	}
}
