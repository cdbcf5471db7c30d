package artifact

import (
	"encoding/binary"
	"testing"
)

// BenchmarkFetchSmall is a new input of 100 bytes between two warm peers.
func BenchmarkFetchSmall(b *testing.B) { benchFetch(b, 100) }

// BenchmarkFetchLarge is a new input of 30 MiB between two warm peers.
func BenchmarkFetchLarge(b *testing.B) { benchFetch(b, 30<<20) }

func benchFetch(b *testing.B, size int) {
	has, asks := pair(b)
	data := noise(size, 9)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		binary.LittleEndian.PutUint64(data, uint64(i))
		c := addBytes(b, has.Store, data)
		if err := has.Share(c, asks.host.ID()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := asks.Fetch(b.Context(), c, uint64(size), From(has.host.ID())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFetchCached is a module that was fetched before.
func BenchmarkFetchCached(b *testing.B) {
	s := startNode(b, Config{})
	c := addBytes(b, s.Store, noise(4<<20, 9))
	for b.Loop() {
		if _, err := s.Fetch(b.Context(), c, 4<<20, Sources{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddSmall is a new input of 100 bytes, synced to the disk.
func BenchmarkAddSmall(b *testing.B) {
	s := startNode(b, Config{})
	data := noise(100, 9)
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(data, uint64(i))
		addBytes(b, s.Store, data)
	}
}
