package testnet_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// market: NAME [maxprice=T] [vram=MIB] [memory=MIB] [cpus=N] [region=R] [engine=E].
func (w *world) market(ctx context.Context, a arguments) error {
	f := protocol.Filter{Region: a.set["region"], Engine: a.set["engine"]}
	var err error
	for k, v := range a.set {
		switch k {
		case "maxprice":
			f.Unit = protocol.UnitCPUMillis
			f.MaxPrice, err = protocol.ParseUnits(v, 6)
		case "vram":
			err = number(v, &f.MinVRAMMiB)
		case "memory":
			err = number(v, &f.MinMemMiB)
		case "cpus":
			err = number(v, &f.MinCores)
		}
		if err != nil {
			return err
		}
	}
	reply, err := w.member(a.names[0]).client.Market(ctx, f)
	if err != nil {
		return err
	}
	for _, o := range reply.Offers {
		channel := ""
		if o.Channel {
			channel = ", channel open"
		}
		w.printf("offer of %s: %s per million ms, %d slots%s", w.nameOf(o.Rig), o.Prices[0].PerMillion.Units(6), o.Slots, channel)
	}
	slices.SortFunc(reply.Skipped, func(x, y protocol.SkipCount) int { return strings.Compare(string(x.Reason), string(y.Reason)) })
	for _, s := range reply.Skipped {
		w.printf("%d× %s", s.Count, s.Reason)
	}
	if len(reply.Offers)+len(reply.Skipped) == 0 {
		w.printf("nothing")
	}
	return nil
}

// info: NAME shows how it sees the chain.
func (w *world) info(ctx context.Context, a arguments) error {
	info, err := w.member(a.names[0]).client.Info(ctx)
	if err != nil {
		return err
	}
	chain := "away"
	if info.Chain.Online {
		chain = "there"
	}
	for _, a := range info.Chain.Alarms {
		chain += ", alarm " + a.Kind
	}
	w.printf("%s: chain %s", a.names[0], chain)
	return nil
}

// busy: RIG shows its slots.
func (w *world) busy(ctx context.Context, a arguments) error {
	info, err := w.member(a.names[0]).client.Info(ctx)
	if err != nil {
		return err
	}
	w.printf("%s: %d of %d slots free, %d jobs", a.names[0], info.Rig.FreeSlots, info.Rig.Slots, info.Rig.Active)
	return nil
}

// until: NAME active=N, free=N, online=BOOL, alarms=N, pending=TXS, owed=TOKENS or
// has=TOKENS waits until it is so. A rig never has more free slots than slots.
func (w *world) until(ctx context.Context, a arguments) error {
	m := w.member(a.names[0])
	return poll(ctx, func() (bool, error) {
		info, err := m.client.Info(ctx)
		if err != nil {
			return false, err
		}
		got := map[string]string{"online": strconv.FormatBool(info.Chain.Online), "alarms": strconv.Itoa(len(info.Chain.Alarms))}
		if r := info.Rig; r != nil {
			got["active"], got["free"], got["owed"] = strconv.Itoa(r.Active), strconv.Itoa(r.FreeSlots), r.Promised.Units(6)
			if r.FreeSlots < 0 || r.FreeSlots > r.Slots {
				return false, fmt.Errorf("%d of %d slots free", r.FreeSlots, r.Slots)
			}
		}
		if a.set["pending"] != "" {
			h, err := m.client.History(ctx)
			if err != nil {
				return false, err
			}
			waiting := 0
			for _, tx := range h.Txs {
				if tx.Status == protocol.TxPending {
					waiting++
				}
			}
			got["pending"] = strconv.Itoa(waiting)
		}
		if a.set["has"] != "" {
			b, err := newBooks(m.net)
			if err != nil {
				return false, err
			}
			has, err := b.has(ctx, m.key.Address())
			if err != nil {
				return false, err
			}
			got["has"] = has.Units(6)
		}
		for k, v := range a.set {
			if got[k] != v {
				return false, nil
			}
		}
		return true, nil
	})
}

// collect: RIG redeems what it holds.
func (w *world) collect(ctx context.Context, a arguments) error {
	got, err := w.member(a.names[0]).client.Collect(ctx)
	if err != nil {
		w.printf("%s: %v", a.names[0], err)
		return nil
	}
	w.printf("%s collects with %d transactions", a.names[0], len(got.Txs))
	return nil
}

// close: REQUESTER asks for its idle channels' money.
func (w *world) closeChannels(ctx context.Context, a arguments) error {
	got, err := w.member(a.names[0]).client.CloseChannel(ctx, protocol.Hash{})
	if err != nil {
		w.printf("%s: %v", a.names[0], err)
		return nil
	}
	w.printf("%s asks for the close of %d channels", a.names[0], len(got.Txs))
	return nil
}

// balances: what members have gained, and what is locked in channels, in tokens.
func (w *world) balances(ctx context.Context, a arguments) error {
	b, err := newBooks(w.net())
	if err != nil {
		return err
	}
	for _, m := range w.members {
		if m.net != w.net() || len(a.names) > 0 && !slices.Contains(a.names, m.name) {
			continue
		}
		has, err := b.has(ctx, m.key.Address())
		if err != nil {
			return err
		}
		gain := "+" + has.Minus(m.wealth).Units(6)
		if has.Less(m.wealth) {
			gain = "-" + m.wealth.Minus(has).Units(6)
		}
		w.printf("%s: %s", m.name, gain)
	}
	if len(a.names) == 0 {
		locked, err := b.locked(ctx, w.members)
		if err != nil {
			return err
		}
		w.printf("in channels: %s", locked.Units(6))
	}
	return nil
}

// txs: NAME lists its transactions, oldest first.
func (w *world) txs(ctx context.Context, a arguments) error {
	h, err := w.member(a.names[0]).client.History(ctx)
	if err != nil {
		return err
	}
	var kinds []string
	for _, tx := range slices.Backward(h.Txs) {
		kind := tx.Kind
		if tx.Status != protocol.TxConfirmed {
			kind += "(" + string(tx.Status) + ")"
		}
		kinds = append(kinds, kind)
	}
	w.printf("%s: %d transactions: %s", a.names[0], len(h.Txs), strings.Join(kinds, " "))
	return nil
}
