package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// benchTar is a layer of 64 MiB: as many small files as packages have, and some big ones,
// which compress to a half.
func benchTar(b *testing.B) []byte {
	b.Helper()
	r := rand.NewChaCha8([32]byte{1})
	text := func(n int) string {
		t := make([]byte, n)
		_, _ = r.Read(t[:n/2])
		return string(t)
	}
	files := make([]file, 0, 2100)
	for i := range 2000 {
		files = append(files, plain(fmt.Sprintf("usr/lib/python3/package%d/module%d.py", i/50, i), text(8<<10)))
	}
	for i := range 12 {
		files = append(files, plain(fmt.Sprintf("usr/lib/lib%d.so", i), text(4<<20)))
	}
	return tarOf(b, files...)
}

// BenchmarkUnpack unpacks a layer and lays its root out, each time followed by a plain
// extraction of the same tar; vs-tar is the ratio of their times in this run.
func BenchmarkUnpack(b *testing.B) {
	packed := benchTar(b)
	for name, mediaType := range map[string]types.MediaType{"gzip": types.OCILayer, "zstd": types.OCILayerZStd, "plain": types.OCIUncompressedLayer} {
		b.Run(name, func(b *testing.B) {
			layer := pack(b, mediaType, packed)
			layout := os.DirFS(layoutOf(b, imageOf(b, v1.Config{}, layer)))
			b.SetBytes(int64(len(packed)))
			var ours, theirs time.Duration
			for b.Loop() {
				s := open(b, Config{Dir: b.TempDir()})
				start := time.Now()
				unpack(b, s, layout)
				ours += time.Since(start)
				b.StopTimer()
				start = time.Now()
				extract(b, layer)
				theirs += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(ours)/float64(theirs), "vs-tar")
		})
	}
}

// BenchmarkWarm opens a root that is there.
func BenchmarkWarm(b *testing.B) {
	layout := os.DirFS(layoutOf(b, imageOf(b, v1.Config{}, pack(b, types.OCILayerZStd, benchTar(b)))))
	s := open(b, Config{})
	unpack(b, s, layout)
	for b.Loop() {
		r, err := s.Unpack(b.Context(), layout)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

// extract is what a trusting program does with a layer: unpack it to where it says.
func extract(b *testing.B, layer v1.Layer) {
	b.Helper()
	blob, err := layer.Compressed()
	if err != nil {
		b.Fatal(err)
	}
	size, _ := layer.Size()
	mediaType, _ := layer.MediaType()
	r, err := decompress(v1.Descriptor{MediaType: mediaType, Size: size}, blob)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	dir := b.TempDir()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		name := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, os.FileMode(h.Mode))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(f, t); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(f.Close(), os.Chtimes(name, h.ModTime, h.ModTime)); err != nil {
			b.Fatal(err)
		}
	}
}
