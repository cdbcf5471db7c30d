package testnet_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rerig/rerig/node/image"
)

// How many steps the recipe trains for, and on two rigs.
const (
	tuneSteps = 30
	gangSteps = 10
)

// fineTune: a model learns a text, in a sandbox of each kind and by two ranks in two of them,
// with the losses of the same run without any; and then it answers from that text.
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
}

// losses are what tune.py prints of every step, as rank 0 of a gang or alone.
func (s *scene) losses(out string) (list []float64) {
	s.t.Helper()
	for line := range strings.Lines(out) {
		var step int
		var loss float64
		if n, _ := fmt.Sscanf(strings.TrimPrefix(line, "[0] "), "step %d loss %g", &step, &loss); n == 2 {
			if list = append(list, loss); step != len(list) {
				s.t.Errorf("step %d is printed as number %d", step, len(list))
			}
		}
	}
	if len(list) == 0 {
		s.t.Fatalf("no losses in\n%s", out)
	}
	return list
}

// sameLosses allows for sums in another order.
func (s *scene) sameLosses(who string, got, want []float64) {
	s.t.Helper()
	if len(got) != len(want) {
		s.t.Errorf("%s has %d losses, without a sandbox there are %d", who, len(got), len(want))
		return
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 0.002+0.01*want[i] {
			s.t.Errorf("%s: the loss of step %d is %.4f, without a sandbox %.4f", who, i+1, got[i], want[i])
		}
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
