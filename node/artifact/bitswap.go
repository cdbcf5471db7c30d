package artifact

import (
	"context"
	"errors"
	"os"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// bsnetProtocols are the standard bitswap IDs, without a prefix of ours.
var bsnetProtocols = []protocol.ID{
	bsnet.ProtocolBitswap, bsnet.ProtocolBitswapOneOne,
	bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers,
}

// receiver hands what bitswap's network delivers to both sides.
type receiver struct {
	wants  *wants
	engine *server.Server
}

func (r *receiver) ReceiveMessage(ctx context.Context, from peer.ID, m bsmsg.BitSwapMessage) {
	r.wants.receive(from, m)
	r.engine.ReceiveMessage(ctx, from, m)
}

func (r *receiver) ReceiveError(err error)  { r.engine.ReceiveError(err) }
func (r *receiver) PeerConnected(p peer.ID) { r.engine.PeerConnected(p) }
func (r *receiver) PeerDisconnected(p peer.ID) {
	r.wants.disconnected(p)
	r.engine.PeerDisconnected(p)
}

// servedBlocks shows the index to bitswap's server, which only reads.
type servedBlocks Store

var errReadOnly = errors.New("artifact: content comes in by Add and Fetch only")

// Has tells whether the block is part of a root.
func (s *servedBlocks) Has(_ context.Context, c cid.Cid) (bool, error) {
	_, _, _, ok := s.index.find(c)
	return ok, nil
}

// GetSize is the size of the block in bytes.
func (s *servedBlocks) GetSize(_ context.Context, c cid.Cid) (int, error) {
	_, _, size, ok := s.index.find(c)
	if !ok {
		return -1, format.ErrNotFound{Cid: c}
	}
	return size, nil
}

// Get reads the block and checks it against its CID. The peer is told that a
// block gone bad is not here, so that it does not wait for it.
func (s *servedBlocks) Get(_ context.Context, c cid.Cid) (blocks.Block, error) {
	data, err := (*Store)(s).readBlock(c)
	if errors.Is(err, ErrNotFound) {
		return nil, format.ErrNotFound{Cid: c}
	}
	if err != nil {
		s.cfg.Logger.Warn("a block on disk cannot be read; remove its root and add it again", "cid", c.String(), "err", err)
		return nil, format.ErrNotFound{Cid: c}
	}
	return blocks.NewBlockWithCid(data, c)
}

// Put is refused.
func (s *servedBlocks) Put(context.Context, blocks.Block) error { return errReadOnly }

// PutMany is refused.
func (s *servedBlocks) PutMany(context.Context, []blocks.Block) error { return errReadOnly }

// DeleteBlock is refused.
func (s *servedBlocks) DeleteBlock(context.Context, cid.Cid) error { return errReadOnly }

// AllKeysChan is refused: nothing here announces what it keeps.
func (s *servedBlocks) AllKeysChan(context.Context) (<-chan cid.Cid, error) { return nil, errReadOnly }

// readBlock returns the bytes of a kept block, checked against its CID.
func (s *Store) readBlock(c cid.Cid) ([]byte, error) {
	name, off, size, ok := s.index.find(c)
	if !ok {
		return nil, ErrNotFound
	}
	f, err := os.Open(s.disk.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotFound // evicted meanwhile, or deleted behind our back
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	if n, err := f.ReadAt(data, off); n < size {
		return nil, errors.Join(ErrCorrupt, err)
	}
	return data, checkHash(c, data)
}
