package pack

import (
	"encoding/base64"
	"encoding/json"
	"errors"
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

// image is one of an answer.
type image struct {
	Data    string `json:"b64_json"`
	Revised string `json:"revised_prompt,omitempty"` // the text that it was made of
}

// images are at most one more than may be asked for: a list of a million takes no memory.
type images []image

// UnmarshalJSON leaves out what is beyond that, and all behind a null.
func (l *images) UnmarshalJSON(b []byte) error {
	var few [protocol.MaxImagesAtOnce + 1]*image
	if err := json.Unmarshal(b, &few); err != nil {
		return err
	}
	for _, one := range few {
		if one == nil {
			break
		}
		*l = append(*l, *one)
	}
	return nil
}

// drew reads an answer of images, counts them and writes them anew: no more of the server's
// reaches a requester than what was asked for.
func (a *Answer) drew(from io.Reader) error {
	offered := a.server.spec.Pack.Images
	limit := offered.ReplyBytes(a.want.images.n)
	raw, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return err
	}
	if len(raw) > limit {
		return fmt.Errorf("the server's images take more than %d bytes", limit)
	}
	var said struct {
		Created int64  `json:"created"`
		Images  images `json:"data"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return fmt.Errorf("the server's images: %w", err)
	}
	if len(said.Images) == 0 || len(said.Images) > a.want.images.n {
		return fmt.Errorf("the server sent %d images, %d were asked for", len(said.Images), a.want.images.n)
	}
	for _, one := range said.Images {
		if err := one.check(offered); err != nil {
			return err
		}
	}
	units := uint64(len(said.Images)) * offered.Units
	body, err := json.Marshal(map[string]any{"created": said.Created, "data": said.Images,
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

func (i *image) check(offered *protocol.Images) error {
	if i.Data == "" || base64.StdEncoding.DecodedLen(len(i.Data)) > int(offered.Bytes)+2 {
		return fmt.Errorf("the server's image has %d bytes of base64, 1 to %d bytes of an image are allowed", len(i.Data), offered.Bytes)
	}
	n, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, strings.NewReader(i.Data)))
	switch {
	case err != nil:
		return fmt.Errorf("the server's image: %w", err)
	case n > int64(offered.Bytes):
		return fmt.Errorf("the server's image has %d bytes, %d are allowed", n, offered.Bytes)
	case len(i.Revised) > protocol.MaxImagePrompt:
		return errors.New("the server's image has a text that is too long")
	}
	return nil
}
