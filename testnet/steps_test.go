package testnet_test

import (
	"context"

	"github.com/rerig/rerig/node"
)

// do runs lines of a script for a test in Go, which ends when one fails.
func (w *world) do(lines ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), scenarioTime)
	defer cancel()
	for _, line := range lines {
		if err := w.command(ctx, line); err != nil {
			w.t.Fatalf("%q: %v\n%s\nlog:\n%s", line, err, w.out, w.logs.tail())
		}
	}
}

// end is close for a test's end.
func (w *world) end() {
	if err := w.close(); err != nil {
		w.t.Errorf("end of the network: %v", err)
	}
}

// bought is how a small run ends, once its buyer has found a rig.
func (w *world) bought(name, by, budget string) *node.RunStatus {
	w.t.Helper()
	w.do("ready "+by+" 1", "submit "+name+" by="+by+" args=print,x budget="+budget, "wait "+name+" ended")
	st, err := w.member(by).client.Run(w.t.Context(), w.runs[name].id)
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// sees waits until a member knows the newest block, and says what it knows then.
func (w *world) sees(m *member) (info *node.Info) {
	w.t.Helper()
	within(w.t, m.name+" sees the newest block", scenarioTime, func() (ok bool, err error) {
		info, err = m.client.Info(w.t.Context())
		return err == nil && info.Chain.Head >= w.net().Chain.Height(), err
	})
	return info
}
