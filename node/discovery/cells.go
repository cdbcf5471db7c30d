package discovery

import (
	"github.com/libp2p/go-libp2p-kbucket"

	"github.com/rerig/rerig/protocol"
)

// cell is one key of the index: a VRAM class under one salt.
type cell struct {
	class  int
	salt   uint8
	key    protocol.Hash
	target kbucket.ID // where the key lies among peers
}

// cells is every cell of a network. The epoch seed is zero and there is one shard
// until admission is switched on (SPEC §4.3). It never changes.
type cells struct {
	list  [][salts]cell // by class
	byKey map[protocol.Hash]*cell
}

func newCells(network string) *cells {
	c := &cells{list: make([][salts]cell, len(protocol.VRAMClasses)), byKey: make(map[protocol.Hash]*cell)}
	for class := range c.list {
		for salt := range c.list[class] {
			key := protocol.CellKey(network, protocol.Hash{}, class, 0, uint8(salt))
			c.list[class][salt] = cell{
				class: class, salt: uint8(salt), key: key, target: kbucket.ConvertKey(string(key[:])),
			}
			c.byKey[key] = &c.list[class][salt]
		}
	}
	return c
}
