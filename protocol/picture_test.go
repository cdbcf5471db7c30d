package protocol

import (
	"strings"
	"testing"
)

// TestImageReply: an answer has the images that were asked for, each as it was offered, and a
// list of a million takes no more room than eleven.
func TestImageReply(t *testing.T) {
	offered := &Images{Units: 1, Bytes: 6, Sizes: []string{"64x64"}}
	list, created, err := offered.ReadReply(strings.NewReader(`{"created":7,"data":[{"b64_json":"aGVsbG8h","revised_prompt":"a"},{"b64_json":"aGk="}]}`), 2)
	if err != nil || created != 7 || len(list) != 2 || list[0].Data != "aGVsbG8h" || list[0].Revised != "a" {
		t.Errorf("%+v, %d, %v", list, created, err)
	}
	for text, want := range map[string]string{
		`{"data":[]}`: "0 images came, 2 were asked for",
		`{"data":[` + strings.Repeat("{},", 170_000) + `{}]}`:                                             "11 images came, 2 were asked for",
		`{"data":[{"b64_json":"aGk="},null,{"b64_json":"a!"}]}`:                                           "",
		`{"data":[{"b64_json":"aGk="},{"b64_json":"aGVsbG8hIQ=="}]}`:                                      "image 1: it has 7 bytes, 1 to 6 were offered",
		`{"data":[{"b64_json":""}]}`:                                                                      "image 0: it has 0 bytes",
		`{"data":[{"b64_json":"a!"}]}`:                                                                    "image 0: unexpected EOF",
		`{"data":[{"b64_json":"aGk=","revised_prompt":"` + strings.Repeat("a", MaxImagePrompt+1) + `"}]}`: "its text is too long",
		`{"data":"` + strings.Repeat("a", offered.ReplyBytes(2)) + `"}`:                                   "take more than",
		`<html>`: "images: ",
	} {
		if _, _, err := offered.ReadReply(strings.NewReader(text), 2); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}
