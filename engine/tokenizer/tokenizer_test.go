package tokenizer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/models/jargon"
)

func jargonTokenizer(t *testing.T) *Tokenizer {
	t.Helper()
	f, err := gguf.Read(bytes.NewReader(jargon.GGUF()), int64(len(jargon.GGUF())))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestEveryTextSurvivesTheRoundTrip(t *testing.T) {
	tokens := jargonTokenizer(t)
	for _, text := range []string{
		"A hacker is", "  two  spaces ", "tab\tand\nlines\r\n", "na\u00efve \u65e5\u672c \U0001f600",
		"broken \xff\xc3 UTF-8", "<s></s><unk><0x0A>", strings.Repeat("foo bar ", 2000), "\u2581",
	} {
		ids := tokens.Encode(text)
		if ids[0] != tokens.BOS {
			t.Errorf("%.20q begins with token %d, want BOS", text, ids[0])
		}
		var decoded []byte
		for _, id := range ids[1:] {
			if id == tokens.BOS || id == tokens.EOS || id == 0 {
				t.Errorf("%.20q has the control token %d", text, id)
			}
			decoded = append(decoded, tokens.Text(id)...)
		}
		if want := " " + strings.ReplaceAll(text, space, " "); string(decoded) != want {
			t.Errorf("%.20q comes back as %.20q", want, decoded)
		}
	}
	if ids := tokens.Encode(""); len(ids) != 1 {
		t.Errorf("the empty text has tokens %v, want BOS", ids)
	}
}
