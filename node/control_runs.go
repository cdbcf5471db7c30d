package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/protocol/seal"
)

// Defaults of a run's limits.
const (
	defaultRunMillis   = 10 * 60 * 1000
	defaultStdoutBytes = 16 << 20
	defaultOutputBytes = 256 << 20
	defaultOutputFiles = 256
	maxListed          = 200
)

// submit adds the files to the store and starts buying.
func (c *control) submit(r *http.Request) (any, error) {
	var req RunRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	order, err := c.n.order(r.Context(), &req)
	if err != nil {
		return nil, err
	}
	run, err := c.n.requester.Submit(*order)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil { // nobody would ever hear of it
		run.Stop()
		return nil, err
	}
	st, _ := run.Status()
	return st, nil
}

// sealFor says what of a job is sealed, and draws its key.
func sealFor(req *RunRequest, spec *protocol.JobSpec) (protocol.JobKey, error) {
	if !req.Public {
		spec.Sealed |= protocol.SealedFiles
	}
	if req.Private {
		if req.Public {
			return nil, &protocol.FieldError{Field: "private", Limit: "not together with public"}
		}
		if protocol.EngineFamily(spec.Engine) == protocol.EngineContainer {
			return nil, &protocol.FieldError{Field: "private", Limit: "a module; an image's layers are shared with others, and travel as they are"}
		}
		spec.Sealed |= protocol.SealedModule
	}
	if spec.Sealed == 0 {
		return nil, nil
	}
	key := seal.NewKey()
	return key[:], nil
}

// addFile keeps a file, sealed with the job's key or as it is.
func (n *Node) addFile(ctx context.Context, path string, sealed bool, key protocol.JobKey) (cid string, size uint64, err error) {
	if sealed {
		return n.artifacts.AddSealed(ctx, path, seal.Key(key))
	}
	return n.artifacts.AddFile(ctx, path)
}

// runs lists what this node bought, newest first: the runs of this process as
// they are, older ones from the journal.
func (c *control) runs(r *http.Request) (any, error) {
	list := []RunStatus{}
	seen := map[protocol.Hash]bool{}
	for _, run := range c.n.requester.Runs() {
		st, _ := run.Status()
		list, seen[st.ID] = append(list, st), true
	}
	recs, err := c.n.journal.Records(r.Context(), journal.Query{Role: protocol.RoleRequester, Limit: maxListed})
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		if !seen[rec.Run] { // the newest attempt comes first and stands for the run
			st := c.n.pastRun(rec)
			if st.Group, st.Index, _, err = c.n.journal.MemberOf(r.Context(), rec.Run); err != nil {
				return nil, err
			}
			list, seen[rec.Run] = append(list, st), true
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Created > list[j].Created })
	return list, nil
}

// pastRun is a run of an earlier process, from its last attempt's record.
func (n *Node) pastRun(rec protocol.Record) RunStatus {
	j := rec.Job
	if j.ID == rec.Run { // it hired nobody
		j.ID = protocol.Hash{}
	}
	kind := protocol.KindTask
	if spec, err := protocol.DecodeSpec(rec.Spec); err == nil {
		kind = spec.Kind
	}
	return RunStatus{ID: rec.Run, Job: j.ID, Name: rec.Name, Kind: kind, State: j.State, Ended: j.Ended, Reason: j.Reason,
		Detail: j.Detail, ExitCode: j.ExitCode, Rig: rec.Agreement.Rig, Peer: rec.Peer, Price: j.Price, Units: j.Units,
		Spent: j.Paid, Budget: j.MaxTotal, Attempt: int(rec.Attempt), Outputs: rec.Outputs,
		Dir: n.requester.RunDir(rec.Run), Created: rec.Created}
}

// find resolves a run by the hex prefix of its ID or of one of its jobs.
func (c *control) find(ctx context.Context, prefix string) (*requester.Run, RunStatus, error) {
	if id, err := protocol.ParseHash(prefix); err == nil { // a whole ID needs no search
		if run := c.n.requester.Get(id); run != nil {
			st, _ := run.Status()
			return run, st, nil
		}
	}
	digits := strings.TrimPrefix(prefix, "0x")
	var live *requester.Run
	for _, run := range c.n.requester.Runs() {
		st, _ := run.Status()
		if len(digits) >= 4 && (strings.HasPrefix(st.ID.String()[2:], digits) || strings.HasPrefix(st.Job.String()[2:], digits)) {
			if live != nil {
				return nil, RunStatus{}, fmt.Errorf("%q means several runs; give more digits", prefix)
			}
			live = run
		}
	}
	if live != nil {
		st, _ := live.Status()
		return live, st, nil
	}
	rec, err := c.n.journal.Find(ctx, protocol.RoleRequester, prefix)
	if err != nil {
		return nil, RunStatus{}, fmt.Errorf("run %q: %w; `rerig ps -a` lists them", prefix, err)
	}
	st, _, err := c.n.runOf(ctx, rec.Run)
	return nil, st, err
}

func (c *control) run1(r *http.Request) (any, error) {
	_, st, err := c.find(r.Context(), r.PathValue("id"))
	return st, err
}

func (c *control) stopRun(r *http.Request) (any, error) {
	run, st, err := c.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if run != nil {
		run.Stop()
	}
	return st, nil
}

// events streams a run as lines of JSON: its output from the beginning, and its
// status at every change, until it has ended (or, with ?follow=0, until what is
// there was sent). A slow reader holds nothing up: it reads the run's files.
func (c *control) events(w http.ResponseWriter, r *http.Request) {
	run, st, err := c.find(r.Context(), r.PathValue("id"))
	if err != nil {
		c.answer(w, r, func(*http.Request) (any, error) { return nil, err })
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	f := &follower{enc: json.NewEncoder(w), flush: http.NewResponseController(w)}
	defer f.close()
	left := r.Context().Done()
	for {
		var changed <-chan struct{}
		if run != nil {
			st, changed = run.Status()
			f.rewind(run)
		}
		if f.send(&st) != nil || st.Ended || run == nil || r.FormValue("follow") == "0" {
			return
		}
		select {
		case <-changed:
		case <-left:
			if !c.ending() {
				return
			}
			left = nil // the node ends the run, and then the follower is told
		}
	}
}

// follower sends one client what it has not seen.
type follower struct {
	enc   *json.Encoder
	flush *http.ResponseController
	files [2]*os.File
	seen  int // of the run's Rewound
	last  string
}

// rewind goes back to where another attempt's output differs from what was sent: nothing
// of the output that stays is left out.
func (f *follower) rewind(run *requester.Run) {
	for _, cut := range run.Rewound(f.seen) {
		f.seen++
		file := f.files[cut.FD-1]
		if file == nil {
			continue
		}
		if at, err := file.Seek(0, io.SeekCurrent); err == nil && at > cut.At {
			_, _ = file.Seek(cut.At, io.SeekStart) // of a file that is open it cannot fail
		}
	}
}

// send writes new output before the status, so that the end comes last.
func (f *follower) send(st *RunStatus) error {
	buf := make([]byte, protocol.MaxOutputChunk)
	for i, name := range []string{"stdout", "stderr"} {
		if f.files[i] == nil {
			f.files[i], _ = os.Open(filepath.Join(st.Dir, name)) // it is there once something was written
		}
		for file := f.files[i]; file != nil; {
			n, err := file.Read(buf)
			if n > 0 {
				if err := f.enc.Encode(Event{FD: i + 1, Data: buf[:n]}); err != nil {
					return err
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
	}
	now := fmt.Sprint(st.State, st.Ended, st.Units, st.Spent, st.Attempt, st.Rig)
	if now != f.last {
		f.last = now
		if err := f.enc.Encode(Event{Status: st}); err != nil {
			return err
		}
	}
	return f.flush.Flush()
}

func (f *follower) close() {
	for _, file := range f.files {
		if file != nil {
			_ = file.Close() // only read
		}
	}
}

// jobs lists what this node ran for others, newest first.
func (c *control) jobs(r *http.Request) (any, error) {
	recs, err := c.n.journal.Records(r.Context(), journal.Query{Role: protocol.RoleRig, Limit: maxListed})
	if recs == nil {
		recs = []protocol.Record{}
	}
	return recs, err
}

// job shows the papers of one job, of either side.
func (c *control) job(r *http.Request) (any, error) {
	var rec protocol.Record
	var err error
	for _, role := range []protocol.Role{protocol.RoleRequester, protocol.RoleRig} {
		if rec, err = c.n.journal.Find(r.Context(), role, r.PathValue("id")); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("job %q: %w; `rerig ps -a` lists them", r.PathValue("id"), err)
	}
	spec, err := protocol.DecodeSpec(rec.Spec)
	return JobView{Record: rec, Spec: spec}, err
}

func (c *control) stopJob(r *http.Request) (any, error) {
	rec, err := c.n.journal.Find(r.Context(), protocol.RoleRig, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if c.n.rig == nil || !c.n.rig.provider.Stop(rec.Job.ID) {
		return nil, fmt.Errorf("job %s is not running here", rec.Job.ID.Short())
	}
	return struct{}{}, nil
}
