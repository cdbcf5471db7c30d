package treasury

import (
	"context"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Book is the journal as the treasury needs it. What the chain says of a channel goes
// in by SetInChannel and SetOutChannel where nobody may have written meanwhile, by
// Follow where somebody may (kept is false then), and by Rewind where the chain went
// back behind the book.
type Book interface {
	InChannels(ctx context.Context) ([]protocol.InChannel, error)
	OutChannels(ctx context.Context) ([]protocol.OutChannel, error)
	InChannel(ctx context.Context, id protocol.Hash) (protocol.InChannel, error)
	OutChannel(ctx context.Context, id protocol.Hash) (protocol.OutChannel, error)
	SetInChannel(ctx context.Context, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error
	SetOutChannel(ctx context.Context, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error
	Follow(ctx context.Context, role protocol.Role, d protocol.Domain, c protocol.Channel, was, st protocol.ChannelState) (kept bool, err error)
	Rewind(ctx context.Context, role protocol.Role, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error
	// Books is everything about channels as of one moment.
	Books(ctx context.Context) (protocol.Books, error)
	// SentTxs are all transactions of a sender on a chain, by nonce.
	SentTxs(ctx context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error)
}

// Chain is the chain as one key of the node sees it and sends to it.
type Chain interface {
	View
	History
	Purse
}

// Head is the newest block seen. Reorgs counts how often blocks seen before were gone.
type Head struct {
	Number uint64
	Time   time.Time
	Reorgs uint64
}

// View is what channels are now.
type View interface {
	Online() bool
	// News has something whenever the chain has; one reader, the watcher.
	News() <-chan struct{}
	Head() Head
	Channel(ctx context.Context, c protocol.Channel) (protocol.ChannelState, error)
	// Channels are states as of a block, or the newest for 0.
	Channels(ctx context.Context, list []protocol.Channel, head uint64) ([]protocol.ChannelState, error)
	// Touched is which channels blocks have events of; all is true where it cannot tell.
	Touched(ctx context.Context, ids []protocol.Hash, from, to uint64) (changed map[protocol.Hash]bool, all bool, err error)
}

// History is what the chain has of the past.
type History interface {
	Past(ctx context.Context, owners []protocol.Address, from uint64) (*protocol.Past, error)
	PositionAt(ctx context.Context, owner protocol.Address, block uint64) (protocol.Position, error)
	ChannelAt(ctx context.Context, c protocol.Channel, block uint64) (protocol.ChannelState, error)
	Mined(ctx context.Context, tx protocol.Hash) (protocol.Tx, error)
	// ValueOf is the wei that a signed transaction moves besides its fee.
	ValueOf(raw []byte) (protocol.Amount, error)
}

// Purse sends transactions of one key. Each method returns when what it sent is final.
type Purse interface {
	Address() protocol.Address
	Balances(ctx context.Context, owner protocol.Address) (protocol.Balances, error)
	Spendable(ctx context.Context) (protocol.Amount, error)
	// Landed waits for what is on its way into a channel, and then is its state.
	Landed(ctx context.Context, c protocol.Channel) (protocol.ChannelState, error)
	Fund(ctx context.Context, c protocol.Channel, amount protocol.Amount) (protocol.Tx, protocol.ChannelState, error)
	RedeemFee(ctx context.Context, list []protocol.Redemption) (wei protocol.Amount, err error)
	Redeem(ctx context.Context, list []protocol.Redemption) ([]protocol.Tx, error)
	CloseByPayee(ctx context.Context, c protocol.Channel, best protocol.SignedVoucher) (protocol.Tx, error)
	RequestClose(ctx context.Context, c protocol.Channel) (protocol.Tx, error)
	FinalizeClose(ctx context.Context, c protocol.Channel) (protocol.Tx, error)
	Withdraw(ctx context.Context, to protocol.Address, amount protocol.Amount) (protocol.Tx, error)
	// Quiet waits until no transaction of the given kinds is under way.
	Quiet(ctx context.Context, kinds ...string) error
}
