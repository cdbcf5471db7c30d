package image

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// contents are all files below a directory.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tarDir writes a directory's files to a tar, as an image archive has them.
func tarDir(t testing.TB, dir string) []byte {
	t.Helper()
	var files []file
	for name, text := range contents(t, dir) {
		files = append(files, plain(name, text))
	}
	return tarOf(t, files...)
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// twoLayers is an image with something in every part of its config.
func twoLayers(t testing.TB) v1.Image {
	t.Helper()
	return imageOf(t, v1.Config{Entrypoint: []string{"/bin/app"}, Env: []string{"A=1"}},
		layerOf(t, plain("bin/app", "app")), pack(t, types.OCILayerZStd, tarOf(t, plain("etc/conf", strings.Repeat("conf", 1000)))))
}

// TestLoadIsNormal loads one image from a layout that calls it something, from one with
// other platforms in it, from a tar and from a packed tar: the bytes are always the same.
func TestLoadIsNormal(t *testing.T) {
	t.Parallel()
	img := twoLayers(t)
	named := filepath.Join(t.TempDir(), "named")
	p, err := layout.Write(named, empty.Index)
	if err == nil {
		err = p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"}))
	}
	if err != nil {
		t.Fatal(err)
	}
	other, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "s390x"})
	if err != nil {
		t.Fatal(err)
	}
	l := OpenLibrary(t.TempDir())
	var first map[string]string
	for i, from := range []string{named, layoutOf(t, other, img), write(t, "a.tar", tarDir(t, named)), write(t, "a.tgz", gzipped(t, tarDir(t, named)))} {
		got, err := l.Load(t.Context(), from, fmt.Sprintf("app:%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := img.Digest(); got.Digest != d.String() {
			t.Errorf("%s: digest %s, want %s", from, got.Digest, d)
		}
		files := contents(t, got.Dir)
		if first == nil {
			first = files
		}
		if !maps.Equal(files, first) {
			t.Errorf("%s: the layout has other bytes", from)
		}
		var sum int64
		for _, f := range files {
			sum += int64(len(f))
		}
		if got.Bytes != sum || len(files) != 6 {
			t.Errorf("%s: %d bytes in %d files, said %d", from, sum, len(files), got.Bytes)
		}
	}
	if r := unpack(t, open(t, Config{}), os.DirFS(l.layout(mustFind(t, l, "app:0").Digest[7:]))); r.Program.Entrypoint[0] != "/bin/app" {
		t.Errorf("the layout runs %v", r.Program)
	}
	if e, _ := os.ReadDir(filepath.Join(l.dir, layoutsDir)); len(e) != 1 {
		t.Errorf("%d layouts of one image", len(e))
	}
}

func mustFind(t testing.TB, l *Library, name string) *Image {
	t.Helper()
	img, err := l.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestLoadDockerSave takes what `docker save` writes: packed and plain layers, links to
// layers, and a name in it.
func TestLoadDockerSave(t *testing.T) {
	t.Parallel()
	img := twoLayers(t)
	tag, err := name.NewTag("example/app:v2")
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(t.TempDir(), "saved.tar")
	if err := tarball.WriteToFile(saved, tag, img); err != nil {
		t.Fatal(err)
	}
	cfg, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	old := write(t, "old.tar", tarOf(t,
		plain("abc.json", string(cfg)),
		plain("one/layer.tar", string(tarOf(t, plain("bin/app", "app")))),
		plain("x/data", string(tarOf(t, plain("etc/conf", strings.Repeat("conf", 1000))))), symlink("two/layer.tar", "../x/data"),
		plain("manifest.json", `[{"Config":"abc.json","RepoTags":["docker.io/example/app:v3"],"Layers":["one/layer.tar","two/layer.tar"]}]`)))
	l := OpenLibrary(t.TempDir())
	a, err := l.Load(t.Context(), saved, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Load(t.Context(), old, "")
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "index.docker.io/example/app:v2" && a.Name != "example/app:v2" || b.Name != "example/app:v3" {
		t.Errorf("they are called %s and %s", a.Name, b.Name)
	}
	if a.Digest != b.Digest {
		t.Errorf("one image became %s and %s", a.Digest, b.Digest)
	}
	if id, _ := img.ConfigName(); a.ID != id.String() {
		t.Errorf("its ID became %s, was %s", a.ID, id)
	}
	if got := listing(t, unpack(t, open(t, Config{}), os.DirFS(b.Dir)).Path); got["bin/app"] != "app" || len(got["etc/conf"]) != 4000 {
		t.Errorf("unpacked it is %v", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	cfg := `{"os":"linux","architecture":"pdp11","rootfs":{"diff_ids":[]}}`
	manifest := func(text string) file { return plain("manifest.json", text) }
	l := OpenLibrary(t.TempDir())
	for want, from := range map[string]string{
		"not a tar":             write(t, "a", []byte("plain text, no archive")),
		"EOF":                   write(t, "b", nil),
		"neither":               write(t, "c", tarOf(t, plain("readme", ""))),
		"2 images":              write(t, "d", tarOf(t, manifest(`[{},{}]`))),
		"manifest.json":         write(t, "e", tarOf(t, manifest(`{`))),
		"linux/pdp11":           write(t, "f", tarOf(t, plain("c", cfg), manifest(`[{"Config":"c"}]`))),
		"config: open":          write(t, "g", tarOf(t, manifest(`[{"Config":"../../etc/passwd"}]`))),
		"config: open l: file":  write(t, "h", tarOf(t, symlink("l", "m"), symlink("m", "l"), manifest(`[{"Config":"l"}]`))),
		"no such file":          filepath.Join(t.TempDir(), "absent"),
		"only 1.0.0 is known":   write(t, "i", tarOf(t, plain("oci-layout", "x"), manifest(`[{}]`))),
		"image name \"A B\"":    layoutOf(t, twoLayers(t)),
		"unexpected EOF":        write(t, "j", gzipped(t, tarOf(t, plain("x", strings.Repeat("x", 10000))))[:80]),
		"its config says sha25": write(t, "k", tarOf(t, plain("c", strings.NewReplacer("pdp11", arch(), "[]", `["sha256:`+strings.Repeat("ab", 32)+`"]`).Replace(cfg)), plain("l.tar", ""), manifest(`[{"Config":"c","Layers":["l.tar"]}]`))),
	} {
		as := "x"
		if strings.HasPrefix(want, "image name") {
			as = "A B"
		}
		if _, err := l.Load(t.Context(), from, as); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := l.Load(t.Context(), layoutOf(t, twoLayers(t)), ""); err == nil || !strings.Contains(err.Error(), "--tag") {
		t.Errorf("a layout without a name: %v", err)
	}
	if images, err := l.List(); err != nil || len(images) != 0 {
		t.Errorf("%d images, %v", len(images), err)
	}
	for _, left := range []string{tmpDir, layoutsDir} {
		if e, _ := os.ReadDir(filepath.Join(l.dir, left)); len(e) > 0 {
			t.Errorf("%s has %d entries", left, len(e))
		}
	}
}

func arch() string { _, a := platform(); return a }

// TestNames finds, moves and removes names; a layout goes with its last one.
func TestNames(t *testing.T) {
	t.Parallel()
	l := OpenLibrary(t.TempDir())
	one := layoutOf(t, twoLayers(t))
	two := layoutOf(t, imageOf(t, v1.Config{}, layerOf(t, plain("bin/app", "app"))))
	for _, c := range [][2]string{{one, "app"}, {one, "app:v1"}, {two, "other:v1"}} {
		if _, err := l.Load(t.Context(), c[0], c[1]); err != nil {
			t.Fatal(err)
		}
	}
	img := mustFind(t, l, "app")
	if img.Name != "app:latest" || mustFind(t, l, img.Digest).Digest != img.Digest || mustFind(t, l, img.Digest[7:19]).Digest != img.Digest {
		t.Errorf("found %s", img.Name)
	}
	if shared := mustFind(t, l, "other:v1"); !sameFile(t, filepath.Join(img.Dir, "blobs/sha256", img.Layers[0].Digest[7:]), filepath.Join(shared.Dir, "blobs/sha256", shared.Layers[0].Digest[7:])) {
		t.Error("a layer of two images is there twice")
	}
	for _, name := range []string{"app", "app:v1"} {
		if err := l.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(img.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the layout without a name is still there: %v", err)
	}
	if err := l.Remove(t.Context(), "app"); !errors.Is(err, ErrNoImage) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := l.Load(t.Context(), one, "other:v1"); err != nil {
		t.Fatal(err)
	}
	if e, _ := os.ReadDir(filepath.Join(l.dir, layoutsDir)); len(e) != 1 {
		t.Errorf("%d layouts after the name moved", len(e))
	}
	if err := os.WriteFile(filepath.Join(l.dir, namesFile), []byte(`{"x:y":"../../etc"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.List(); err == nil || !strings.Contains(err.Error(), "has no digest") {
		t.Errorf("a damaged list: %v", err)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

// TestManyWriters changes a library from many sides at once.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := layoutOf(t, twoLayers(t))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := OpenLibrary(dir).Load(t.Context(), from, fmt.Sprintf("app:%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if images, err := OpenLibrary(dir).List(); err != nil || len(images) != 8 {
		t.Errorf("%d images of 8, %v", len(images), err)
	}
}

// startRegistry is a registry on loopback that asks for these credentials, "" for none.
func startRegistry(t *testing.T, user, password string) (host string) {
	t.Helper()
	r := registry.New(registry.Logger(log.New(&bytes.Buffer{}, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func push(t *testing.T, to string, img v1.Image) {
	t.Helper()
	ref, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if err := remote.Write(ref, img, remote.WithContext(t.Context()), remote.WithTransport(transport), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		t.Fatal(err)
	}
}

// TestPull takes an image from a registry, by tag and by digest; its digest stays.
func TestPull(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	host := startRegistry(t, "", "")
	img := twoLayers(t)
	push(t, host+"/team/app:v1", img)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	l := OpenLibrary(t.TempDir())
	for ref, want := range map[string]string{
		host + "/team/app:v1":                 host + "/team/app:v1",
		host + "/team/app@" + digest.String(): host + "/team/app:" + digest.Hex[:12],
	} {
		got, err := l.Pull(t.Context(), ref, "")
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != want || got.Digest != digest.String() {
			t.Errorf("%s became %s %s", ref, got.Name, got.Digest)
		}
	}
	loaded, err := OpenLibrary(t.TempDir()).Load(t.Context(), layoutOf(t, img), "app")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(contents(t, loaded.Dir), contents(t, mustFind(t, l, host+"/team/app:v1").Dir)) {
		t.Error("loaded and pulled, one image has other bytes")
	}
	if _, err := l.Pull(t.Context(), host+"/team/absent:v1", ""); err == nil || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Errorf("an absent image: %v", err)
	}
	if _, err := l.Pull(t.Context(), "Not A Reference", ""); err == nil || !strings.Contains(err.Error(), "want [REGISTRY/]NAME") {
		t.Errorf("no reference: %v", err)
	}
}

// TestPullWithPassword uses the credentials of the user's docker configuration.
func TestPullWithPassword(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	host := startRegistry(t, "me", "secret")
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("me:secret")))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	push(t, host+"/app:v1", twoLayers(t))
	l := OpenLibrary(t.TempDir())
	if _, err := l.Pull(t.Context(), host+"/app:v1", "mine"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Pull(t.Context(), host+"/app:v1", "mine"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without credentials: %v", err)
	}
}

// TestPullRefuses holds a registry to digests, and to TLS when it is another machine.
func TestPullRefuses(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	host := startRegistry(t, "", "")
	push(t, host+"/app:other", imageForS390(t))
	l := OpenLibrary(t.TempDir())
	if _, err := l.Pull(t.Context(), host+"/app:other", ""); err == nil || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("another platform's image: %v", err)
	}
	req := httptest.NewRequest(http.MethodGet, "http://192.168.1.1/v2/", nil)
	if _, err := (onlyTLS{http.DefaultTransport}).RoundTrip(req); err == nil || !strings.Contains(err.Error(), "does not speak TLS") { //nolint:bodyclose // there is no response
		t.Errorf("in the clear to the LAN: %v", err)
	}
	blob := []byte("honest")
	w, err := newLayoutWriter(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for want, sent := range map[string]string{"of 6 bytes came as": "forged", "came as": "longer than honest"} {
		err := w.copy(describe("", blob), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(sent)), nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q for %q: %v", sent, blob, err)
		}
	}
}

// TestPullGoesOn pulls from a registry that fails in the middle: what came before is not
// asked for again.
func TestPullGoesOn(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	img := twoLayers(t)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	first, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	second, err := layers[1].Digest()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked, broken := map[string]int{}, false
	r := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		asked[filepath.Base(req.URL.Path)]++
		fails := broken && strings.HasSuffix(req.URL.Path, second.String())
		mu.Unlock()
		if fails {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	ref := strings.TrimPrefix(s.URL, "http://") + "/app:v1"
	push(t, ref, img)
	set := func(fails bool) {
		mu.Lock()
		defer mu.Unlock()
		asked, broken = map[string]int{}, fails
	}
	set(true)
	l := OpenLibrary(t.TempDir())
	if _, err := l.Pull(t.Context(), ref, ""); err == nil {
		t.Fatal("it pulled what the registry refused")
	}
	set(false)
	if _, err := l.Pull(t.Context(), ref, ""); err != nil {
		t.Fatal(err)
	}
	if asked[first.String()] != 0 || asked[second.String()] == 0 {
		t.Errorf("the second try asked for %v", asked)
	}
	if _, err := os.Stat(filepath.Join(l.dir, partialDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the first try left is still there: %v", err)
	}
}

func imageForS390(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(twoLayers(t), &v1.ConfigFile{OS: "linux", Architecture: "s390x"})
	if err != nil {
		t.Fatal(err)
	}
	return img
}
