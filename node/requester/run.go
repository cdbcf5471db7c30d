package requester

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Status is a run as its user sees it.
type Status struct {
	ID       protocol.Hash    `json:"id"`
	Job      protocol.Hash    `json:"job"`             // of the present attempt
	Group    protocol.Hash    `json:"group,omitzero"`  // that it was bought with; zero is none
	Index    int              `json:"index,omitempty"` // in the group
	Name     string           `json:"name"`
	Kind     protocol.Kind    `json:"kind"`
	State    protocol.State   `json:"state"` // "quoted" while rigs are being asked
	Ended    bool             `json:"ended"`
	Reason   protocol.Reason  `json:"reason,omitempty"`
	Detail   string           `json:"detail,omitempty"`
	ExitCode uint32           `json:"exit_code"`
	Rig      protocol.Address `json:"rig"`
	Peer     string           `json:"peer,omitempty"`
	Price    protocol.Price   `json:"price"`
	Units    uint64           `json:"units"`
	// Delivered is how many units the user of a session with a served model has had, by
	// its own word.
	Delivered  uint64               `json:"delivered,omitempty"`
	Spent      protocol.Amount      `json:"spent"` // promised by vouchers, all attempts
	Budget     protocol.Amount      `json:"budget"`
	Attempt    int                  `json:"attempt"`
	Tried      []string             `json:"tried,omitempty"` // why earlier rigs failed
	Skipped    []protocol.SkipCount `json:"skipped,omitempty"`
	Outputs    string               `json:"outputs,omitempty"` // CID
	Dir        string               `json:"dir"`
	Created    uint64               `json:"created"`        // unix milliseconds
	Micros     map[string]int64     `json:"micros"`         // time spent per phase
	Gang       *Place               `json:"gang,omitempty"` // nil where it runs alone
	OutBytes   int64                `json:"stdout_bytes"`
	ErrBytes   int64                `json:"stderr_bytes"`
	Checkpoint uint64               `json:"checkpoint,omitempty"` // when the newest was kept, unix milliseconds
}

// Succeeded reports whether the program ran to its end and the result is here, or for a
// service whether it ran until it was stopped.
func (s *Status) Succeeded() bool {
	return s.Ended && (s.Reason == protocol.ReasonNone || s.Kind == protocol.KindService && s.Reason == protocol.ReasonStopped) &&
		(s.State == protocol.StateSettled || s.State == protocol.StateVerified)
}

// maxTried caps the list of failed attempts in a Status.
const maxTried = 17

// Run is one order on its way through one or more rigs. Followers read its files
// and wait on Changed.
type Run struct {
	id    protocol.Hash
	order Order
	dir   string
	stop  chan struct{} // closed by Stop
	once  sync.Once
	ended chan struct{} // closed by finish

	mu      sync.Mutex // guards what follows; owner: Run
	status  Status
	changed chan struct{} // closed and replaced at every change
	mark    time.Time     // start of the phase under way
	files   [2]*os.File   // stdout, stderr; nil before the first byte
	dirty   bool          // a power cut may take something of what was written
	rewound []Rewound     // in their order
	replay  [2]int64      // bytes of this attempt already seen, while it repeats an earlier one
	told    chan struct{} // closed and replaced when more was delivered
}

func newRun(o Order, dir string, now time.Time) (*Run, error) {
	r := &Run{order: o, stop: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{}),
		told: make(chan struct{}), mark: now}
	if r.id = o.Run; r.id.IsZero() {
		if _, err := rand.Read(r.id[:]); err != nil {
			return nil, fmt.Errorf("draw run ID: %w", err)
		}
	}
	r.dir = runDir(dir, r.id)
	r.status = Status{ID: r.id, Group: o.Group, Index: o.Index, Name: o.Name, Kind: o.Spec.Kind, State: protocol.StateQuoted, Budget: o.Budget, Dir: r.dir,
		Created: uint64(now.UnixMilli()), Micros: map[string]int64{}}
	return r, nil
}

// ID is the run's ID; its jobs (attempts) have their own.
func (r *Run) ID() protocol.Hash { return r.id }

// Status is a copy of the present state and the channel that is closed when it
// changes next.
func (r *Run) Status() (Status, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Micros = make(map[string]int64, len(r.status.Micros))
	for k, v := range r.status.Micros {
		s.Micros[k] = v
	}
	return s, r.changed
}

// Stop asks for the end of the run. What was done by then is paid for.
func (r *Run) Stop() { r.once.Do(func() { close(r.stop) }) }

// Ended is closed when the run has ended.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// Path of the stdout (1) or stderr (2) file, which is there once something was written.
func (r *Run) Path(fd int) string {
	return filepath.Join(r.dir, []string{"stdout", "stderr"}[fd-1])
}

// update changes the status and wakes the followers.
func (r *Run) update(f func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.status)
	close(r.changed)
	r.changed = make(chan struct{})
}

// phase books the time since the last call under a name.
func (r *Run) phase(name string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Micros[name] += now.Sub(r.mark).Microseconds()
	r.mark = now
}

// begin prepares the files for another attempt: what it repeats is not shown twice.
func (r *Run) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replay = [2]int64{}
}

// file opens a log. Most runs write to one of them or none, and a directory costs as
// much as a good part of a short job.
func (r *Run) file(fd uint8) (*os.File, error) {
	i := int(fd) - 1
	r.dirty = true
	if r.files[i] != nil {
		return r.files[i], nil
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	f, err := os.OpenFile(r.Path(int(fd)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make run log: %w", err)
	}
	r.files[i] = f
	return f, nil
}

// write appends output. While an attempt repeats an earlier one it is compared
// with what is there; where it differs, the file starts over from there.
func (r *Run) write(fd uint8, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := int(fd) - 1
	f, err := r.file(fd)
	if err != nil {
		return err
	}
	at := r.replay[i]
	size := &r.status.OutBytes
	if fd == 2 {
		size = &r.status.ErrBytes
	}
	if at < *size {
		old := make([]byte, min(int64(len(data)), *size-at))
		if _, err := f.ReadAt(old, at); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read run log: %w", err)
		}
		if !bytes.Equal(old, data[:len(old)]) {
			if err := r.rewind(i, at); err != nil {
				return err
			}
			*size = at
		}
	}
	if end := at + int64(len(data)); end > *size {
		skip := *size - at
		if _, err := f.WriteAt(data[skip:], *size); err != nil {
			return fmt.Errorf("write run log: %w", err)
		}
		*size = end
	}
	r.replay[i] = at + int64(len(data))
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// rewind cuts a log off; the caller holds mu.
func (r *Run) rewind(i int, at int64) error {
	if err := r.files[i].Truncate(at); err != nil {
		return fmt.Errorf("rewind run log: %w", err)
	}
	if r.rewound = append(r.rewound, Rewound{FD: i + 1, At: at}); len(r.rewound) > maxRewound {
		return errors.New("the rigs' outputs differ in too many places")
	}
	return nil
}

// Rewound says that what followed a byte of an output is another attempt's from there on.
type Rewound struct {
	FD int   // 1 stdout, 2 stderr
	At int64 // bytes from the beginning
}

// maxRewound is more than all attempts of a run can make: each differs once from what was
// before, and is cut off once.
const maxRewound = 4 * maxTried

// Rewound lists what became of the outputs after the first seen entries.
func (r *Run) Rewound(seen int) []Rewound {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rewound[min(seen, len(r.rewound)):])
}

// trim cuts off what an earlier attempt wrote beyond the output of this one.
func (r *Run) trim() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, size := range []*int64{&r.status.OutBytes, &r.status.ErrBytes} {
		if r.replay[i] == *size {
			continue
		}
		r.dirty = true
		if err := r.rewind(i, r.replay[i]); err != nil {
			return err
		}
		*size = r.replay[i]
	}
	return nil
}

// directory makes the run's directory, for output files.
func (r *Run) directory() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = true
	return os.MkdirAll(r.dir, 0o700)
}

// sync makes durable what was written so far: it was paid for (SPEC §6.6). A run that
// wrote nothing costs nothing.
func (r *Run) sync() error {
	r.mu.Lock()
	files, dirty := r.files, r.dirty
	r.dirty = false
	r.mu.Unlock()
	if !dirty {
		return nil
	}
	var errs [4]error // all at once, which the disk makes one write of
	var work sync.WaitGroup
	for i, f := range files {
		if f != nil {
			work.Go(func() { errs[i] = f.Sync() })
		}
	}
	work.Go(func() { errs[2] = syncDir(r.dir) })
	work.Go(func() { errs[3] = syncDir(filepath.Dir(r.dir)) })
	work.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("keep the run's output: %w", err)
	}
	return nil
}

// syncDir makes the names in a directory durable. Windows cannot, and need not.
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

// finish closes the files and publishes the end.
func (r *Run) finish(f func(*Status)) {
	r.mu.Lock()
	r.closeFiles()
	r.mu.Unlock()
	failed := false
	r.update(func(s *Status) {
		f(s)
		s.Ended = true
		failed = r.order.gang.ending(s)
	})
	close(r.ended)
	if failed {
		r.order.gang.stop()
	}
}

func (r *Run) closeFiles() {
	for i, f := range r.files {
		if f != nil {
			_ = f.Close() // every byte was written with WriteAt; nothing is buffered
			r.files[i] = nil
		}
	}
}
