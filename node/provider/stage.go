package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/protocol"
)

// staged is what a job needs, on disk and verified.
type staged struct {
	program Program
	refused error  // why the program is none
	in      string // "" without inputs
	out     string
	link    *Link // nil for a job in no private link
}

// stage fetches the module and the inputs from the requester. A session with a served
// model needs nothing: what it talks to is here.
func (s *session) stage(ctx context.Context) protocol.Event {
	if s.spec.OfServed() {
		return protocol.Staged{}
	}
	got := staged{out: s.dir}
	dirs := []string{got.out}
	if len(s.spec.Inputs) > 0 || s.ofModel() {
		got.in = s.inDir()
		dirs = append(dirs, got.in)
	}
	for _, d := range dirs {
		if err := os.Mkdir(d, 0o700); err != nil {
			return protocol.StageFailed{Reason: protocol.ReasonRigError, Detail: "the rig's disk cannot be written"}
		}
	}
	program, release, err := s.p.cfg.Programs.Fetch(ctx, s.spec, s.rec.Peer)
	switch {
	case errors.As(err, new(*RefusedError)):
		got.refused = err // the job's own end, as of a module that does not compile
	case err != nil:
		return protocol.StageFailed{Reason: protocol.ReasonStaging, Detail: protocol.ClipDetail(fmt.Sprintf("module %s: %v", s.spec.Module, err))}
	default:
		s.unpin = append(s.unpin, release)
		got.program = program
	}
	if err := s.openModule(&got.program); err != nil && got.refused == nil {
		return unplaced("module "+s.spec.Module, err)
	}
	if s.ofModel() { // it reads its module like an input
		if err := linkOrCopy(got.program.Module, filepath.Join(got.in, protocol.ModelFile)); err != nil {
			return unplaced("module "+s.spec.Module, err)
		}
		got.program.Module = ""
	}
	for _, in := range s.spec.Inputs {
		unpin := s.p.cfg.Artifacts.Pin(in.CID)
		s.unpin = append(s.unpin, unpin)
		path, err := s.p.cfg.Artifacts.Fetch(ctx, in.CID, in.Size, s.rec.Peer)
		if err != nil {
			return protocol.StageFailed{Reason: protocol.ReasonStaging, Detail: protocol.ClipDetail(fmt.Sprintf("input %s: %v", in.Name, err))}
		}
		if err := s.placeInput(in, path, got.in, unpin); err != nil {
			return unplaced("input "+in.Name, err)
		}
	}
	got.link = s.awaitLink(ctx)
	s.inputs = got // read by the loop after it has the event
	return protocol.Staged{}
}

func (s *session) ofModel() bool { return protocol.EngineFamily(s.spec.Engine) == protocol.EngineModel }

// linkOrCopy puts a read-only artifact into the job's input directory. The
// sandbox mounts it read-only, so sharing the inode is safe.
func linkOrCopy(src, dst string) error {
	if os.Link(src, dst) == nil {
		return nil
	}
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}

// resetDir empties the scratch directory an earlier run may have left.
func resetDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear job scratch %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make job scratch %s: %w", dir, err)
	}
	return nil
}
