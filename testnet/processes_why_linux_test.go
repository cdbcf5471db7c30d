package testnet_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// cardsTooSmall: a rig whose cards have less memory than requesters want is told so by its
// `rerig why`, with how many they are and what card would do, though they ask in another
// class of the index than the rig's own.
func cardsTooSmall(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.sell(2)
	for _, vram := range []string{"16GiB", "16GiB", "24GiB"} {
		run := c.container(c.bob, "--gpus", "1", "--vram", vram, "--", "cards", "0")
		run.exits(125)
		run.says("no rig fits")
	}
	var w node.WhyReport
	c.until("rerig why counts them", func() (bool, error) {
		cmd := c.start(c.alice, "why", "-o", "json")
		cmd.exits(0)
		w = node.WhyReport{}
		err := json.Unmarshal([]byte(cmd.out.String()), &w)
		return w.Asked == 3, err
	})
	if w.Fit != 0 || w.Skipped != 3 || len(w.Skips) != 1 {
		c.t.Fatalf("%+v", w)
	}
	skip := w.Skips[0]
	if skip.Code != "vram" || skip.Count != 3 || skip.Only != 3 || skip.Permille != 1000 {
		c.t.Errorf("%+v", skip)
	}
	text := c.start(c.alice, "why")
	text.exits(0)
	for _, want := range []string{"3 requests, of which 0 fit", "3×  100.0 %  VRAM 12 GiB < 16 GiB", "a card of 16 GiB would do for half of them, 24 GiB for nine tenths"} {
		if !strings.Contains(text.out.String(), want) {
			c.t.Errorf("it does not say %q: %s", want, fmt.Sprint(text.out))
		}
	}
}
