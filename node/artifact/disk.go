package artifact

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ipfs/go-cid"
)

// disk is the directory of a store; paths are relative to it.
type disk struct{ dir string }

const (
	filesDir   = "files"
	nodesDir   = "nodes"
	rootsDir   = "roots"
	partialDir = "partial"
	tmpDir     = "tmp"
)

func (d disk) path(rel string) string { return filepath.Join(d.dir, rel) }

func fileName(c cid.Cid) string { return filesDir + "/" + c.String() }
func nodeName(c cid.Cid) string { return nodesDir + "/" + c.String() }
func rootName(c cid.Cid) string { return rootsDir + "/" + c.String() }

func (d disk) partial(c cid.Cid) string { return d.path(partialDir + "/" + c.String()) }

// prepare makes the directories, which a power cut takes from nobody who was told that
// something lies in them, and proves that they can be written.
func (d disk) prepare() error {
	if err := os.RemoveAll(d.path(tmpDir)); err != nil {
		return err
	}
	for _, sub := range []string{filesDir, nodesDir, rootsDir, partialDir, tmpDir} {
		if err := os.MkdirAll(d.path(sub), 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{filepath.Dir(d.dir), d.dir} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return d.writeAtomic(tmpDir+"/probe", []byte("probe"), true)
}

// writeAtomic writes a whole file under its name or not at all; durable says
// whether it is on the medium when the call returns.
func (d disk) writeAtomic(rel string, data []byte, durable bool) error {
	f, err := os.CreateTemp(d.path(tmpDir), "write-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil && durable {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), d.path(rel))
	}
	if err == nil && durable {
		err = syncDir(filepath.Dir(d.path(rel)))
	}
	return err
}

func (d disk) remove(rel string) { _ = os.RemoveAll(d.path(rel)) }

// writeRoot records that a root is whole, as one line: kind, size, visibility.
func (d disk) writeRoot(r rootInfo, durable bool) error {
	seen := "private"
	if r.public {
		seen = "public"
	}
	return d.writeAtomic(rootName(r.cid), fmt.Appendf(nil, "%s %d %s\n", r.kind, r.size, seen), durable)
}

func (d disk) readRoot(name string) (rootInfo, error) {
	var r rootInfo
	b, err := readSmall(d.path(rootsDir+"/"+name), 256)
	if err != nil {
		return r, err
	}
	var seen string
	if _, err := fmt.Sscanf(string(b), "%s %d %s\n", &r.kind, &r.size, &seen); err != nil {
		return r, fmt.Errorf("root record: %w", err)
	}
	if r.cid, err = parseCID(name); err != nil {
		return r, err
	}
	r.public = seen == "public"
	return r, nil
}

// saveOrder keeps the order of use, oldest first, in the records' times.
func (d disk) saveOrder(oldestFirst []cid.Cid) {
	start := time.Now().Add(-time.Duration(len(oldestFirst)) * time.Millisecond)
	for i, c := range oldestFirst {
		at := start.Add(time.Duration(i) * time.Millisecond)
		_ = os.Chtimes(d.path(rootName(c)), at, at) // only the order of eviction hangs on it
	}
}

// readSmall reads a file that must not be longer than limit.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = &LimitError{Field: "bytes of " + filepath.Base(path), Limit: uint64(limit), Got: uint64(len(b))}
	}
	return b, err
}

// syncDir makes renames in a directory durable. Windows cannot sync one and
// does not need it.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// onDisk is what a file of n bytes counts against MaxBytes.
func onDisk(n uint64) int64 { return int64((n + 4095) &^ 4095) }
