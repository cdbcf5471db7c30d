package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		crashWriter(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// start opens a journal and runs it until the test ends.
func start(t testing.TB, dir string, o Options) *Journal {
	t.Helper()
	j, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- j.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := errors.Join(j.Close(), <-ran); err != nil {
			t.Error(err)
		}
	})
	return j
}

func amt(n uint64) protocol.Amount { return protocol.NewAmount(n) }

// num is a hash or an address that differs for each n.
func num(n uint64) (h protocol.Hash) {
	binary.BigEndian.PutUint64(h[:], n<<32)
	h[31] = 1
	return h
}

func addr(n byte) protocol.Address { return protocol.Address{19: n} }

var domain = protocol.Domain{ChainID: 31337, Escrow: addr(9)}

// channel is one of several that differ in their payer.
func channel(n byte) protocol.Channel {
	return protocol.Channel{Payer: addr(n), Signer: addr(n), Payee: addr(100), Operator: addr(101), Token: addr(102)}
}

func funded(n uint64) protocol.ChannelState { return protocol.ChannelState{Funded: amt(n)} }

// voucher is a voucher as verified; the journal does not look at the signature.
func voucher(ch protocol.Channel, epoch uint32, cumulative uint64) protocol.SignedVoucher {
	return protocol.SignedVoucher{Voucher: protocol.Voucher{Channel: ch.ID(), Epoch: epoch, Cumulative: amt(cumulative)},
		Signature: protocol.Signature{0: 7, 8: byte(cumulative)}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
}

func wantAs[E error](t testing.TB, err error) (e E) {
	t.Helper()
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a %T", err, e)
	}
	return e
}
