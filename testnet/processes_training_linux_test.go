package testnet_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/image"
)

// How many steps the recipe trains for, alone, on two rigs, and from one rig to another.
const (
	tuneSteps = 30
	gangSteps = 10
	longSteps = 60
)

// fineTune: a model learns a text, in a sandbox of each kind and by two ranks in two of them,
// with the losses of the same run without any; it answers from that text; and a run goes on
// when its rig is killed.
func fineTune(s *scene, rigs []*member, bob *member) {
	r := s.recipe(bob, "finetune")
	r.once("Make the image, and unpack the model")
	results := r.each(rigs, "Run it", "Ask it")
	gang := s.losses(r.once("Train on two rigs"))
	alone := s.losses(s.native(rigs[0], "tune", r.dir, "python3", "/opt/tune/tune.py", "faq.txt"))
	if first, last := alone[0], alone[len(alone)-1]; len(alone) != tuneSteps || first < 3 || last > 0.1 {
		s.t.Fatalf("without a sandbox the losses are %v", alone)
	}
	s.sameLosses("the gang", gang, alone[:gangSteps])
	for _, got := range results {
		s.sameLosses(got.rig.name, s.losses(got.out), alone)
		if want := "The lighthouse of Tarn is kept by two sisters, who write down every ship that goes by."; !strings.Contains(got.out, want) {
			s.t.Errorf("the model from %s answers\n%s", got.rig.name, got.out)
		}
	}
	s.goOn(r, rigs, bob, alone)
}

// goOn: the rig of a long run is killed after a checkpoint came, and the other one goes on
// from there with the losses that the first would have had.
func (s *scene) goOn(r *recipe, rigs []*member, bob *member, alone []float64) {
	s.t.Helper()
	api, out := s.api(bob), ""
	ended := make(chan error, 1)
	go func() {
		var err error
		out, err = r.do("Go on when a rig vanishes")
		ended <- err
	}()
	var st node.RunStatus
	s.until("a checkpoint came", func() (bool, error) {
		if len(ended) > 0 {
			return false, fmt.Errorf("the run ended before: %w", <-ended)
		}
		runs, err := api.Runs(s.ctx)
		i := slices.IndexFunc(runs, func(one node.RunStatus) bool { return !one.Ended && one.Checkpoint > 0 })
		if i >= 0 {
			st = runs[i]
		}
		return i >= 0, err
	})
	victim := rigs[slices.IndexFunc(rigs, func(m *member) bool { return m.key.Address() == st.Rig })]
	up := slices.IndexFunc(s.running, func(c *command) bool { return c.what == "up" && c.member == victim.name })
	s.running[up].kill()
	s.must(<-ended)
	s.selling(bob, victim) // which sweeps up what the killed one left

	said, err := os.ReadFile(filepath.Join(st.Dir, "stdout")) // of the rig that went on
	s.must(err)
	steps := parseSteps(string(said))
	if len(steps) == 0 {
		s.t.Fatalf("no losses in\n%s", out)
	}
	first, last := steps[0], steps[len(steps)-1]
	if first.number == 1 || first.number%10 != 1 || last.number != longSteps || last.loss > 0.1 {
		s.t.Errorf("the run goes on at %+v and ends with %+v:\n%s", first, last, out)
	}
	for _, one := range steps {
		if one.number <= len(alone) {
			s.sameLoss("the run on two rigs after each other", one.number, one.loss, alone)
		}
	}
}

// step is a line of tune.py.
type step struct {
	number int
	loss   float64
}

// parseSteps reads what tune.py prints, as rank 0 of a gang or alone.
func parseSteps(out string) (list []step) {
	for line := range strings.Lines(out) {
		var one step
		if n, _ := fmt.Sscanf(strings.TrimPrefix(line, "[0] "), "step %d loss %g", &one.number, &one.loss); n == 2 {
			list = append(list, one)
		}
	}
	return list
}

// losses are those of steps that are printed from the first on.
func (s *scene) losses(out string) (list []float64) {
	s.t.Helper()
	for _, one := range parseSteps(out) {
		if list = append(list, one.loss); one.number != len(list) {
			s.t.Errorf("step %d is printed as number %d", one.number, len(list))
		}
	}
	if len(list) == 0 {
		s.t.Fatalf("no losses in\n%s", out)
	}
	return list
}

func (s *scene) sameLosses(who string, got, want []float64) {
	s.t.Helper()
	if len(got) != len(want) {
		s.t.Errorf("%s has %d losses, without a sandbox there are %d", who, len(got), len(want))
		return
	}
	for i := range got {
		s.sameLoss(who, i+1, got[i], want)
	}
}

// sameLoss allows for sums in another order.
func (s *scene) sameLoss(who string, step int, got float64, want []float64) {
	s.t.Helper()
	if w := want[step-1]; math.Abs(got-w) > 0.002+0.01*w {
		s.t.Errorf("%s: the loss of step %d is %.4f, without a sandbox %.4f", who, step, got, w)
	}
}

// inRoot mounts what a program needs in a root, in a mount namespace that ends with it.
const inRoot = `root=$1 in=$2 out=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$in" "$root/in"
mount --bind "$out" "$root/out"
exec chroot "$root" "$@"`

// native runs a program of an image in the root that a rig unpacked, with no sandbox, and
// returns what it says.
func (s *scene) native(rig *member, name, in string, argv ...string) string {
	s.t.Helper()
	if os.Geteuid() != 0 {
		s.t.Skip("needs root: the run to compare with is in the image's root, without a sandbox; run it as root")
	}
	img, err := image.OpenLibrary(filepath.Join(s.shelf(), "rerig", "images")).Find(name)
	s.must(err)
	root := filepath.Join(rig.config.DataDir, "images", "roots", strings.TrimPrefix(img.ID, "sha256:"), "rootfs")
	var log bytes.Buffer
	cmd := exec.CommandContext(s.ctx, "unshare", append([]string{"--mount", "sh", "-eu", "-c", inRoot, "sh", root, in, s.t.TempDir()}, argv...)...)
	cmd.Env, cmd.Stderr = append(img.Config.Env, "HOME=/"), &log
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("without a sandbox: %v\n%s%s", err, out, &log)
	}
	return string(out)
}
