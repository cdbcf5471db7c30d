package gguf

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// memory is a file that lies in memory as a whole.
type memory []byte

// ReadAt copies from the file.
func (m memory) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at > int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Open reads the header of a model file and keeps the file mapped into memory
// until Close, so that processes share its pages; where the system cannot map,
// each tensor is read when it is asked for. Nobody may shorten the file meanwhile:
// the process that then touches a lost page dies.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("gguf: %s is not a regular file", path)
	}
	var r io.ReaderAt = file
	end := file.Close
	if mapped, unmap, err := mapFile(file, info.Size()); err == nil {
		file.Close()
		r, end = mapped, unmap
	}
	f, err := Read(r, info.Size())
	if err != nil {
		return nil, errors.Join(err, end())
	}
	f.close = end
	return f, nil
}

// Close gives back what Open holds; tensors that Raw returned in place are gone
// with it.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}
