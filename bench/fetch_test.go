package main

import (
	"fmt"
	"testing"
)

// TestFetchField: every figure is there.
func TestFetchField(t *testing.T) {
	res := results{}
	if err := fetchField(t.Context(), t.TempDir(), true, 4<<20, res); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"raw_stream", "1_peer", "2_peers", "4_peers"} {
		if res[fmt.Sprintf("fetch_%s_mb_s", key)] <= 0 {
			t.Errorf("no figure for %s: %v", key, res)
		}
	}
}
