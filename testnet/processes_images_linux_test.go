package testnet_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// Images of a scripted model server that a signed pack has, in a rig's sandbox, bought with npm's
// openai through `rerig serve`. What came is what the rig earns.
func TestImages(t *testing.T) {
	t.Parallel()
	binary, dir := build(t), npmClients(t)
	image, err := guestImage()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneOf(t, binary, realJobTime)
	bob := s.requester("bob")
	s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	file := filepath.Join(s.dir, "paint.pack")
	publish := s.start(bob, "pack", "publish", "paint:1", "--image", image, "--file", file, "--arg=paint", "--arg={port}", "--arg={model}",
		"--image-units", "40", "--image-sizes", "64x64,32x16", "--image-bytes", "20000")
	publish.exits(0)
	show := s.start(bob, "pack", "show", file)
	show.exits(0)
	show.shows("images     40 units each, 64x64 or 32x16, 20000 bytes at most")
	bad := s.start(bob, "pack", "publish", "bad:1", "--image", image, "--arg={model}", "--image-units", "40", "--image-sizes", "wide")
	bad.exits(1)
	bad.says("pack.images.sizes")

	rig := s.rig("alice")
	rig.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	_, list := s.serves(bob, rig, "--engine-pack", strings.TrimSpace(publish.out.String()), "--pack-publisher", bob.key.Address().String(),
		"--serve", fmt.Sprintf("jargon=%s,price=%s,tick=100", s.gguf("jargon"), servedPrice))
	if m := list["jargon"]; m.Images == nil || m.Images.Units != 40 || m.Images.Bytes != 20_000 {
		t.Fatalf("the rig offers %+v", m)
	}
	gate := s.start(bob, "serve", "--listen", "127.0.0.1:0", "--budget", "0.5")
	drive(t, s.base(gate), "images", dir, "node", "openai.mjs")
	gate.finish(syscall.SIGINT, 0)
	jobs, err := s.api(rig).Jobs(s.ctx)
	s.must(err)
	var units uint64
	for _, rec := range jobs {
		if units += rec.Job.Units; rec.Job.Paid != protocol.NewAmount(rec.Job.Units) {
			t.Errorf("the rig was paid %s for %d units", rec.Job.Paid, rec.Job.Units)
		}
	}
	if units != 3*40 {
		t.Errorf("three images of 40 units make %d", units)
	}
}
