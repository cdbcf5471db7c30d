package seal

import (
	"crypto/cipher"
	"fmt"
	"io"
	"sync"
)

// ReaderAt reads parts of a sealed file; each read opens the chunks that it touches and
// no other. It is safe for concurrent use.
type ReaderAt struct {
	in     io.ReaderAt
	aead   cipher.AEAD
	size   int64
	sealed int64
	chunks uint64

	mu   sync.Mutex // guards what follows; owner: ReaderAt
	have bool
	n    uint64 // the chunk opened last
	last []byte
}

// NewReaderAt begins to read the sealed file in, of so many bytes.
func NewReaderAt(key Key, in io.ReaderAt, sealed int64) (*ReaderAt, error) {
	plain, err := PlainSize(uint64(max(sealed, 0)))
	if err != nil {
		return nil, err
	}
	salt := make([]byte, SaltBytes)
	if n, err := in.ReadAt(salt, 0); n < len(salt) {
		return nil, fmt.Errorf("read sealed content: %w", err)
	}
	aead, err := fileAEAD(key, salt)
	if err != nil {
		return nil, err
	}
	chunks := uint64(max(1, (sealed+ChunkBytes-1)/ChunkBytes))
	return &ReaderAt{in: in, aead: aead, size: int64(plain), sealed: sealed, chunks: chunks}, nil
}

// Size is the size of what the file holds, in bytes. The last chunk proves it, when it
// is read.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt reads len(p) bytes from off on; fewer, with io.EOF, only at the end. An error
// other than that is ErrOpen or the underlying reader's.
func (r *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d: before the beginning", off)
	}
	done := 0
	for done < len(p) && off < r.size {
		n, begin := place(off)
		plain, err := r.chunk(n)
		if err != nil {
			return done, err
		}
		k := copy(p[done:], plain[off-begin:])
		done += k
		off += int64(k)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// place is the chunk that holds a byte, and where that chunk begins.
func place(off int64) (chunk uint64, begin int64) {
	first := int64(plainLen(0))
	if off < first {
		return 0, 0
	}
	n := (off - first) / plainBytes
	return uint64(n) + 1, first + n*plainBytes
}

func (r *ReaderAt) chunk(n uint64) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.have && r.n == n {
		return r.last, nil
	}
	from, to := int64(n)*ChunkBytes, min(int64(n+1)*ChunkBytes, r.sealed)
	if n == 0 {
		from = SaltBytes
	}
	buf := make([]byte, to-from)
	if k, err := r.in.ReadAt(buf, from); k < len(buf) {
		return nil, fmt.Errorf("read sealed content: %w", err)
	}
	plain, err := r.aead.Open(buf[:0], nonce(n, n+1 == r.chunks), buf, nil)
	if err != nil {
		return nil, ErrOpen
	}
	r.have, r.n, r.last = true, n, plain
	return plain, nil
}
