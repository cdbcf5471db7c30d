package provider

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/protocol/seal"
)

// checkKey holds an accept to its spec: a key comes exactly where something is sealed.
func checkKey(spec *protocol.JobSpec, acc *protocol.Accept) error {
	if (spec.Sealed != 0) != (len(acc.JobKey) != 0) {
		return refuse(protocol.ReasonMalformed, "the spec has sealed %d, the accept a key of %d bytes", spec.Sealed, len(acc.JobKey))
	}
	return nil
}

// moduleFile is where a sealed module is opened; it goes with the job.
func (s *session) moduleFile() string { return s.dir + "-module" }

// openModule opens a sealed module beside the job's scratch.
func (s *session) openModule(p *Program) error {
	if !s.spec.Sealed.Has(protocol.SealedModule) {
		return nil
	}
	if err := openSealed(p.Module, s.moduleFile(), s.key); err != nil {
		return err
	}
	p.Module = s.moduleFile()
	return nil
}

// placeInput brings one fetched input to the job's input directory. Of a sealed one the
// sealed form goes at once: nobody else can read it.
func (s *session) placeInput(in protocol.Input, path, dir string, unpin func()) error {
	dst := filepath.Join(dir, in.Name)
	if !s.spec.Sealed.Has(protocol.SealedFiles) {
		return linkOrCopy(path, dst)
	}
	if err := openSealed(path, dst, s.key); err != nil {
		return err
	}
	unpin()
	if err := s.p.cfg.Artifacts.Remove(in.CID); err != nil {
		s.log.Debug("sealed input kept until there is no room", "err", err)
	}
	return nil
}

// openSealed writes what a sealed file holds to dst, which must not exist.
func openSealed(src, dst string, key protocol.JobKey) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := seal.NewOpener(seal.Key(key), in)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Close())
}

// unplaced says why something fetched is not where the job reads it.
func unplaced(what string, err error) protocol.StageFailed {
	if errors.Is(err, seal.ErrOpen) {
		return protocol.StageFailed{Reason: protocol.ReasonStaging, Detail: protocol.ClipDetail(fmt.Sprintf("%s: %v", what, seal.ErrOpen))}
	}
	return protocol.StageFailed{Reason: protocol.ReasonRigError, Detail: "the rig's disk cannot be written"}
}
