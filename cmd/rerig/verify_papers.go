package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/protocol"
)

// papers checks what was signed and what it was signed for (SPEC §7.8).
func (v *verdict) papers(ctx context.Context, m money, st *node.RunStatus, job *node.JobView) {
	rec, a := &job.Record, &job.Agreement
	v.add("agreement", checkAgreement(job), "%s, signed by the rig %s and by %s", rec.Job.ID.Short(), a.Rig, a.Requester)
	evidence, err := readEvidence(st)
	if err != nil {
		v.add("evidence", err, "")
	}
	n, err := checkReceipts(rec, evidence)
	v.add("receipts", err, "%d in a chain, the last one over %s and exit code %d", n+1, unitsOf(rec.Job.Price.Unit, rec.Receipt.Units), rec.Receipt.ExitCode)
	v.add("money", checkMoney(m, rec), "%s for it, of which %s is paid by vouchers, of at most %s", m.text(rec.Job.Due), m.text(rec.Job.Paid), m.text(a.MaxTotal))
	v.add("commitment", checkCommitment(rec), "the last receipt names the output stream and the files %s", yesNo(rec.Outputs == "", "(none)", rec.Outputs))
	v.add("output", checkStream(rec, evidence, st), "%d bytes of standard output and %d of error are what it names", st.OutBytes, st.ErrBytes)
	v.add("files", checkFiles(ctx, rec, job.Spec, st), "%d files here are what came", len(outputFiles(st.Dir)))
}

func checkAgreement(job *node.JobView) error {
	rec, a := &job.Record, &job.Agreement
	if id := a.ID(); id != rec.Job.ID {
		return fmt.Errorf("the agreement is of job %s, not %s", id, rec.Job.ID)
	}
	sum, err := protocol.SpecCID(mustEncode(job.Spec))
	if err != nil {
		return err
	}
	if !bytes.Equal(a.SpecHash[:], sum.Hash()[len(sum.Hash())-32:]) || sum.String() != rec.SpecCID {
		return fmt.Errorf("the agreement is not for the spec %s", sum)
	}
	if rec.Channel.ID() != a.Channel || rec.Channel.Operator != a.Rig {
		return errors.New("the agreement is paid through another channel")
	}
	if _, err := protocol.CheckSignature("rig's signature", a.ID(), rec.RigSig, a.Rig); err != nil {
		return err
	}
	_, err = protocol.CheckSignature("requester's signature", a.ID(), rec.PayerSig, a.Requester)
	return err
}

// mustEncode is the spec as it was signed; one that does not encode hashes to nothing signed.
func mustEncode(spec *protocol.JobSpec) []byte {
	b, err := protocol.Encode(spec)
	if err != nil {
		return nil
	}
	return b
}

// readEvidence is what lies beside the run's output; none is an empty one.
func readEvidence(st *node.RunStatus) (*protocol.Evidence, error) {
	none := &protocol.Evidence{Job: st.Job}
	f, err := os.Open(filepath.Join(st.Dir, "evidence"))
	if errors.Is(err, os.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	defer f.Close()
	e, err := protocol.ReadEvidence(f)
	if err != nil {
		return none, &cannotTell{"what was kept to check it by is damaged: " + err.Error()}
	}
	return e, nil
}

func checkReceipts(rec *protocol.Record, e *protocol.Evidence) (n int, err error) {
	r, a := &rec.Receipt, &rec.Agreement
	if rec.Job.Seq == 0 || r.Seq == 0 {
		return 0, &cannotTell{"the rig signed no receipt for this job, and was paid for none"}
	}
	if _, err := protocol.CheckSignature("the last receipt's signature", r.Digest(a.Domain), rec.RcptSig, a.Rig); err != nil {
		return 0, err
	}
	switch {
	case r.Job != rec.Job.ID:
		return 0, fmt.Errorf("the last receipt is of job %s", r.Job)
	case r.Units != rec.Job.Units || r.Final && r.ExitCode != rec.Job.ExitCode:
		return 0, fmt.Errorf("the last receipt is over %s and exit code %d, the record says %s and %d",
			unitsOf(a.Price.Unit, r.Units), r.ExitCode, unitsOf(a.Price.Unit, rec.Job.Units), rec.Job.ExitCode)
	case !r.Final:
		return 0, &cannotTell{"the job ended without a result: its last receipt is not a final one"}
	}
	if e.Job == rec.Job.ID && len(e.Receipts) == 0 && r.Seq > 1 {
		return 0, &cannotTell{fmt.Sprintf("the %d receipts before the last were not kept", r.Seq-1)}
	}
	return e.CheckChain(a, rec.Job.ID, r)
}

func checkMoney(m money, rec *protocol.Record) error {
	due, err := rec.Agreement.Price.Cost(rec.Receipt.Units)
	switch {
	case err != nil:
		return err
	case due != rec.Job.Due:
		return fmt.Errorf("the receipts come to %s, the record says %s", m.text(due), m.text(rec.Job.Due))
	case due.Less(rec.Job.Paid) || rec.Agreement.MaxTotal.Less(rec.Job.Paid):
		return fmt.Errorf("%s was paid for %s of work, of at most %s", m.text(rec.Job.Paid), m.text(due), m.text(rec.Agreement.MaxTotal))
	}
	return nil
}

func checkCommitment(rec *protocol.Record) error {
	switch {
	case !rec.Receipt.Final:
		return &cannotTell{"without a result nothing is committed to"}
	case rec.Stream.IsZero():
		return &cannotTell{"this record is of an earlier version, which did not keep the stream's hash"}
	case protocol.ResultRoot(rec.Stream, rec.Outputs) != rec.Receipt.Output:
		return errors.New("the last receipt names another output stream, or other files")
	}
	return nil
}

// checkStream makes the output stream's hash again from the files.
func checkStream(rec *protocol.Record, e *protocol.Evidence, st *node.RunStatus) error {
	if rec.Stream.IsZero() || !rec.Receipt.Final {
		return &cannotTell{"nothing was kept to hold the output to"}
	}
	if e.Short {
		return &cannotTell{"the output came in more chunks than are kept"}
	}
	var streams [2]io.Reader
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.Open(filepath.Join(st.Dir, name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			streams[i] = bytes.NewReader(nil)
			continue
		case err != nil:
			return err
		}
		defer f.Close()
		streams[i] = f
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if i == 0 {
			st.OutBytes = info.Size()
		} else {
			st.ErrBytes = info.Size()
		}
	}
	if e.Job != rec.Job.ID || len(e.Chunks) == 0 && st.OutBytes+st.ErrBytes > 0 {
		return &cannotTell{"how the output came in chunks was not kept, or is lost"}
	}
	sum, err := e.Stream(streams[0], streams[1])
	if err != nil {
		return err
	}
	if sum != rec.Stream {
		return errors.New("standard output or error is not what the rig signed for")
	}
	return nil
}

// checkFiles names the output files again.
func checkFiles(ctx context.Context, rec *protocol.Record, spec *protocol.JobSpec, st *node.RunStatus) error {
	want := rec.Outputs
	if rec.Files != "" {
		want = rec.Files
	}
	switch {
	case want == "" && len(outputFiles(st.Dir)) > 0:
		return errors.New("there are files here, and the job left none")
	case want == "":
		return nil
	case rec.Files == "" && spec.Sealed.Has(protocol.SealedFiles):
		return &cannotTell{"the files came sealed, and this record is of an earlier version, which did not keep what they were"}
	}
	got, err := artifact.DirCID(ctx, filepath.Join(st.Dir, "out"), spec.Limits.OutputBytes, int(spec.Limits.OutputFiles))
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("they are %s here, and were %s", got, want)
	}
	return nil
}
