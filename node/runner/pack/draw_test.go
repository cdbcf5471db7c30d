package pack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// painter answers requests for images with what is put there.
func painter(answer *string) http.Handler {
	return llama(func(w http.ResponseWriter, _ map[string]any) { fmt.Fprint(w, *answer) })
}

func paints(t *testing.T, e *scripted) *Server {
	t.Helper()
	p := example()
	p.Images = &protocol.Images{Units: 30, Bytes: 6, Sizes: []string{"64x64", "64x32"}}
	s, err := Serve(t.Context(), e, Spec{Pack: p, Entry: []string{"server"}, Weights: "/in/model.gguf", Name: "m", Context: 300, Tick: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// TestImages: the images that are there are counted, and nothing else of the server's is handed on;
// what is more than was asked for, or no image, ends the request and costs nothing.
func TestImages(t *testing.T) {
	answer := `{"created":7,"data":[{"b64_json":"aGVsbG8h","revised_prompt":"a b","url":"http://elsewhere"},{"b64_json":"aGk="}],"usage":{"output_tokens":1},"secret":1}`
	e := &scripted{Handler: painter(&answer)}
	s := paints(t, e)
	status, got, read, made, err := ask(t, s, "1", imagePath, `{"prompt":"a circle","n":3,"size":"64x32","quality":"low","user":"u"}`)
	if err != nil || status != 200 || read != 0 || made != 60 {
		t.Fatalf("%d %s, %d read and %d made, %v", status, got, read, made, err)
	}
	if want := `{"created":7,"data":[{"b64_json":"aGVsbG8h","revised_prompt":"a b"},{"b64_json":"aGk="}],"usage":{"input_tokens":0,"output_tokens":60,"total_tokens":60}}`; got != want {
		t.Errorf("it hands on %s", got)
	}
	if raw, _ := json.Marshal(e.asked[0]); string(raw) != `{"model":"m","n":3,"prompt":"a circle","quality":"low","response_format":"b64_json","size":"64x32"}` {
		t.Errorf("the server is asked %s", raw)
	}
	for name, bad := range map[string]string{
		"too large":       `{"data":[{"b64_json":"aGVsbG8hIQ=="}]}`,
		"far too large":   `{"data":[{"b64_json":"` + strings.Repeat("aGVs", 200_000) + `"}]}`,
		"no base64":       `{"data":[{"b64_json":"a!"}]}`,
		"none":            `{"data":[]}`,
		"an empty one":    `{"data":[{"b64_json":""}]}`,
		"a place":         `{"data":[{"url":"http://elsewhere"}]}`,
		"more than asked": `{"data":[{"b64_json":"aGk="},{"b64_json":"aGk="}]}`,
		"no JSON":         `<html>`,
	} {
		answer = bad
		if _, got, _, made, err := ask(t, s, "1", imagePath, `{"prompt":"a circle"}`); err == nil || made != 0 {
			t.Errorf("%s: %.100s costs %d, %v", name, got, made, err)
		}
	}
}

// TestImagesAreChecked: what a request may not ask for is refused by its name, and never reaches
// the server.
func TestImagesAreChecked(t *testing.T) {
	answer := ""
	e := &scripted{Handler: painter(&answer)}
	s := paints(t, e)
	for param, body := range map[string]string{
		"n": `{"prompt":"x","n":4}`, "size": `{"prompt":"x","size":"65x64"}`, "response_format": `{"prompt":"x","response_format":"url"}`,
		"stream": `{"prompt":"x","stream":true}`, "prompt": `{"prompt":"` + strings.Repeat("x", protocol.MaxImagePrompt+1) + `"}`,
		"image": `{"prompt":"x","image":"y"}`, "output_format": `{}`,
	} {
		if param == "output_format" {
			param = "prompt"
		}
		status, got, _, made, err := ask(t, s, "1", imagePath, body)
		if err != nil || status != 400 || made != 0 || !strings.Contains(got, fmt.Sprintf(`"param":%q`, param)) {
			t.Errorf("%s: %d %s, %v", param, status, got, err)
		}
	}
	if len(e.asked) > 0 {
		t.Errorf("the server is asked %v", e.asked)
	}
	plain := &scripted{Handler: painter(&answer)}
	if status, got, _, _, err := ask(t, serve(t, plain, example()), "1", imagePath, `{"prompt":"x"}`); err != nil || status != 404 {
		t.Errorf("one that makes none answers %d %s, %v", status, got, err)
	}
}
