package protocol

import (
	"errors"
	"strings"
	"testing"
)

// Text from a peer ends up on a terminal: escape sequences, line breaks and
// direction overrides must not come through.
func TestTextIsPrintable(t *testing.T) {
	for name, bad := range map[string]string{
		"escape": "\x1b[2J", "newline": "a\nb", "bell": "\a", "override": "abc\u202edef", "C1": "\u009b31m", "NUL": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			var field *FieldError
			if _, err := EncodeMessage(&Refusal{Reason: ReasonBusy, Detail: bad}); !errors.As(err, &field) || field.Field != "refusal.detail" {
				t.Errorf("refusal: got %v", err)
			} else if strings.Contains(err.Error(), bad) {
				t.Errorf("the error repeats it: %q", err)
			}
			o := exampleOffer()
			o.Hardware.CPU = bad
			if _, err := SignOffer(o, testKey("rig")); !errors.As(err, &field) || field.Field != "offer.hardware.cpu" {
				t.Errorf("offer: got %v", err)
			}
			if _, err := EncodeMessage(&Refusal{Reason: ReasonBusy, Detail: ClipDetail(bad)}); err != nil {
				t.Errorf("clipped: %v", err)
			}
		})
	}
}
