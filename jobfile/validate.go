package jobfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a file may nest; the schema's own is 4.
const maxDepth = 8

// validate holds a document to the schema.
func validate(root *yaml.Node) error {
	v, err := plain(root, 0)
	if err != nil {
		return err
	}
	f := parsed().check(parsed(), v, nil)
	if f == nil {
		return nil
	}
	if f.which && len(f.path) == 0 {
		return fmt.Errorf("%d: one of module, image and model", root.Line)
	}
	return fmt.Errorf("%d: %s: %s", line(root, f.path), field(f.path), f.text)
}

// plain is a node as JSON has it. Anchors are not followed, so that a short file stays
// short.
func plain(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%d: nested deeper than %d", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("%d: a key is a text", k.Line)
			}
			if _, twice := m[k.Value]; twice {
				return nil, fmt.Errorf("%d: %s: given twice", k.Line, k.Value)
			}
			v, err := plain(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			m[k.Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, err := plain(c, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.ScalarNode:
		return scalar(n), nil
	}
	return nil, fmt.Errorf("%d: anchors and aliases are not read here", n.Line)
}

func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) { // 0x10 and 1_000 are texts
			return json.Number(n.Value)
		}
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		return nil
	}
	return n.Value
}

// line is where the value at a path begins, or the last thing on the way to it.
func line(n *yaml.Node, path []string) int {
	at := n.Line
	for _, step := range path {
		var next *yaml.Node
		if i, err := strconv.Atoi(step); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
			next = n.Content[i]
			at = next.Line
		}
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				at, next = n.Content[i].Line, n.Content[i+1]
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return at
}

// field is a path as people write it: inputs[2].name.
func field(path []string) string {
	var b strings.Builder
	for _, step := range path {
		if _, err := strconv.Atoi(step); err == nil {
			fmt.Fprintf(&b, "[%s]", step)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	if b.Len() == 0 {
		return "the file"
	}
	return b.String()
}

// syntaxError is the YAML library's error with the line first.
func syntaxError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		return errors.New(rest)
	}
	if text == "EOF" {
		text = "the file is empty"
	}
	return errors.New("1: " + text)
}
