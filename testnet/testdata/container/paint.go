package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
)

// paint is a model server on a port, spoken to as llama.cpp's: it says one word to every text, and
// makes images in one colour of the size that is asked for. Of "a flood" it makes one that is
// larger than it may be, and of "a crash" none.
func paint(port, weights string) {
	if _, err := os.Stat(weights); err != nil {
		os.Exit(66)
	}
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /props", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"default_generation_settings":{"n_ctx":256}}`)
	})
	http.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"data":[{}]}`) })
	http.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"text\":\"word\",\"finish_reason\":\"stop\"}],\"timings\":{\"prompt_n\":4,\"predicted_n\":1}}\n\n"+
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,\"total_tokens\":5}}\n\ndata: [DONE]\n\n")
	})
	http.HandleFunc("POST /v1/images/generations", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Prompt, Size string
			N            int
		}
		check(json.NewDecoder(r.Body).Decode(&q))
		var width, height int
		_, err := fmt.Sscanf(q.Size, "%dx%d", &width, &height)
		check(err)
		type one struct {
			Data []byte `json:"b64_json"`
		}
		var list []one
		for range q.N {
			switch q.Prompt {
			case "a flood":
				list = append(list, one{make([]byte, 1<<20)})
			case "a crash":
				panic(http.ErrAbortHandler)
			default:
				list = append(list, one{plain(width, height)})
			}
		}
		check(json.NewEncoder(w).Encode(map[string]any{"created": 1, "data": list, "usage": map[string]int{"total_tokens": 1 << 40}}))
	})
	check(http.ListenAndServe("127.0.0.1:"+port, nil))
}

// plain is a red PNG.
func plain(width, height int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, color.RGBA{R: 255, A: 255})
	}
	var b bytes.Buffer
	check(png.Encode(&b, m))
	return b.Bytes()
}
