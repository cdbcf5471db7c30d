package gateway

import (
	"encoding/json"
	"strings"
)

const (
	nodeCost  = 64  // bytes that a value takes beside its text
	maxLooked = 256 // elements of a list, from its end, among which one is looked for
)

// object is one as far as it has come.
type object = map[string]any

// growing is a text that may go on.
type growing struct{ strings.Builder }

// MarshalJSON writes the text in quotes.
func (g *growing) MarshalJSON() ([]byte, error) { return json.Marshal(g.String()) }

// merge joins what a chunk says of a field with what others said before: texts are put behind
// each other, objects are merged field by field, and lists by the index that their elements name.
func (s *wholeSink) merge(into object, name string, v any) error {
	if err := s.take(nodeCost + len(name)); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		had, ok := into[name].(*growing)
		if once := name == "id" || name == "type" || name == "name" && ok && had.String() == v; !ok || once {
			had = &growing{}
			into[name] = had
		}
		had.WriteString(v)
		return s.take(len(v))
	case object:
		had, ok := into[name].(object)
		if !ok {
			had = object{}
			into[name] = had
		}
		return s.mergeObject(had, v)
	case []any:
		list, _ := into[name].([]any)
		for _, one := range v {
			var err error
			if list, err = s.mergeElement(list, one); err != nil {
				return err
			}
		}
		into[name] = list
		return nil
	}
	into[name] = v
	return nil
}

func (s *wholeSink) mergeObject(into, more object) error {
	for name, v := range more {
		if err := s.merge(into, name, v); err != nil {
			return err
		}
	}
	return nil
}

// mergeElement joins an element with the one of its index, else it is a new one.
func (s *wholeSink) mergeElement(list []any, v any) ([]any, error) {
	more, ok := v.(object)
	if !ok {
		return append(list, v), s.take(weight(v))
	}
	index, named := more["index"].(float64)
	for i := len(list) - 1; named && i >= max(0, len(list)-maxLooked); i-- {
		if had, ok := list[i].(object); ok && had["index"] == any(index) {
			return list, s.mergeObject(had, more)
		}
	}
	one := object{}
	return append(list, one), s.mergeObject(one, more)
}

// weight is what a value takes, in bytes.
func weight(v any) int {
	n := nodeCost
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, one := range v {
			n += weight(one)
		}
	case object:
		for name, one := range v {
			n += len(name) + weight(one)
		}
	}
	return n
}

// take counts bytes of the answer.
func (s *wholeSink) take(bytes int) error {
	if s.size += bytes; s.size > maxAnswer {
		return errLarge
	}
	return nil
}
