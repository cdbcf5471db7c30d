package testnet_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/powercut"
)

// Who was told an address sends money there: from then on no power cut takes the key,
// also where every directory above it is new (SPEC §8.1).
func TestPowerCutKeepsTheKey(t *testing.T) {
	t.Parallel()
	binary, home := build(t), t.TempDir()
	data := filepath.Join("share", "rerig", "node")
	profile := &node.Profile{Name: "power", RPC: []string{"http://127.0.0.1:1"}, ChainID: 31337, Local: true,
		Escrow: keyOf("escrow").Address().String(), Token: keyOf("token").Address().String(), TokenSymbol: "T", TokenDecimals: 6}
	network := filepath.Join(t.TempDir(), "net.toml")
	if err := profile.Write(network); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "wallet", "init", "-o", "json", "--network", network, "--data-dir", filepath.Join(home, data))
	rec, err := powercut.Record(cmd, home)
	if errors.Is(err, powercut.ErrNoStrace) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	draw, told := rand.New(rand.NewPCG(1, 1)), 0
	for cut := range rec.Len() {
		for _, s := range []powercut.Survival{powercut.Nothing, powercut.Anything, powercut.Everything} {
			files, _ := rec.Files(cut, s, draw)
			key, there := files[filepath.Join(data, "key.json")]
			var has *protocol.Key
			if there {
				if has, err = keys.OpenKeystore(key, ""); err != nil {
					t.Errorf("cut %d, %s is left: half a key: %v", cut, s, err)
				}
			}
			var said struct{ Address protocol.Address }
			if json.Unmarshal([]byte(rec.Told(cut)), &said) != nil {
				continue // it has not told it yet
			}
			if told++; has == nil || has.Address() != said.Address {
				t.Errorf("cut %d, %s is left: the key of %s is not", cut, s, said.Address)
			}
		}
	}
	if told == 0 {
		t.Errorf("nobody was told an address: %q", rec.Told(rec.Len()-1))
	}
	if left, err := os.ReadDir(filepath.Join(home, data)); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v", left, err)
	}
}

// A job's output is paid for: from the moment that the journal says that it was
// verified, no power cut takes it (SPEC §6.6).
func TestPowerCutKeepsOutput(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	for _, job := range []struct {
		args       []string
		file, want string
	}{
		{[]string{"print", "paid for"}, "stdout", "paid for\n"},
		{[]string{"write", "result", "paid for, too"}, "out/result", "paid for, too"},
	} {
		rec := s.recordRun(bob, job.args...)
		draw, verified := rand.New(rand.NewPCG(1, 1)), 0
		for _, cut := range append(rec.Syncs(), rec.Len()-1) {
			for _, survival := range []powercut.Survival{powercut.Nothing, powercut.Anything} {
				left := *bob
				left.config.DataDir = t.TempDir()
				files, dirs := rec.Files(cut, survival, draw)
				s.must(powercut.Write(left.config.DataDir, files, dirs))
				l, err := readLedger(s.ctx, &left)
				s.must(err)
				for _, b := range l.bought {
					if b.Job.State != protocol.StateVerified && b.Job.State != protocol.StateSettled || b.Name != job.file {
						continue
					}
					verified++
					path := filepath.Join("runs", b.Run.String()[2:18], job.file)
					if got := string(files[path]); got != job.want {
						t.Errorf("%v is %s, of its output %q is left where %s is", job.args, b.Job.State, got, survival)
					}
				}
			}
		}
		if verified == 0 {
			t.Errorf("%v was never verified", job.args)
		}
	}
}

// recordRun is `rerig run` of the guest, by a node of its own, and what it did to the
// member's directory. The run is named after the file that it writes.
func (s *scene) recordRun(m *member, args ...string) *powercut.Recording {
	s.t.Helper()
	guest, err := filepath.Abs("testdata/guest.wasm")
	s.must(err)
	name := "stdout"
	if args[0] == "write" {
		name = "out/" + args[1]
	}
	cmd := exec.Command(s.binary, append([]string{"run", "--network", s.profile, "--data-dir", m.config.DataDir,
		"--name", name, "--budget", "0.1", guest, "--"}, args...)...)
	home := filepath.Join(s.dir, "home")
	cmd.Env = []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "TMPDIR=" + filepath.Join(s.dir, "tmp")}
	cmd.Dir = filepath.Join(s.dir, "cwd")
	rec, err := powercut.Record(cmd, m.config.DataDir)
	if errors.Is(err, powercut.ErrNoStrace) {
		s.t.Skip(err)
	}
	s.must(err)
	return rec
}
