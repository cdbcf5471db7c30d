//go:build linux

package main

import (
	"net/netip"
	"os"
	"time"

	"gvisor.dev/gvisor/pkg/metric"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/runsc/config"
)

// A kernel goes on sending what a process had written to its connections when it ended.
// gVisor's ends with the job's last process, and its connections with it, so that the other
// side sees them break. It calls nobody in between, but it does read its metrics for the last
// time, where it is told to, when all processes have ended and their files are closed: this
// metric takes until what they had sent has arrived.
const (
	drainMetric = "/rerig/drained"
	drainTime   = 30 * time.Second
	drainLook   = 5 * time.Millisecond
)

func init() {
	metric.MustRegisterCustomUint64Metric(drainMetric, metric.Uint64Metadata{
		Description: "1 if all that the job sent has arrived."}, func(...*metric.FieldValue) uint64 {
		if drain(drainTime) {
			return 1
		}
		return 0
	})
}

// drained has gVisor's kernel wait for the connections of a job that has an interface.
func drained(conf *config.Config) { conf.FinalMetricsLog = os.DevNull }

// drain waits until what closed connections had to send has arrived at the other machine.
func drain(most time.Duration) bool {
	for begun := time.Now(); ; time.Sleep(drainLook) {
		if !sending() {
			return true
		}
		if time.Since(begun) > most {
			return false
		}
	}
}

// sending tells whether a connection that its process has closed, to another machine, still
// has something to send, or its end.
func sending() bool {
	for _, e := range tcpip.GetDanglingEndpoints() {
		if _, ok := e.(*tcp.Endpoint); !ok {
			continue
		}
		switch tcp.EndpointState(e.State()) {
		case tcp.StateEstablished, tcp.StateCloseWait, tcp.StateFinWait1, tcp.StateClosing, tcp.StateLastAck:
		default:
			continue
		}
		far, err := e.GetRemoteAddress()
		if err != nil {
			continue
		}
		if ip, ok := netip.AddrFromSlice(far.Addr.AsSlice()); ok && !ip.Unmap().IsLoopback() {
			return true
		}
	}
	return false
}
