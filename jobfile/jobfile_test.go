package jobfile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f, err := Parse([]byte(`
# a folder of scans
image: tesseract
name: page-{index}
args: [/in/page.png, "-", -l, 0.10, yes]
env: {LANG: C, N: 007}
inputs:
  - scans/{index}.png=page.png
  - {path: words.txt, name: words}
out_dir: text/{index}
budget: 0.10
timeout: 1h30m
memory: 512
gpus: 2
vram: 6GiB
retries: 0
array: 2
matrix:
  psm: [3, 6]
  lang: [eng]
`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Image != "tesseract" || f.Budget != "0.10" || f.MemoryMiB != 512 || f.GPUs != 2 || f.VRAM != "6GiB" || f.Retries == nil || *f.Retries != 0 || f.Timeout != "1h30m" {
		t.Errorf("got %+v", f)
	}
	if !slices.Equal(f.Args, []Text{"/in/page.png", "-", "-l", "0.10", "yes"}) || !slices.Equal(f.Env, Pairs{"LANG=C", "N=007"}) {
		t.Errorf("args %q, env %q", f.Args, f.Env)
	}
	if !slices.Equal(f.Inputs, []Input{{Path: "scans/{index}.png=page.png"}, {"words.txt", "words"}}) {
		t.Errorf("inputs %q", f.Inputs)
	}
	tasks, err := Tasks(f.Array, f.Matrix)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range tasks {
		got = append(got, v.Fill("{index}/{count}-{psm}-{lang}-{other}"))
	}
	if want := []string{"0/4-3-eng-{other}", "1/4-3-eng-{other}", "2/4-6-eng-{other}", "3/4-6-eng-{other}"}; !slices.Equal(got, want) {
		t.Errorf("tasks are %q, want %q", got, want)
	}
}

// TestErrorsNameLineAndField is what a person with a typo sees.
func TestErrorsNameLineAndField(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "1: the file is empty"},
		{"module: a\nimag: b", "2: imag: no such key"},
		{"name: x", "1: one of module, image and model"},
		{"module: a\nimage: b", "1: one of module, image and model"},
		{"module: a\nmemory: 0", "2: memory: "},
		{"module: a\nmemory: lots", "2: memory: "},
		{"module: a\ncpus: 70000", "2: cpus: "},
		{"module: a\ngpus: 0", "2: gpus: "},
		{"module: a\nvram: lots", "2: vram: "},
		{"module: a\ntimeout: 5", "2: timeout: "},
		{"module: a\nbudget: -1", "2: budget: "},
		{"module: a\ninputs:\n - a\n - {name: b}", "4: inputs[1]"},
		{"module: a\nenv:\n  A: 1\n  1B: 2", "4: env.1B: "},
		{"module: a\nmatrix:\n  index: [1]", "matrix.index: "},
		{"module: a\narray: 10001", "2: array: "},
		{"module: a\nmodule: b", "2: module: given twice"},
		{"module: a\nargs: &x [a]\nenv: *x", "3: anchors"},
		{"module: a\n---\nmodule: b", "1: one document"},
		{"module: [", "1: "},
		{"module: a\nargs: {a: [[[[[[[[[[1]]]]]]]]]]}", "2: nested deeper"},
		{"- a", "1: the file: "},
	} {
		_, err := Parse([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.file, err, c.want)
		}
	}
}

func TestSchemaIsJSON(t *testing.T) {
	if !json.Valid(Schema) {
		t.Error("schema.json is no JSON")
	}
}

func TestAxes(t *testing.T) {
	a, err := ParseAxis("lang=de,fr")
	if err != nil || a.Key != "lang" || !slices.Equal(a.Values, []string{"de", "fr"}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"", "a", "a=", "=b", "index=1", "A=1", "1=1"} {
		if _, err := ParseAxis(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	many := Axis{"a", make([]string, 200)}
	if _, err := Tasks(0, []Axis{many, {"b", make([]string, 51)}}); err == nil {
		t.Error("10,200 tasks were taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("module: a\nargs: [1, b]\nmatrix: {a: [1]}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Parse(b); err != nil && !strings.Contains(err.Error(), ": ") {
			t.Errorf("%q: an error without a line: %v", b, err)
		}
	})
}
