package main

import (
	"encoding/json"
	"fmt"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

func decodeRequest(b []byte) (*frame.Request, error) {
	req := new(frame.Request)
	if err := json.Unmarshal(b, req); err != nil {
		return nil, fmt.Errorf("decode the job: %w", err)
	}
	if len(req.SHA256) != 32 || len(req.Seed) != 32 {
		return nil, fmt.Errorf("module hash has %d bytes and seed %d, want 32 each", len(req.SHA256), len(req.Seed))
	}
	return req, nil
}
