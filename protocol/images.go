package protocol

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ImagesExtension is the optional extension of an offer some of whose models make images.
const ImagesExtension = "images"

// Caps of a request for images (SPEC §5.6).
const (
	MaxImagesAtOnce = 10        // that one request asks for, as OpenAI has it
	MaxImagePrompt  = 32_000    // bytes of its text
	MaxImageSizes   = 8         // that a model offers
	MaxImageSide    = 4096      // pixels
	MaxPictureBytes = 16 << 20  // of one image, before base64
	MaxImagesReply  = 64 << 20  // bytes of an answer
	imagesBeside    = 512 << 10 // of it that are no images
)

// Images is how a served model makes images (SPEC §5.6).
type Images struct {
	Units uint64   `cbor:"1,keyasint" json:"units"` // of UnitTokenOut, for each
	Bytes uint32   `cbor:"2,keyasint" json:"bytes"` // of each at most, before base64
	Sizes []string `cbor:"3,keyasint" json:"sizes"` // WxH in pixels, the usual one first
}

// Check holds it to the limits. The error names the field under at.
func (i *Images) Check(at string) error {
	switch {
	case i.Units == 0 || i.Units > MaxTickUnits:
		return fieldErr(at+".units", fmt.Sprintf("1 to %d", uint64(MaxTickUnits)), i.Units)
	case i.Bytes == 0 || i.Bytes > MaxPictureBytes:
		return fieldErr(at+".bytes", fmt.Sprintf("1 to %d", MaxPictureBytes), i.Bytes)
	case len(i.Sizes) == 0 || len(i.Sizes) > MaxImageSizes:
		return fieldErr(at+".sizes", fmt.Sprintf("1 to %d", MaxImageSizes), len(i.Sizes))
	}
	for n, size := range i.Sizes {
		w, h, _ := strings.Cut(size, "x")
		if !isSide(w) || !isSide(h) || slices.Contains(i.Sizes[:n], size) {
			return fieldErr(at+".sizes", fmt.Sprintf("each once, as 512x512, sides of 1 to %d", MaxImageSide), fmt.Sprintf("%q", clip(size, 20)))
		}
	}
	return nil
}

func isSide(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n >= 1 && n <= MaxImageSide && strconv.FormatUint(n, 10) == text
}

// AtOnce is how many images one request may ask for where a tick has so many units: they are
// worked ahead of their payment, and their answer has its limit. It is 0 where a tick is less than one.
func (i *Images) AtOnce(tick uint64) int {
	each := (uint64(i.Bytes) + 2) / 3 * 4
	return int(min(MaxImagesAtOnce, tick/i.Units, (MaxImagesReply-imagesBeside)/each))
}

// ReplyBytes bounds the answer with n images.
func (i *Images) ReplyBytes(n int) int {
	return n*((int(i.Bytes)+2)/3*4) + imagesBeside
}

// drawn is one entry of the extension.
type drawn struct {
	Model  uint8  `cbor:"1,keyasint"` // its place in the offer's list
	Images Images `cbor:"2,keyasint"`
}

// tellImages puts what the models say of images into the extension.
func (o *Offer) tellImages() error {
	var list []drawn
	for n, m := range o.Models {
		if m.Images != nil {
			list = append(list, drawn{uint8(n), *m.Images})
		}
	}
	opt := maps.Clone(o.Opt)
	delete(opt, ImagesExtension)
	if len(list) > 0 {
		raw, err := Encode(list)
		if err != nil {
			return err
		}
		if opt == nil {
			opt = Extensions{}
		}
		opt[ImagesExtension] = raw
	}
	o.Opt = opt
	return nil
}

// readImages gives the models what the extension says of them.
func (o *Offer) readImages() error {
	raw, has := o.Opt[ImagesExtension]
	if !has {
		return nil
	}
	var list []drawn
	if err := Decode(raw, &list); err != nil {
		return fmt.Errorf("offer.%s: %w", ImagesExtension, err)
	}
	for _, d := range list {
		if int(d.Model) >= len(o.Models) || o.Models[d.Model].Images != nil {
			return fieldErr("offer.images.model", "the place of a model, each once", d.Model)
		}
		o.Models[d.Model].Images = &d.Images
		if err := o.Models[d.Model].checkImages("offer.images"); err != nil {
			return err
		}
	}
	return nil
}

// checkImages holds what a model says of images to its tick.
func (m *Served) checkImages(at string) error {
	if m.Images == nil {
		return nil
	}
	if err := m.Images.Check(at); err != nil {
		return err
	}
	if m.Images.AtOnce(m.Tick) == 0 {
		return fieldErr(at+".units", fmt.Sprintf("at most a tick, %d", m.Tick), m.Images.Units)
	}
	return nil
}
