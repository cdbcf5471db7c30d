package protocol

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestImagesTravelInOffers: what a model says of images is in its signed offer, in an extension that
// others pass over, and one that breaks a limit is refused by its field.
func TestImagesTravelInOffers(t *testing.T) {
	now := epoch0
	images := func() *Images { return &Images{Units: 50, Bytes: 4096, Sizes: []string{"64x64", "128x64"}} }
	o, key := exampleOffer(), testKey("rig")
	for _, name := range []string{"words", "pictures"} {
		o.Models = append(o.Models, Served{CID: exampleCID(name), Name: name, Context: 256, PerMillion: NewAmount(1), Tick: 100})
	}
	o.Models[1].Images = images()
	signed, err := SignOffer(o, key)
	if err != nil {
		t.Fatal(err)
	}
	if o.Opt[ImagesExtension] != nil {
		t.Error("signing changed the caller's extensions")
	}
	v, err := signed.Verify(o.Network, now)
	if err != nil {
		t.Fatal(err)
	}
	if v.Models[0].Images != nil || !reflect.DeepEqual(v.Models[1].Images, images()) {
		t.Errorf("they arrive as %+v and %+v", v.Models[0].Images, v.Models[1].Images)
	}
	for field, change := range map[string]func(*Images){
		"units": func(i *Images) { i.Units = 0 }, "at most a tick": func(i *Images) { i.Units = 101 },
		"bytes": func(i *Images) { i.Bytes = MaxPictureBytes + 1 }, "sizes": func(i *Images) { i.Sizes = nil },
		"64x64x": func(i *Images) { i.Sizes[0] = "64x64x" }, "064x64": func(i *Images) { i.Sizes[0] = "064x64" },
		"4097x1": func(i *Images) { i.Sizes[0] = "4097x1" }, "128x64": func(i *Images) { i.Sizes[0] = "128x64" },
	} {
		o.Models[1].Images = images()
		change(o.Models[1].Images)
		var wrong *FieldError
		if _, err := SignOffer(o, key); !errors.As(err, &wrong) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	raw, err := Encode([]drawn{{Model: 2, Images: *images()}})
	if err != nil {
		t.Fatal(err)
	}
	o.Opt = Extensions{ImagesExtension: raw}
	if err := o.readImages(); err == nil {
		t.Error("a model that is not there makes images")
	}
}

// TestImagesAtOnce: a request's images fit into a tick and an answer.
func TestImagesAtOnce(t *testing.T) {
	for _, c := range []struct {
		units, tick uint64
		bytes       uint32
		want        int
	}{{10, 9, 100, 0}, {10, 25, 100, 2}, {1, 1000, 100, 10}, {1, 1000, MaxPictureBytes, 2}} {
		i := Images{Units: c.units, Bytes: c.bytes}
		if got := i.AtOnce(c.tick); got != c.want || i.ReplyBytes(got) > MaxImagesReply {
			t.Errorf("%+v: %d, in %d bytes", c, got, i.ReplyBytes(got))
		}
	}
}
