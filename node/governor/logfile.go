package governor

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// logBytes is how much of a command's output is kept, twice: the newest, and what was before.
const logBytes = 1 << 20

// logFile is a file that does not grow: when it is full it becomes PATH.old.
type logFile struct {
	path string

	mu   sync.Mutex // guards what follows
	file *os.File
	size int64
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	if err := l.open(os.O_APPEND); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *logFile) open(how int) error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return fmt.Errorf("open the idle command's log: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the idle command's log: %w", err), f.Close())
	}
	l.file, l.size = f, st.Size()
	return nil
}

// Write keeps what fits. What cannot be written is lost: a full disk must not stop a miner.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := len(p)
	p = p[max(0, len(p)-logBytes):]
	if l.file != nil && l.size+int64(len(p)) > logBytes {
		l.file.Close()
		l.file = nil
		if os.Rename(l.path, l.path+".old") == nil {
			_ = l.open(os.O_TRUNC) // tried again below
		}
	}
	if l.file == nil && l.open(os.O_TRUNC) != nil {
		return all, nil
	}
	n, _ := l.file.Write(p)
	l.size += int64(n)
	return all, nil
}

// Close ends it.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
