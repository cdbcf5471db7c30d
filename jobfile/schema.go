package jobfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// schema is what schema.json uses of JSON Schema (draft 2020-12), and no more: reading it
// refuses any other keyword. A whole validator made the binary 0.8 MB larger; one is asked in
// the tests whether this one agrees with it.
type schema struct {
	Schema, ID, Title, Description any // said to people and editors

	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Type       kinds              `json:"type"`
	Enum       []string           `json:"enum"`
	OneOf      []*schema          `json:"oneOf"`
	Pattern    string             `json:"pattern"`
	MinLength  *int               `json:"minLength"`
	MaxLength  *int               `json:"maxLength"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	Above      *float64           `json:"exclusiveMinimum"`
	Items      *schema            `json:"items"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Patterns   map[string]*schema `json:"patternProperties"`
	Additional *bool              `json:"additionalProperties"`
	MaxKeys    *int               `json:"maxProperties"`

	never bool // it is false: nothing fits
}

// kinds are one type or several.
type kinds []string

func (k *kinds) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(k))
	}
	*k = make(kinds, 1)
	return json.Unmarshal(b, &(*k)[0])
}

// UnmarshalJSON reads a schema, which false is too, and refuses what it does not know.
func (s *schema) UnmarshalJSON(b []byte) error {
	if string(b) == "false" {
		s.never = true
		return nil
	}
	type plain schema // without this method
	var p struct {
		plain
		Schema any `json:"$schema"`
		ID     any `json:"$id"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	*s = schema(p.plain)
	return err
}

var parsed = sync.OnceValue(func() *schema {
	s := new(schema)
	if err := json.Unmarshal(Schema, s); err != nil {
		panic(err) // embedded, and read by every test
	}
	return s
})

// fault is what does not fit, and where.
type fault struct {
	path  []string
	text  string
	which bool // of several ways none fits, or more than one
}

func wrong(path []string, format string, args ...any) *fault {
	return &fault{path: slices.Clone(path), text: fmt.Sprintf(format, args...)}
}

// check holds a value, as JSON has it, to a schema of root's.
func (s *schema) check(root *schema, v any, path []string) *fault {
	switch {
	case s.never:
		return wrong(path, "this name is taken")
	case s.Ref != "":
		return root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")].check(root, v, path)
	case len(s.Type) > 0 && !slices.ContainsFunc(s.Type, func(k string) bool { return is(k, v) }):
		return wrong(path, "%s, got %s", strings.Join(s.Type, " or "), kindOf(v))
	case len(s.Enum) > 0:
		if text, ok := v.(string); !ok || !slices.Contains(s.Enum, text) {
			return wrong(path, "one of %s", strings.Join(s.Enum, ", "))
		}
	}
	var f *fault
	switch v := v.(type) {
	case string:
		f = s.checkText(v, path)
	case json.Number:
		f = s.checkNumber(v, path)
	case []any:
		f = s.checkList(root, v, path)
	case map[string]any:
		f = s.checkKeys(root, v, path)
	}
	if f != nil || len(s.OneOf) == 0 {
		return f
	}
	return s.checkWays(root, v, path)
}

// checkWays wants exactly one of several schemas to fit. The fault of the way that went
// deepest is the one that was meant.
func (s *schema) checkWays(root *schema, v any, path []string) *fault {
	fits, deepest := 0, &fault{path: slices.Clone(path), text: "none of its forms", which: true}
	for _, way := range s.OneOf {
		f := way.check(root, v, path)
		if f == nil {
			fits++
		} else if len(f.path) > len(deepest.path) {
			deepest = f
		}
	}
	if fits == 1 {
		return nil
	}
	if fits > 1 {
		return &fault{path: slices.Clone(path), text: "more than one of its forms", which: true}
	}
	return deepest
}

func (s *schema) checkText(v string, path []string) *fault {
	n := utf8.RuneCountInString(v)
	switch {
	case s.MinLength != nil && n < *s.MinLength:
		return wrong(path, "at least %d characters, got %d", *s.MinLength, n)
	case s.MaxLength != nil && n > *s.MaxLength:
		return wrong(path, "at most %d characters, got %d", *s.MaxLength, n)
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v):
		return wrong(path, "%.100q is not of the form %s", v, s.Pattern)
	}
	return nil
}

func (s *schema) checkNumber(v json.Number, path []string) *fault {
	n, _ := strconv.ParseFloat(string(v), 64) // beyond all numbers it is infinite
	switch {
	case s.Minimum != nil && n < *s.Minimum:
		return wrong(path, "at least %s, got %s", number(*s.Minimum), v)
	case s.Maximum != nil && n > *s.Maximum:
		return wrong(path, "at most %s, got %s", number(*s.Maximum), v)
	case s.Above != nil && n <= *s.Above:
		return wrong(path, "more than %s, got %s", number(*s.Above), v)
	}
	return nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (s *schema) checkList(root *schema, v []any, path []string) *fault {
	switch {
	case s.MinItems != nil && len(v) < *s.MinItems:
		return wrong(path, "at least %d, got %d", *s.MinItems, len(v))
	case s.MaxItems != nil && len(v) > *s.MaxItems:
		return wrong(path, "at most %d, got %d", *s.MaxItems, len(v))
	}
	for i := range v {
		if s.Items == nil {
			break
		}
		if f := s.Items.check(root, v[i], append(path, strconv.Itoa(i))); f != nil {
			return f
		}
	}
	return nil
}

func (s *schema) checkKeys(root *schema, v map[string]any, path []string) *fault {
	if s.MaxKeys != nil && len(v) > *s.MaxKeys {
		return wrong(path, "at most %d, got %d", *s.MaxKeys, len(v))
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		known, at := false, append(slices.Clone(path), key)
		if one := s.Properties[key]; one != nil {
			known = true
			if f := one.check(root, v[key], at); f != nil {
				return f
			}
		}
		for pattern, one := range s.Patterns {
			if !regexp.MustCompile(pattern).MatchString(key) {
				continue
			}
			known = true
			if f := one.check(root, v[key], at); f != nil {
				return f
			}
		}
		if !known && s.Additional != nil && !*s.Additional {
			return wrong(at, "no such key")
		}
	}
	for _, key := range s.Required {
		if _, ok := v[key]; !ok {
			return &fault{path: slices.Clone(path), text: key + " is missing", which: true}
		}
	}
	return nil
}

// is tells whether a value is of a kind of JSON Schema's.
func is(kind string, v any) bool {
	if n, ok := v.(json.Number); ok && kind == "integer" {
		f, err := strconv.ParseFloat(string(n), 64)
		return err == nil && f == math.Trunc(f)
	}
	return kindOf(v) == kind
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}
