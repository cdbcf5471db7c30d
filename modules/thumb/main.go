// Thumb is a module that makes a thumbnail: it reads one PNG, JPEG or GIF image
// from /in and writes /out/NAME-thumb.png, scaled to fit a square. It is built
// for WASI and run in the sandbox of a rig; built natively it gives the same
// bytes.
//
//	thumb [--size 256] [IMAGE]
//
// IMAGE is a path, relative to /in; without it, the only file in /in. A summary
// line goes to stdout. Of a GIF the first frame is used; EXIF orientation is
// not applied. Exit status: 0 done, 1 the image cannot be used, 2 wrong
// arguments.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxPixels = 64 << 20 // of the input
	maxSize   = 4096     // of the output's longer side
)

// errUsage marks errors in the arguments.
var errUsage = errors.New("usage: thumb [--size 256] [IMAGE]")

func main() {
	err := run(os.Args[1:], "/in", "/out", os.Stdout)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "thumb: %v\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "thumb: %v\n", err)
		os.Exit(1)
	}
}

// run makes the thumbnail that the arguments ask for.
func run(args []string, in, out string, stdout io.Writer) error {
	flags := flag.NewFlagSet("thumb", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	size := flags.Int("size", 256, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	if *size < 1 || *size > maxSize {
		return fmt.Errorf("size %d is outside 1 to %d; %w", *size, maxSize, errUsage)
	}
	path, err := input(flags.Args(), in)
	if err != nil {
		return err
	}
	img, format, err := decode(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	small := scale(img, *size)
	base := filepath.Base(path)
	target := filepath.Join(out, strings.TrimSuffix(base, filepath.Ext(base))+"-thumb.png")
	if err := write(target, small); err != nil {
		return fmt.Errorf("write the thumbnail: %w", err)
	}
	from, to := img.Bounds(), small.Bounds()
	_, err = fmt.Fprintf(stdout, "%s: %s %dx%d -> %s %dx%d\n", base, format, from.Dx(), from.Dy(), filepath.Base(target), to.Dx(), to.Dy())
	return err
}

// input is the path of the image: the argument, or the only file in the
// directory.
func input(args []string, in string) (string, error) {
	switch {
	case len(args) > 1:
		return "", fmt.Errorf("%d images given, one is possible; %w", len(args), errUsage)
	case len(args) == 1 && filepath.IsAbs(args[0]):
		return args[0], nil
	case len(args) == 1:
		return filepath.Join(in, args[0]), nil
	}
	files, err := os.ReadDir(in)
	if err != nil {
		return "", fmt.Errorf("look for an image: %w", err)
	}
	if len(files) != 1 {
		return "", fmt.Errorf("%s has %d files; name the image; %w", in, len(files), errUsage)
	}
	return filepath.Join(in, files[0].Name()), nil
}

// decode reads an image after checking that its header promises a size that
// can be held in memory.
func decode(path string) (image.Image, string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	header, _, err := image.DecodeConfig(bufio.NewReader(file))
	if err != nil {
		return nil, "", fmt.Errorf("read the image header (PNG, JPEG and GIF are supported): %w", err)
	}
	if header.Width < 1 || header.Height < 1 || header.Width > maxPixels/header.Height {
		return nil, "", fmt.Errorf("%dx%d pixels are outside 1 to %d (64 megapixels); scale the image down first", header.Width, header.Height, maxPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	img, format, err := image.Decode(bufio.NewReader(file))
	if err != nil {
		return nil, "", fmt.Errorf("decode the image: %w", err)
	}
	return img, format, nil
}

// write encodes the thumbnail as PNG.
func write(path string, img image.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	return errors.Join(png.Encode(buffered, img), buffered.Flush(), file.Close())
}
