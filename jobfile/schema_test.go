package jobfile

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// TestAgreesWithAWholeValidator: what a validator that nobody here wrote takes and refuses,
// this one does.
func TestAgreesWithAWholeValidator(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	theirs := c.MustCompile("schema.json")
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		v := file().Draw(t, "file")
		f, err := parsed().check(parsed(), v, nil), theirs.Validate(v)
		if (f == nil) != (err == nil) {
			t.Fatalf("%v: here %+v, there %v", v, f, err)
		}
		if f == nil {
			taken++
		}
	})
	if taken == 0 {
		t.Error("no file was taken: this compares refusals only")
	}
}

// TestUnknownKeyword: the schema cannot come to ask for what is not looked at.
func TestUnknownKeyword(t *testing.T) {
	for _, text := range []string{`{"properties": {"a": {"uniqueItems": true}}}`, `{"if": {}}`, `true`} {
		if err := json.Unmarshal([]byte(text), new(schema)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// file draws a job file, mostly near to a right one.
func file() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		m := map[string]any{}
		if rapid.IntRange(0, 9).Draw(t, "run") > 0 {
			m[rapid.SampledFrom([]string{"module", "image", "model"}).Draw(t, "kind")] = "what"
		}
		known := []string{"module", "name", "args", "env", "inputs", "out_dir", "budget", "max_price", "timeout", "checkpoint", "memory", "disk", "cpus",
			"gpus", "vram", "held_by", "region", "rig", "seed", "public", "private", "retries", "array", "matrix", "parallel", "nothing"}
		for range rapid.IntRange(0, 3).Draw(t, "keys") {
			key := rapid.SampledFrom(known).Draw(t, "key")
			m[key] = value(key).Draw(t, key)
		}
		return m
	})
}

// value draws what may stand behind a key, right and wrong.
func value(key string) *rapid.Generator[any] {
	scalars := []any{nil, true, "", "a", "é", "90s", "1h30m", "5", "6GiB", "gvisor", "0x0123456789abcdef0123456789abcdef01234567", "0.5",
		json.Number("0"), json.Number("-1"), json.Number("1"), json.Number("2.0"), json.Number("2.5"), json.Number("0.1"), json.Number("256"), json.Number("257"), json.Number("1e3"), json.Number("4294967296")}
	one := rapid.SampledFrom(scalars)
	lists := rapid.Map(rapid.SliceOfN(one, 0, 3), func(l []any) any { return l })
	maps := func(keys []string, of *rapid.Generator[any]) *rapid.Generator[any] {
		return rapid.Map(rapid.MapOfN(rapid.SampledFrom(keys), of, 0, 3), func(m map[string]any) any { return m })
	}
	switch key {
	case "args":
		return rapid.OneOf(lists, one)
	case "env":
		return rapid.OneOf(maps([]string{"A", "_b", "1C", ""}, one), one)
	case "inputs":
		parts := maps([]string{"path", "name", "other"}, one)
		return rapid.OneOf(lists, rapid.Map(rapid.SliceOfN(rapid.OneOf(parts, one), 0, 3), func(l []any) any { return l }))
	case "matrix":
		return rapid.OneOf(maps([]string{"lang", "psm", "index", "count", "Lang"}, rapid.OneOf(lists, one)), one)
	}
	return one
}
