//go:build linux

package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/testnet/powercut"
)

// A kill loses nothing that was written; a machine without power loses all that was
// not fsynced, or any part of it. At every fsync, and at points between, what the
// journal had acknowledged by then must be in what is left (SPEC §6.6).
func TestPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "node")
	must(t, os.Mkdir(dir, 0o700))
	for life, tells := range []int{150, 250} { // the second begins with the first's log
		rec := recordWriter(t, dir, tells)
		cuts := rec.Syncs()
		if len(cuts) < tells/crashJobs/2 {
			t.Fatalf("%d fsyncs for %d acknowledgements", len(cuts), tells)
		}
		draw.Shuffle(len(cuts), func(i, k int) { cuts[i], cuts[k] = cuts[k], cuts[i] })
		cuts = cuts[:min(len(cuts), 15)]
		for range 10 {
			cuts = append(cuts, draw.IntN(rec.Len()))
		}
		cuts = append(cuts, 0, rec.Len()-1)
		for _, cut := range cuts {
			t.Run(fmt.Sprintf("life %d cut %d of %d", life, cut, rec.Len()-1), func(t *testing.T) {
				t.Parallel() // they wait for the disk
				draw := rand.New(rand.NewPCG(seed, uint64(cut)))
				for _, s := range []powercut.Survival{powercut.Nothing, powercut.Anything, powercut.Everything} {
					t.Logf("of what was not synced is left: %v", s)
					afterCut(t, rec, cut, s, draw)
				}
			})
		}
	}
}

func recordWriter(t *testing.T, dir string, tells int) *powercut.Recording {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir, crashTellsEnv+"="+strconv.Itoa(tells))
	rec, err := powercut.Record(cmd, dir)
	if errors.Is(err, powercut.ErrNoStrace) {
		t.Skip(err)
	}
	must(t, err)
	return rec
}

func afterCut(t *testing.T, rec *powercut.Recording, cut int, s powercut.Survival, draw *rand.Rand) {
	t.Helper()
	var told heard
	for line := range strings.Lines(rec.Told(cut)) {
		told.line(t, line)
	}
	dir, err := os.MkdirTemp(memory(), "powercut")
	must(t, err)
	defer os.RemoveAll(dir)
	files, dirs := rec.Files(cut, s, draw)
	must(t, powercut.Write(dir, files, dirs))
	told.check(t, dir)
}

// memory is a place where fsync takes no time, "" where there is none.
func memory() string {
	const shm = "/dev/shm"
	if f, err := os.CreateTemp(shm, "powercut"); err == nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return shm
	}
	return ""
}
