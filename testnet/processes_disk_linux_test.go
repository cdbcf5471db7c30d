package testnet_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// A node whose disk takes nothing more stops work, loses no money and says whose fault
// it is; once there is room its journal is as if there had always been (SPEC §6.6).
func TestFullDisk(t *testing.T) {
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(s *scene, disk string)
	}{
		{"of a rig in a job", diskFullInJob},
		{"of a requester in a job", diskOfRequester},
		{"of a rig read-only", diskReadOnly},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			disk := smallDisk(t) // before the scene, which looks at it as it ends
			one.play(newScene(t, binary), disk)
		})
	}
}

// smallDisk is a directory with a file system of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96m,mode=700"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// rigOn is a rig that has its data directory there.
func (s *scene) rigOn(disk, name string) *member {
	s.t.Helper()
	return s.move(s.rig(name), disk)
}

// move gives a member its data directory there, before it is first started.
func (s *scene) move(m *member, disk string) *member {
	s.t.Helper()
	m.config.DataDir = disk
	s.must(node.WriteKey(filepath.Join(disk, "key.json"), m.key, ""))
	return m
}

// fill leaves no room on a member's disk; the function it returns makes some.
func (s *scene) fill(m *member) (empty func()) {
	s.t.Helper()
	path := filepath.Join(m.config.DataDir, "artifacts", "ballast")
	f, err := os.Create(path)
	s.must(err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 16 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, io.ErrShortWrite) {
			s.t.Fatal(err)
		}
	}
	return func() { s.must(os.Remove(path)) }
}

// diskFullInJob: the rig cannot keep a voucher, so it does not work on for it; it has
// what it kept, the requester is out by a tick at most, and no job is taken until
// there is room.
func diskFullInJob(s *scene, disk string) {
	alice, bob, carol := s.rigOn(disk, "alice"), s.buyer("bob"), s.buyer("carol")
	rig := s.up(alice)
	s.onMarket(alice)
	s.small(bob, "print", "before")(protocol.StateSettled)
	end := s.small(bob, "loop")
	s.ticks(bob, 2)
	empty := s.fill(alice)
	if st := end(protocol.StateFailed); st.Reason != protocol.ReasonRigError {
		s.t.Errorf("the job under way ends with %s: %s", st.Reason, st.Detail)
	}
	rig.says("no space left", "free some disk space")
	s.idle(alice)

	st := s.small(carol, "print", "while it is full")(protocol.StateRejected)
	if !st.Spent.IsZero() || st.Reason != protocol.ReasonRigError {
		s.t.Errorf("a job on a full disk was rejected for %s and cost %s", st.Reason, st.Spent)
	}
	empty()
	dave := s.buyer("dave") // whom it has not failed
	s.small(dave, "print", "after")(protocol.StateSettled)
	api := s.api(alice)
	s.until("the end that found no room is in the journal", func() (bool, error) {
		jobs, err := api.Jobs(s.ctx)
		return slices.ContainsFunc(jobs, func(rec protocol.Record) bool {
			return rec.Job.Ended && rec.Job.Reason == protocol.ReasonRigError
		}), err
	})
	rig.finish(syscall.SIGTERM, 0)
	s.up(alice)
	sum := s.collect(alice, bob)
	for _, m := range []*member{carol, dave} {
		var err error
		sum, err = sum.Add(s.channel(m, alice).Claimed)
		s.must(err)
	}
	s.same("collected", sum, s.earned(alice))
}

// diskOfRequester: it promises nothing that it cannot keep, so the job ends; the money
// that was set aside for it is free again without a restart.
func diskOfRequester(s *scene, disk string) {
	alice, bob := s.rig("alice"), s.move(s.requester("bob"), disk)
	s.up(alice)
	s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.onMarket(alice)
	end := s.small(bob, "loop")
	s.ticks(bob, 2)
	empty := s.fill(bob)
	if st := end(protocol.StateFailed); st.Reason != protocol.ReasonJournal {
		s.t.Errorf("the job under way ends with %s: %s", st.Reason, st.Detail)
	}
	s.idle(alice)
	empty()
	api := s.api(bob)
	s.until("nothing is set aside for it", func() (bool, error) {
		w, err := api.Wallet(s.ctx)
		return err == nil && len(w.Channels) == 1 && w.Channels[0].Reserved.IsZero(), err
	})
	s.small(bob, "print", "after")(protocol.StateSettled)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// small submits a job that needs little disk; the function it returns waits for its
// end, which must be in a state.
func (s *scene) small(m *member, args ...string) (end func(protocol.State) node.RunStatus) {
	s.t.Helper()
	guest, err := filepath.Abs("testdata/guest.wasm")
	s.must(err)
	api := s.api(m)
	run, err := api.Submit(s.ctx, &node.RunRequest{Module: guest, Args: args, Budget: protocol.NewAmount(100_000),
		Limits: protocol.Limits{OutputBytes: 1 << 20}})
	s.must(err)
	return func(want protocol.State) (st node.RunStatus) {
		s.t.Helper()
		s.until("the job has ended", func() (bool, error) {
			now, err := api.Run(s.ctx, run.ID.String())
			if err == nil {
				st = *now
			}
			return st.Ended, err
		})
		if st.State != want {
			s.t.Fatalf("%v is %s, %s: %s", args, st.State, st.Reason, st.Detail)
		}
		return st
	}
}

// diskReadOnly: the rig does not start, says why, and has all its money when it can
// write again.
func diskReadOnly(s *scene, disk string) {
	alice, bob := s.rigOn(disk, "alice"), s.buyer("bob")
	rig := s.up(alice)
	s.onMarket(alice)
	s.small(bob, "spin", "50")(protocol.StateSettled)
	paid := s.sold(alice).Job.Paid
	rig.finish(syscall.SIGTERM, 0)
	s.until("nobody writes there", func() (bool, error) {
		err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		if errors.Is(err, syscall.EBUSY) {
			return false, nil
		}
		return err == nil, err
	})
	c := s.start(alice, "up", "--listen", "/ip4/127.0.0.1/tcp/0")
	c.what = "up on a read-only disk" // which may fail
	c.exits(1)
	c.says("read-only")
	s.must(syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""))
	s.up(alice)
	s.same("collected", s.collect(alice, bob), paid)
}
