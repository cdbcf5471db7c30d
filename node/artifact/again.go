package artifact

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"sync"

	"github.com/ipfs/go-cid"
)

// maxAdditions caps the remembered files; past it they are forgotten together.
const maxAdditions = 1024

// additions remembers what this process added from which path, so that a module
// that is run again and again is neither copied nor synced again.
type additions struct {
	mu     sync.Mutex // guards byPath; owner: additions
	byPath map[string]addition
}

// addition is a file as it was when it was added.
type addition struct {
	cid  cid.Cid
	size int64
	sum  [32]byte // SHA-256 of all its bytes
}

func (a *additions) put(path string, v addition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byPath == nil || len(a.byPath) >= maxAdditions {
		a.byPath = map[string]addition{}
	}
	a.byPath[path] = v
}

func (a *additions) get(path string) (addition, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.byPath[path]
	return v, ok
}

// again tells the CID of a file that was added from this path before and is still
// the same and still here. It reads every byte: times and sizes can deceive.
func (s *Store) again(ctx context.Context, path string, size int64) (cid.Cid, bool) {
	before, ok := s.added.get(path)
	if !ok || before.size != size {
		return cid.Undef, false
	}
	if _, ok := s.index.lookup(before.cid); !ok {
		return cid.Undef, false
	}
	f, err := os.Open(path)
	if err != nil {
		return cid.Undef, false // adding it will say why
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, readerWith(ctx, io.LimitReader(f, size+1)))
	same := err == nil && n == size && [32]byte(sum.Sum(nil)) == before.sum
	return before.cid, same
}
