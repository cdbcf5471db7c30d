package testnet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/node"
)

// What AI users have, as it is: programs from Debian packages, made into images by
// `rerig image build`, bought from a rig that holds them under gVisor and from one that
// holds them in namespaces.
func TestRealJobs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("needs apt-get: images of Debian packages are made with the machine's own sources")
	}
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"text of a page", readPage},
		{"a transcode", transcode},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// packaged makes an image of a Debian package.
func (s *scene) packaged(m *member, program string, packages string) {
	s.t.Helper()
	m.env = append(m.env, "XDG_DATA_HOME="+filepath.Join(s.dir, "shelf"), "PATH="+os.Getenv("PATH"))
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

// readPage: tesseract finds both lines of a picture of text.
func readPage(s *scene) {
	rigs, bob := s.pair()
	s.packaged(bob, "tesseract", "tesseract-ocr,tesseract-ocr-eng")
	page, err := filepath.Abs("testdata/page.png")
	s.must(err)
	for _, rig := range rigs {
		got := s.from(rig, bob, "--image", "tesseract", "--input", page, "--", "/in/page.png", "-")
		if want := "Decentralized compute job 4217\npaid by the tick\n"; got != want {
			s.t.Errorf("%s reads %q, want %q", rig.name, got, want)
		}
	}
}

// transcode: x264 makes the same bytes of five seconds of film on both rigs.
func transcode(s *scene) {
	rigs, bob := s.pair()
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
