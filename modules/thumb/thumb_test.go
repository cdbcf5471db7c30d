package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// halves is an image whose left half is one colour and whose right half another.
func halves(w, h int, left, right color.Color) image.Image {
	img := image.NewNRGBA(image.Rect(10, 20, 10+w, 20+h))
	for y := range h {
		for x := range w {
			c := left
			if x >= w/2 {
				c = right
			}
			img.Set(10+x, 20+y, c)
		}
	}
	return img
}

// thumbnail runs the module on the bytes of a file and returns what it wrote.
func thumbnail(t *testing.T, name string, file []byte, args ...string) (image.Image, string, error) {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(in, name), file, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	if err := run(append(args, name), in, out, &stdout); err != nil {
		return nil, "", err
	}
	written, err := os.Open(filepath.Join(out, strings.TrimSuffix(name, filepath.Ext(name))+"-thumb.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	img, err := png.Decode(written)
	if err != nil {
		t.Fatal(err)
	}
	return img, stdout.String(), nil
}

func TestEveryFormatIsScaledToFit(t *testing.T) {
	red, blue := color.NRGBA{R: 255, A: 255}, color.NRGBA{B: 255, A: 255}
	img := halves(600, 200, red, blue)
	for format, encode := range map[string]func(*bytes.Buffer) error{
		"png":  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		"jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		"gif":  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
	} {
		t.Run(format, func(t *testing.T) {
			var file bytes.Buffer
			if err := encode(&file); err != nil {
				t.Fatal(err)
			}
			small, line, err := thumbnail(t, "photo."+format, file.Bytes(), "--size", "100")
			if err != nil {
				t.Fatal(err)
			}
			if want := "photo." + format + ": " + format + " 600x200 -> photo-thumb.png 100x33\n"; line != want {
				t.Errorf("summary %q, want %q", line, want)
			}
			if r, _, b, _ := small.At(5, 16).RGBA(); r < 0xf000 || b > 0x1000 {
				t.Errorf("the left is %v, want red", small.At(5, 16))
			}
			if r, _, b, _ := small.At(95, 16).RGBA(); b < 0xf000 || r > 0x1000 {
				t.Errorf("the right is %v, want blue", small.At(95, 16))
			}
		})
	}
}

func TestPixelsAreAreaAverages(t *testing.T) {
	small := scale(halves(3, 3, color.White, color.Black), 2)
	// A third of the source is white (3/2 rounds down to one column), so the left
	// of two columns is two thirds white.
	if got := small.RGBAAt(0, 0).R; got != 170 {
		t.Errorf("left is %d, want 170", got)
	}
	if got := small.RGBAAt(1, 1).R; got != 0 {
		t.Errorf("right is %d, want 0", got)
	}
	half := scale(halves(2, 2, color.NRGBA{G: 255, A: 255}, color.NRGBA{R: 255}), 1)
	if got := half.RGBAAt(0, 0); got != (color.RGBA{G: 128, A: 128}) {
		t.Errorf("a transparent half gives %v, want half-transparent green", got)
	}
}

func TestShapesAreKept(t *testing.T) {
	for _, c := range []struct{ w, h, size, tw, th int }{
		{100, 50, 256, 100, 50},
		{1000, 1, 10, 10, 1},
		{1, 1000, 10, 1, 10},
		{300, 200, 150, 150, 100},
		{257, 256, 256, 256, 255},
	} {
		if w, h := fit(c.w, c.h, c.size); w != c.tw || h != c.th {
			t.Errorf("%dx%d in %d is %dx%d, want %dx%d", c.w, c.h, c.size, w, h, c.tw, c.th)
		}
	}
}

// giant is the beginning of a PNG that promises w x h pixels.
func giant(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	file = append(file, chunk...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(chunk))
}

func TestBadInputIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		args []string
		want string
	}{
		"no image":     {[]byte("hello"), nil, "PNG, JPEG and GIF are supported"},
		"65 megapixel": {giant(8193, 8192), nil, "8193x8192 pixels are outside 1 to 67108864"},
		"overflow":     {giant(1<<31-1, 1<<31-1), nil, ""},
		"truncated":    {giant(100, 100), nil, "decode the image"},
		"size 0":       {giant(1, 1), []string{"--size", "0"}, "size 0 is outside 1 to 4096"},
		"huge size":    {giant(1, 1), []string{"--size", "4097"}, "size 4097 is outside 1 to 4096"},
		"unknown flag": {giant(1, 1), []string{"--zoom"}, "usage: thumb"},
		"two images":   {giant(1, 1), []string{"other.png"}, "2 images given"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := thumbnail(t, "x.png", c.file, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if err := run(nil, t.TempDir(), t.TempDir(), nil); !errors.Is(err, errUsage) {
		t.Errorf("an empty directory gives %v, want a usage error", err)
	}
}
