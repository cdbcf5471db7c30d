package pack

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// wantImages is what a requester asks for in images.
type wantImages struct {
	n    int
	size string
}

// checkImages reads a request for images. Units are counted as if they were tokens.
func (w *want) checkImages(all map[string]json.RawMessage, s *Server) error {
	offered := s.spec.Pack.Images
	most := offered.AtOnce(s.spec.Tick)
	w.images = &wantImages{n: 1, size: offered.Sizes[0]}
	var prompt, size string
	format := "b64_json"
	for name, to := range map[string]any{"prompt": &prompt, "n": &w.images.n, "size": &size, "response_format": &format, "stream": &w.stream} {
		if raw, ok := all[name]; ok && string(raw) != "null" {
			if err := json.Unmarshal(raw, to); err != nil {
				return bad(name, "%s: %v", name, err)
			}
		}
	}
	if size != "" && size != "auto" {
		w.images.size = size
	}
	switch {
	case prompt == "" || len(prompt) > protocol.MaxImagePrompt:
		return bad("prompt", "a prompt has 1 to %d bytes, this one %d", protocol.MaxImagePrompt, len(prompt))
	case w.images.n < 1 || w.images.n > most:
		return bad("n", "n %d: one request has 1 to %d images here", w.images.n, most)
	case !slices.Contains(offered.Sizes, w.images.size):
		return bad("size", "size %.20q is none of %s", w.images.size, strings.Join(offered.Sizes, ", "))
	case format != "b64_json":
		return bad("response_format", "response_format %.20q: images come as b64_json here, nobody keeps them", format)
	case w.stream:
		return bad("stream", "images are no stream here")
	}
	w.tokens = w.images.n * int(offered.Units)
	return nil
}

// writtenImages is the body that reaches the server.
func (w *want) writtenImages(s *Server) ([]byte, error) {
	body := map[string]any{"model": s.spec.Name, "n": w.images.n, "size": w.images.size, "response_format": "b64_json"}
	for _, name := range drawn {
		if value, ok := w.fields[name]; ok {
			body[name] = value
		}
	}
	return json.Marshal(body)
}

// drew reads an answer of images, counts them and writes them anew: no more of the server's
// reaches a requester than what was asked for.
func (a *Answer) drew(from io.Reader) error {
	offered := a.server.spec.Pack.Images
	images, created, err := offered.ReadReply(from, a.want.images.n)
	if err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	units := uint64(len(images)) * offered.Units
	body, err := json.Marshal(map[string]any{"created": created, "data": images,
		"usage": map[string]uint64{"input_tokens": 0, "output_tokens": units, "total_tokens": units}})
	if err != nil {
		return err
	}
	a.count(0, units)
	a.burst = handful // the meter looks before any of it is handed on
	if err := a.breathe(); err != nil {
		return err
	}
	a.whole(200, body)
	return nil
}
