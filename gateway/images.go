package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rerig/rerig/protocol"
)

// imageWait is how long images may take: they come at once, when the last is made.
const imageWait = 10 * time.Minute

// checkImages checks what a request for images has of its own.
func (q *request) checkImages() error {
	var prompt string
	format := "b64_json"
	for name, to := range map[string]any{"prompt": &prompt, "size": &q.size, "response_format": &format} {
		if raw, ok := q.fields[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return &apiError{param: name, code: "invalid_type", message: "Invalid type for '" + name + "': " + err.Error()}
			}
		}
	}
	switch {
	case prompt == "" || len(prompt) > protocol.MaxImagePrompt:
		return bad("prompt", "a prompt has 1 to %d bytes, this one %d", protocol.MaxImagePrompt, len(prompt))
	case q.n > protocol.MaxImagesAtOnce:
		return bad("n", "n %d is outside 1 to %d", q.n, protocol.MaxImagesAtOnce)
	case format != "b64_json":
		return &apiError{param: "response_format", code: "unsupported_value",
			message: fmt.Sprintf("response_format %.20q is not supported: images come as b64_json, nobody keeps them", format)}
	case q.stream:
		return &apiError{param: "stream", code: "unsupported_value", message: "images are not streamed here"}
	}
	if q.size == "auto" {
		q.size = ""
		delete(q.fields, "size")
	}
	return nil
}

// drawn are the offers that can make the images which are asked for. Of a request for something
// else it is all.
func (q *request) drawn(offers []Offer) ([]Offer, error) {
	if q.form != imageForm {
		return offers, nil
	}
	var fit []Offer
	var sizes []string
	most := 0
	for _, o := range offers {
		if o.Model.Images == nil {
			continue
		}
		can := o.Model.Images.AtOnce(o.Model.Tick)
		most = max(most, can)
		sized := q.size == "" || slices.Contains(o.Model.Images.Sizes, q.size)
		if sized && q.n <= can {
			fit = append(fit, o)
		}
		for _, s := range o.Model.Images.Sizes {
			if !slices.Contains(sizes, s) {
				sizes = append(sizes, s)
			}
		}
	}
	switch {
	case len(fit) > 0:
		return fit, nil
	case len(sizes) == 0:
		return nil, &apiError{status: http.StatusNotFound, param: "model", code: "model_not_found",
			message: fmt.Sprintf("The model `%s` makes no images at any rig within reach", q.model)}
	case q.n > most:
		return nil, bad("n", "n %d: rigs make at most %d images of this model at once", q.n, most)
	}
	return nil, &apiError{param: "size", code: "invalid_value", message: fmt.Sprintf("size %.20q: rigs make %s", q.size, strings.Join(sizes, ", "))}
}

// credit is what a rig may bill before anything of its answer is here, in units.
func (q *request) credit(m *protocol.Served, made []int) uint64 {
	if q.form == imageForm {
		return q.mostMade(m)
	}
	return protocol.TokenUnits(q.mostRead(m)+uint64(len(made)), 0)
}

// patience is how long a rig may take to send anything.
func (q *request) patience() time.Duration {
	if q.form == imageForm {
		return imageWait
	}
	return firstWait
}

// readImages reads an answer of images and counts them.
func (a *attempt) readImages(body io.Reader, started time.Time) error {
	offered := a.offer.Model.Images
	images, _, err := offered.ReadReply(body, a.q.n)
	if err != nil {
		return err
	}
	list, err := json.Marshal(images)
	if err != nil {
		return err
	}
	a.begin(started)
	a.tokens = uint64(len(images)) * offered.Units
	return a.push(chunk{whole: map[string]json.RawMessage{"data": list}}, len(list))
}

// imagesView is how a rig makes images, with what one costs.
type imagesView struct {
	*protocol.Images
	AtOnce int    `json:"n"`
	Price  string `json:"price"`
}

// viewImages is nil where a model makes none.
func (g *Gateway) viewImages(m *protocol.Served) *imagesView {
	if m.Images == nil {
		return nil
	}
	v := &imagesView{Images: m.Images, AtOnce: m.Images.AtOnce(m.Tick)}
	if cost, err := m.Price().Cost(m.Images.Units); err == nil {
		v.Price = g.config.Text(cost) + " an image"
	}
	return v
}
