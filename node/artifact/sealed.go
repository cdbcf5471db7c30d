package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/protocol/seal"
)

// AddSealed copies a plain file into the store, sealed with a job's key, and returns the
// CID and the size of what it keeps: the plaintext is never in the store. The copy is on
// the medium when it returns.
func (s *Store) AddSealed(ctx context.Context, path string, key seal.Key) (string, uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("add sealed file: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", 0, fmt.Errorf("add sealed file: %w", err)
	}
	if !st.Mode().IsRegular() {
		return "", 0, fmt.Errorf("add %s: it is no plain file (%s); name a plain file", path, st.Mode().Type())
	}
	c, size, err := s.addSealed(ctx, atMost(f, st.Size()), uint64(st.Size()), key)
	if err != nil {
		return "", 0, fmt.Errorf("add %s: %w", path, err)
	}
	return c, size, nil
}

// addSealed keeps what r has, at most so many bytes, as one sealed file.
func (s *Store) addSealed(ctx context.Context, r io.Reader, most uint64, key seal.Key) (string, uint64, error) {
	sealed, err := seal.NewSealer(key, r)
	if err != nil {
		return "", 0, err
	}
	b := s.newBatch()
	defer b.discard()
	if err := b.reserve(seal.Size(most), 1); err != nil {
		return "", 0, err
	}
	n, err := b.file(ctx, sealed)
	if err == nil {
		err = b.commit(ctx, n.Cid(), kindFile)
	}
	if err != nil {
		return "", 0, err
	}
	return n.Cid().String(), b.bytes, nil
}

// AddSealedDir is AddDir of a directory that is packed into one file and sealed with a
// job's key, so that neither bytes nor names are told. It returns the bytes of all files
// of the directory, as AddDir does.
func (s *Store) AddSealedDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int, key seal.Key) (string, uint64, error) {
	top, err := os.OpenRoot(dir)
	if err != nil {
		return "", 0, fmt.Errorf("add sealed directory: %w", err)
	}
	defer top.Close()
	bytes, files, err := survey(top, maxBytes, maxFiles)
	if err != nil {
		return "", 0, fmt.Errorf("add sealed directory %s: %w", dir, err)
	}
	r, w := io.Pipe()
	packed := make(chan struct{}) // closed by the packer
	go func() {
		defer close(packed)
		_ = w.CloseWithError(pack(w, top)) // the reader is told
	}()
	c, _, err := s.addSealed(ctx, r, packedBytes(bytes, files), key)
	_ = r.Close() // ends the packer
	<-packed
	if err != nil {
		return "", 0, fmt.Errorf("add sealed directory %s: %w", dir, err)
	}
	return c, bytes, nil
}

// FetchSealedDir is FetchDir of what AddSealedDir made. The sealed file stays in the
// store; Remove it when the key has had its use.
//
// Errors are those of Fetch; seal.ErrOpen for another job's content.
func (s *Store) FetchSealedDir(ctx context.Context, root, dest string, limitBytes uint64, limitFiles int, from Sources, key seal.Key) error {
	dest, err := filepath.Abs(dest)
	if err != nil {
		return fmt.Errorf("fetch sealed directory: %w", err)
	}
	defer s.Pin(root)()
	path, err := s.Fetch(ctx, root, seal.Size(packedBytes(limitBytes, limitFiles)), from)
	if err != nil {
		return err
	}
	unlock, err := s.busy.lock(ctx, dest)
	if err != nil {
		return fmt.Errorf("fetch sealed directory %s: %w", root, err)
	}
	defer unlock()
	if err := checkVacant(dest); err != nil {
		return fmt.Errorf("fetch sealed directory %s: %w", root, err)
	}
	part := filepath.Join(filepath.Dir(dest), "."+filepath.Base(dest)+".sealed.part")
	err = errors.Join(os.RemoveAll(part), os.Mkdir(part, 0o755))
	if err == nil {
		err = unpackSealed(ctx, path, part, limitBytes, limitFiles, key)
	}
	if err == nil {
		err = replace(part, dest)
	}
	if err != nil {
		_ = os.RemoveAll(part)
		return fmt.Errorf("fetch sealed directory %s: %w", root, err)
	}
	return nil
}

func unpackSealed(ctx context.Context, path, part string, limitBytes uint64, limitFiles int, key seal.Key) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := seal.NewOpener(key, readerWith(ctx, f))
	if err != nil {
		return err
	}
	top, err := os.OpenRoot(part)
	if err != nil {
		return err
	}
	defer top.Close()
	if err := unpack(r, top, limitBytes, limitFiles); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // the end is authentic too
	return err
}
