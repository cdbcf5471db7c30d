package network

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// PeerID is the libp2p peer ID of a public key (SPEC §2.1). It holds the key
// itself, so who answers a dial is who signed.
func PeerID(pub protocol.PublicKey) (peer.ID, error) {
	k, err := crypto.UnmarshalSecp256k1PublicKey(pub[:])
	if err != nil {
		return "", fmt.Errorf("peer ID of public key: %w", err)
	}
	id, err := peer.IDFromPublicKey(k)
	if err != nil {
		return "", fmt.Errorf("peer ID of public key: %w", err)
	}
	return id, nil
}

func identity(key *protocol.Key) (crypto.PrivKey, error) {
	k, err := crypto.UnmarshalSecp256k1PrivateKey(key.Bytes())
	if err != nil {
		return nil, fmt.Errorf("libp2p identity of %s: %w", key.Address(), err)
	}
	return k, nil
}
