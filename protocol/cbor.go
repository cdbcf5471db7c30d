package protocol

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// One codec: RFC 8949 §4.2.1 core deterministic CBOR (SPEC §1.2). Decoding is
// strict: unknown fields, duplicate keys, tags, indefinite lengths, floats for
// integers and any encoding other than the canonical one are refused.
var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortBytewiseLexical,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
	}.EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1024,
		MaxMapPairs:       64,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options are constants; a bad one is caught by the first test
	}
	return v
}

// Encode writes v as deterministic CBOR.
func Encode(v any) ([]byte, error) {
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}

// Decode reads deterministic CBOR into v and refuses bytes that Encode would
// not have written, so that one value has one hash.
func Decode(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if !bytes.Equal(again, b) {
		return &FieldError{Field: "encoding", Limit: "deterministic CBOR (SPEC §1.2)"}
	}
	return nil
}

// Extensions is a map of named extension values (SPEC §1.3).
type Extensions map[string][]byte

// checkExtensions refuses oversized maps and, since this version knows no
// extension, every critical one, by name.
func checkExtensions(field string, crit, opt Extensions) error {
	for _, m := range []Extensions{crit, opt} {
		if err := checkLen(field+".extensions", len(m), MaxExtensions); err != nil {
			return err
		}
		for name, val := range m {
			if err := checkText(field+".extensions.name", name, MaxNameBytes); err != nil {
				return err
			}
			if err := checkLen(field+".extensions."+clip(name, 32), len(val), MaxExtBytes); err != nil {
				return err
			}
		}
	}
	for name := range crit {
		return &CriticalExtensionError{Field: field, Name: clip(name, MaxNameBytes)}
	}
	return nil
}

// CriticalExtensionError refuses a message or record that needs an extension
// this version does not know.
type CriticalExtensionError struct{ Field, Name string }

// Error names the extension and the way out.
func (e *CriticalExtensionError) Error() string {
	return fmt.Sprintf("%s: unknown critical extension %q; a newer rerig may know it", e.Field, e.Name)
}
