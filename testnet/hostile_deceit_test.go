package testnet_test

import (
	"strings"

	"github.com/rerig/rerig/protocol"
)

// quoting makes a case of a spoilt quote: the requester hires the honest rig.
func quoting(change func(*fraud, *protocol.Quote)) deceit {
	return deceit{does: func(fr *fraud) {
		if fr.quote(func(q *protocol.Quote) { change(fr, q) }, fr.c.key) {
			fr.hangUp()
		}
	}}
}

var badQuotes = map[string]deceit{
	"quote above the offer":   quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Price.PerMillion = protocol.NewAmount(crookPrice + 1) }),
	"quote in another unit":   quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Price.Unit = protocol.UnitGPUMillis }),
	"quote for another spec":  quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.SpecHash[0] ^= 1 }),
	"quote for more money":    quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.MaxTotal = protocol.NewAmount(10 * jobBudget) }),
	"quote with longer ticks": quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.TickUnits = crookMostTick + 1 }),
	"quote for another payee": quoting(func(fr *fraud, q *protocol.Quote) {
		q.Channel.Payee[0] ^= 1
		q.Agreement.Channel = q.Channel.ID()
	}),
	"quote for another channel": quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Channel[0] ^= 1 }),
	"quote on another chain":    quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Domain.ChainID++ }),
	"quote for another rig":     quoting(func(fr *fraud, q *protocol.Quote) { q.Agreement.Rig = fr.c.f.rig.Node.Address() }),
	"quote of another request":  quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Nonce[0] ^= 1 }),
	"quote that has run out": quoting(func(_ *fraud, q *protocol.Quote) {
		q.Agreement.QuotedAt -= 61_000
		q.Agreement.AcceptBy -= 61_000
	}),
	"quote with a reserved field": quoting(func(_ *fraud, q *protocol.Quote) { q.Agreement.Tier = 1 }),
	"quote by another key": {does: func(fr *fraud) {
		if key, err := protocol.NewKey(); err == nil && fr.quote(nil, key) {
			fr.hangUp()
		}
	}},
	"garbage for a quote": {does: func(fr *fraud) { _ = fr.st.Send(&protocol.Settled{}); fr.hangUp() }},
	"hangs up at once":    {does: func(fr *fraud) {}},
}

// billing makes a case of a spoilt receipt after two honest ticks.
func billing(change func(*fraud, *protocol.Receipt)) deceit {
	return deceit{ticks: 2, reason: protocol.ReasonBadReceipt, does: func(fr *fraud) {
		if !fr.running() || !fr.output("0000\n") || !fr.tick() || !fr.output("0001\n") || !fr.tick() {
			return
		}
		r := fr.receipt(fieldTick)
		change(fr, &r)
		if fr.send(r, fr.c.key) {
			fr.hangUp()
		}
	}}
}

var badReceipts = map[string]deceit{
	"receipt repeated":         billing(func(fr *fraud, r *protocol.Receipt) { *r = fr.last }),
	"receipt skipped":          billing(func(_ *fraud, r *protocol.Receipt) { r.Seq++ }),
	"receipt unchained":        billing(func(_ *fraud, r *protocol.Receipt) { r.Prev = protocol.Hash{} }),
	"receipt of another job":   billing(func(_ *fraud, r *protocol.Receipt) { r.Job[0] ^= 1 }),
	"receipt over two ticks":   billing(func(_ *fraud, r *protocol.Receipt) { r.Units += fieldTick }),
	"receipt over nothing":     billing(func(_ *fraud, r *protocol.Receipt) { r.Units -= fieldTick }),
	"receipt over less":        billing(func(_ *fraud, r *protocol.Receipt) { r.Units = 1 }),
	"receipt for other output": billing(func(_ *fraud, r *protocol.Receipt) { r.Output[0] ^= 1 }),
	"receipt that is final":    billing(func(_ *fraud, r *protocol.Receipt) { r.Final = true }),
	"receipt by another key": {ticks: 1, reason: protocol.ReasonBadReceipt, does: func(fr *fraud) {
		if key, err := protocol.NewKey(); err == nil && fr.running() && fr.tick() && fr.send(fr.receipt(fieldTick), key) {
			fr.hangUp()
		}
	}},
	"receipt over more than the time allows": {reason: protocol.ReasonBadReceipt, does: func(fr *fraud) {
		long := func(q *protocol.Quote) { q.Agreement.TickUnits = crookMostTick }
		if !fr.quote(long, fr.c.key) {
			return
		}
		if _, err := fr.st.Recv(); err == nil && fr.status(protocol.StateRunning) && fr.send(fr.receipt(jobBudget*1_000_000/crookPrice), fr.c.key) {
			fr.hangUp()
		}
	}},
}

// ending makes a case of a spoilt result after one honest tick.
func ending(reason protocol.Reason, change func(*protocol.Result)) deceit {
	return deceit{ticks: 1, reason: reason, does: func(fr *fraud) {
		if fr.running() && fr.output("0000\n0001\n0002\nand more\n") && fr.tick() && fr.result(1, change, fr.c.key) {
			fr.hangUp()
		}
	}}
}

const nobodys = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"

var badResults = map[string]deceit{
	"result with another root":            ending(protocol.ReasonBadReceipt, func(m *protocol.Result) { m.Receipt.Output[0] ^= 1 }),
	"result over two ticks":               ending(protocol.ReasonBadReceipt, func(m *protocol.Result) { m.Receipt.Units += fieldTick }),
	"result unchained":                    ending(protocol.ReasonBadReceipt, func(m *protocol.Result) { m.Receipt.Prev[0] ^= 1 }),
	"result with outputs it did not sign": ending(protocol.ReasonBadReceipt, func(m *protocol.Result) { m.Outputs, m.Size = nobodys, 5 }),
	"result with outputs nobody has": ending(protocol.ReasonBadResult, func(m *protocol.Result) {
		m.Outputs, m.Size = nobodys, 5
		m.Receipt.Output = protocol.ResultRoot(m.Stream, nobodys)
	}),
	"result twice": {ticks: 1, reason: protocol.ReasonMalformed, or: protocol.ReasonBadResult, does: func(fr *fraud) {
		spoil := func(m *protocol.Result) {
			m.Outputs, m.Size = nobodys, 5
			m.Receipt.Output = protocol.ResultRoot(m.Stream, nobodys)
		}
		if fr.running() && fr.tick() && fr.result(1, spoil, fr.c.key) && fr.result(1, spoil, fr.c.key) {
			fr.hangUp()
		}
	}},
	"result before the job runs": {reason: protocol.ReasonMalformed, does: func(fr *fraud) {
		if fr.accepted() && fr.result(1, nil, fr.c.key) {
			fr.hangUp()
		}
	}},
}

// misbehaving makes a case of what a running rig does after one honest tick.
func misbehaving(reason protocol.Reason, does func(*fraud)) deceit {
	return deceit{ticks: 1, reason: reason, does: func(fr *fraud) {
		if fr.running() && fr.output("0000\n") && fr.tick() {
			does(fr)
		}
	}}
}

// leaves ends a stream in good order.
func leaves(fr *fraud) { _ = fr.st.Close() }

// sends makes a case of a message out of place.
func sends(m protocol.Message) deceit {
	return misbehaving(protocol.ReasonMalformed, func(fr *fraud) {
		if fr.st.Send(m) == nil {
			fr.hangUp()
		}
	})
}

var badManners = map[string]deceit{
	"status going backwards":   sends(&protocol.Status{State: protocol.StateQueued}),
	"status of the end":        sends(&protocol.Status{State: protocol.StateSettled}),
	"settled without a result": sends(&protocol.Settled{}),
	"a stop from a rig":        sends(&protocol.Stop{}),
	"a request from a rig":     sends(&protocol.QuoteRequest{Payer: protocol.Address{1}, Signer: protocol.Address{1}, Unit: protocol.UnitCPUMillis}),
	"an empty chunk":           sends(&protocol.Output{FD: 1}),
	"blames the program": misbehaving(protocol.ReasonRigError, func(fr *fraud) {
		_ = fr.st.Send(&protocol.Status{State: protocol.StateFailed, Reason: protocol.ReasonTrap})
		fr.hangUp()
	}),
	"blames the user": misbehaving(protocol.ReasonRigError, func(fr *fraud) {
		_ = fr.st.Send(&protocol.Status{State: protocol.StateCancelled, Reason: protocol.ReasonStopped})
		fr.hangUp()
	}),
	"fails for no reason": misbehaving(protocol.ReasonRigError, func(fr *fraud) { _ = fr.st.Send(&protocol.Status{State: protocol.StateFailed}); fr.hangUp() }),
	"output without end": misbehaving(protocol.ReasonMalformed, func(fr *fraud) {
		page := strings.Repeat("x", protocol.MaxOutputChunk)
		for fr.output(page) {
		}
	}),
	"output before it runs": {reason: protocol.ReasonMalformed, does: func(fr *fraud) {
		if fr.accepted() && fr.output("0000\n") {
			fr.hangUp()
		}
	}},
	"receipt before it runs": {reason: protocol.ReasonMalformed, does: func(fr *fraud) {
		if fr.accepted() && fr.send(fr.receipt(fieldTick), fr.c.key) {
			fr.hangUp()
		}
	}},
	"leaves after the accept": {reason: protocol.ReasonPeerLost, does: func(fr *fraud) {
		if fr.accepted() {
			leaves(fr)
		}
	}},
	"leaves while queued": {reason: protocol.ReasonPeerLost, does: func(fr *fraud) {
		if fr.accepted() && fr.status(protocol.StateQueued) {
			leaves(fr)
		}
	}},
	"leaves while staging": {reason: protocol.ReasonPeerLost, does: func(fr *fraud) {
		if fr.accepted() && fr.status(protocol.StateStaging) {
			leaves(fr)
		}
	}},
	"leaves while running": misbehaving(protocol.ReasonPeerLost, leaves),
	"resets while running": misbehaving(protocol.ReasonPeerLost, func(*fraud) {}),
	"leaves with a bill": {ticks: 2, reason: protocol.ReasonPeerLost, does: func(fr *fraud) {
		if fr.running() && fr.tick() && fr.tick() {
			leaves(fr)
		}
	}},
}
