package main

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
)

// ociimages FILE writes an image as `docker save` would, and serves it as team/app:v1
// from a registry at $REGISTRY, under the digest $DIGEST.
func ociImages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ociimages FILE")
	}
	img := tinyImage(ts)
	tag, err := name.NewTag("example/app:v1")
	ts.Check(err)
	ts.Check(tarball.WriteToFile(ts.MkAbs(args[0]), tag, img))
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	ref, err := name.ParseReference(host + "/team/app:v1")
	ts.Check(err)
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	ts.Check(remote.Write(ref, img, remote.WithTransport(transport)))
	digest, err := img.Digest()
	ts.Check(err)
	ts.Setenv("REGISTRY", host)
	ts.Setenv("DIGEST", digest.String())
}

// tinyImage is an image with one file.
func tinyImage(ts *testscript.TestScript) v1.Image {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	ts.Check(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/app", Mode: 0o755, Size: 3}))
	_, err := w.Write([]byte("app"))
	ts.Check(err)
	ts.Check(w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	ts.Check(err)
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH,
		Config: v1.Config{Entrypoint: []string{"/bin/app"}}, RootFS: v1.RootFS{Type: "layers"}})
	ts.Check(err)
	img, err = mutate.AppendLayers(img, layer)
	ts.Check(err)
	return img
}
