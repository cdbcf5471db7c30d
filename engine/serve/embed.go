package serve

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"net/http"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/sampler"
)

// embedRequest are the fields of /v1/embeddings.
type embedRequest struct {
	model          string
	input          inputs
	encodingFormat string
	dimensions     *int
}

func (e *embedRequest) fields() params {
	e.encodingFormat = "float"
	return params{"model": &e.model, "input": &e.input, "encoding_format": &e.encodingFormat, "dimensions": &e.dimensions}
}

// check returns the tokens of the inputs.
func (e *embedRequest) check(s *server) ([][]int, error) {
	if err := s.isOurs(e.model); err != nil {
		return nil, err
	}
	switch {
	case e.encodingFormat != "float" && e.encodingFormat != "base64":
		return nil, bad("encoding_format", "encoding_format %q is not supported, want \"float\" or \"base64\"", e.encodingFormat)
	case e.dimensions != nil && *e.dimensions != s.model.Width:
		return nil, bad("dimensions", "dimensions %d is not supported, this model has %d", *e.dimensions, s.model.Width)
	}
	return e.input.prompts(s, "input")
}

// embed answers with the mean of the model's last hidden states over each input,
// at unit length. A language model was not trained for it: the field pooling says
// what the numbers are.
func (s *server) embed(w http.ResponseWriter, r *http.Request) {
	var e embedRequest
	if err := e.fields().read(w, r); err != nil {
		fail(w, err)
		return
	}
	inputs, err := e.check(s)
	if err != nil {
		fail(w, err)
		return
	}
	data, count := []any{}, 0
	for i, input := range inputs {
		vector, err := s.vector(r, input)
		if err != nil {
			fail(w, err)
			return
		}
		var spelled any = vector
		if e.encodingFormat == "base64" {
			spelled = packed(vector)
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": spelled})
		count += len(input)
	}
	answer(w, map[string]any{
		"object": "list", "data": data, "model": s.name, "pooling": "mean of the last hidden states",
		"usage": map[string]int{"prompt_tokens": count, "total_tokens": count},
	})
}

// vector computes one input.
func (s *server) vector(r *http.Request, input []int) ([]float32, error) {
	if len(input) == 0 {
		return nil, bad("input", "an input is empty")
	}
	work := ask.From(r.Context())
	stream, err := s.batcher.Submit(batch.Request{Prompt: input, Embed: true, LogProbs: -1, Sampling: sampler.Options{TopP: 1},
		Owner: work.Owner(), Progress: spending(work, true)})
	var long *batch.LengthError
	if errors.As(err, &long) {
		return nil, &apiError{param: "input", code: "context_length_exceeded", message: long.Error()}
	}
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	work.Part(stream)
	if _, _, err := stream.Next(r.Context()); err != nil {
		return nil, err
	}
	return unit(stream.Vector())
}

// unit brings a vector to length 1.
func unit(v []float32) ([]float32, error) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0 && sum <= math.MaxFloat64) {
		return nil, &apiError{status: http.StatusInternalServerError, message: "the model's hidden states are not finite"}
	}
	scale := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * scale)
	}
	return v, nil
}

// packed spells a vector as base64 of little-endian float32.
func packed(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
