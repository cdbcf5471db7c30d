package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p"

	"github.com/rerig/rerig/testnet/powercut"
)

func init() { powerChild = addForPowerCut }

const powerDirAt = 2 // which of what it tells is a directory

// powerContent is a file of several blocks, and what is added besides.
var powerContent = noise(leafBytes+1000, 7)

func addForPowerCut(dir string) error {
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return err
	}
	s, err := New(Config{Dir: filepath.Join(dir, "artifacts"), Host: h, MaxBytes: 1 << 30})
	if err != nil {
		return err
	}
	src, err := os.MkdirTemp("", "rerig-power")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	file := filepath.Join(src, "sub", "file")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, powerContent, 0o600),
		os.WriteFile(filepath.Join(src, "hello"), []byte("hello"), 0o600)); err != nil {
		return err
	}
	ctx := context.Background()
	for _, add := range []func() (string, error){
		func() (string, error) { return s.AddBytes(ctx, []byte("small")) },
		func() (string, error) { c, _, err := s.AddFile(ctx, file); return c, err },
		func() (string, error) { c, _, err := s.AddDir(ctx, src, 1<<30, 10); return c, err },
		func() (string, error) { c, _, err := s.AddFile(ctx, filepath.Join(src, "hello")); return c, err },
	} {
		c, err := add()
		if err != nil {
			return err
		}
		fmt.Println(c)
	}
	return nil
}

// What was added is there after a power cut, from the moment that its adding returned
// (SPEC §6.6): a rig is paid for outputs that it may have to serve later.
func TestPowerCutKeepsWhatWasAdded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), powerDirEnv+"="+dir)
	rec, err := powercut.Record(cmd, dir)
	if errors.Is(err, powercut.ErrNoStrace) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Fields(rec.Told(rec.Len() - 1)); len(all) != 4 {
		t.Fatalf("the child told %q", all)
	}
	h, draw, before := newHost(t), rand.New(rand.NewPCG(1, 1)), 0
	for cut := range rec.Len() {
		told := strings.Fields(rec.Told(cut))
		if len(told) == before { // each is looked at when it was just told, and all at the end
			continue
		}
		before = len(told)
		for _, survival := range []powercut.Survival{powercut.Nothing, powercut.Anything, powercut.Everything} {
			files, dirs := rec.Files(cut, survival, draw)
			left := t.TempDir()
			if err := powercut.Write(left, files, dirs); err != nil {
				t.Fatal(err)
			}
			s, err := New(Config{Dir: filepath.Join(left, "artifacts"), Host: h, MaxBytes: 1 << 30,
				Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for n, c := range told {
				_, whole := s.Path(c) // which hashes it
				if n == powerDirAt {
					whole = s.FetchDir(t.Context(), c, filepath.Join(left, "out"), 1<<30, 10, Sources{}) == nil
				}
				if !whole {
					t.Errorf("number %d of %d told is not whole where %s is left", n, len(told), survival)
				}
			}
		}
	}
}
