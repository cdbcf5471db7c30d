package image

import (
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// decompress reads a layer's tar.
func decompress(d v1.Descriptor, r io.Reader) (io.ReadCloser, error) {
	packed, err := compressionOf(d.MediaType)
	if err != nil {
		return nil, err
	}
	switch packed {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, bad("layer %s: %w", d.Digest, err)
		}
		return z, nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, bad("layer %s: %w", d.Digest, err)
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// tarStream is a layer's tar as it comes: counted, hashed and capped.
type tarStream struct {
	ctx    context.Context
	r      io.Reader
	sum    hash.Hash
	budget *budget
}

func (t *tarStream) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.r.Read(p)
	t.sum.Write(p[:n])
	if all := t.budget.bytes.Add(int64(n)); all > t.budget.limits.Bytes {
		return n, over("bytes unpacked", t.budget.limits.Bytes, all)
	}
	if err != nil && !errors.Is(err, io.EOF) && !isOurs(err) {
		err = bad("%w", err)
	}
	return n, err
}

// isOurs tells an error of this machine from one of the image.
func isOurs(err error) bool {
	var path *os.PathError
	var b *BadImageError
	return errors.As(err, &path) || errors.As(err, &b) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// finish reads what follows the tar's end and compares the whole with its diff ID.
func (t *tarStream) finish(want v1.Hash) error {
	if _, err := io.Copy(io.Discard, t); err != nil {
		return err
	}
	if got := hex.EncodeToString(t.sum.Sum(nil)); got != want.Hex {
		return bad("unpacked it has the digest sha256:%s, and its config says %s", got, want)
	}
	return nil
}
