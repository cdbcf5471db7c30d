package main

import (
	"image"
	"image/draw"
)

// Area averaging in whole numbers: cut the image's width into sw*dw units, so
// that a source pixel is dw units wide and a thumbnail pixel sw; the same for the
// height. Overlaps are then integers, and the average is exact up to its final
// rounding, on every architecture.

// sums are a pixel's four premultiplied channels, added up with weights.
type sums [4]uint64

// scaler holds the source and the last of its rows that was reduced to the
// thumbnail's width.
type scaler struct {
	src    image.Image
	sw, dw int
	pixels *image.RGBA // one source row
	row    int         // its number, -1 before the first
	narrow []sums
}

// scale returns the image shrunk to fit a square of size pixels. Images that
// fit already keep their size.
func scale(src image.Image, size int) *image.RGBA {
	sw, sh := src.Bounds().Dx(), src.Bounds().Dy()
	dw, dh := fit(sw, sh, size)
	out := image.NewRGBA(image.Rect(0, 0, dw, dh))
	s := scaler{src: src, sw: sw, dw: dw, row: -1, narrow: make([]sums, dw), pixels: image.NewRGBA(image.Rect(0, 0, sw, 1))}
	area := uint64(sw) * uint64(sh)
	total := make([]sums, dw)
	for y := range dh {
		clear(total)
		for row := y * sh / dh; row*dh < (y+1)*sh; row++ {
			s.load(row)
			weight := overlap(row*dh, dh, y*sh, sh)
			for x := range total {
				for c := range total[x] {
					total[x][c] += s.narrow[x][c] * weight
				}
			}
		}
		for x := range total {
			for c, sum := range total[x] {
				out.Pix[out.PixOffset(x, y)+c] = uint8((sum + area/2) / area)
			}
		}
	}
	return out
}

// fit is the largest size of the same shape within a square, at least one pixel
// and never larger than the original.
func fit(w, h, size int) (int, int) {
	longest := max(w, h)
	if longest <= size {
		return w, h
	}
	return max(1, (w*size+longest/2)/longest), max(1, (h*size+longest/2)/longest)
}

// load reduces a source row to the thumbnail's width, unless it is there.
func (s *scaler) load(row int) {
	if s.row == row {
		return
	}
	s.row = row
	from := s.src.Bounds().Min.Add(image.Pt(0, row))
	draw.Draw(s.pixels, s.pixels.Bounds(), s.src, from, draw.Src)
	for x := range s.narrow {
		first, last := x*s.sw/s.dw, ((x+1)*s.sw-1)/s.dw
		var sum sums
		for column := first; column <= last; column++ {
			weight := uint64(s.dw)
			if column == first || column == last {
				weight = overlap(column*s.dw, s.dw, x*s.sw, s.sw)
			}
			p := (*[4]uint8)(s.pixels.Pix[4*column:])
			sum[0] += uint64(p[0]) * weight
			sum[1] += uint64(p[1]) * weight
			sum[2] += uint64(p[2]) * weight
			sum[3] += uint64(p[3]) * weight
		}
		s.narrow[x] = sum
	}
}

// overlap is the length that the spans [a, a+an) and [b, b+bn) share.
func overlap(a, an, b, bn int) uint64 {
	return uint64(max(0, min(a+an, b+bn)-max(a, b)))
}
