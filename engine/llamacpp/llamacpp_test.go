package llamacpp

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/tokenizer"
	"github.com/rerig/rerig/models/jargon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened installs llama.cpp once for all tests.
var opened = sync.OnceValues(func() (*Reference, error) { return Open(context.Background(), "js") })

// reference returns the real llama.cpp or skips the test.
func reference(t *testing.T) *Reference {
	t.Helper()
	r, err := opened()
	if errors.Is(err, ErrMissing) {
		t.Skipf("needs npm, Node and linux/amd64: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// quantise writes a model in another format, or skips the test.
func quantise(t *testing.T, r *Reference, from, kind string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), kind+".gguf")
	err := r.Quantise(t.Context(), from, to, kind)
	if errors.Is(err, ErrMissing) {
		t.Skipf("needs a C compiler: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// jargonFile writes the model of the repository to a file.
func jargonFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jargon.gguf")
	if err := os.WriteFile(path, jargon.GGUF(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ours is the engine with a model of its own.
type ours struct {
	model   *llama.Model
	tokens  *tokenizer.Tokenizer
	session *llama.Session
}

func load(t *testing.T, path string) ours {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	model, err := llama.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	pool := matrix.NewPool(1)
	t.Cleanup(pool.Close)
	session, err := model.NewSession(pool, 1, min(model.Context, 512))
	if err != nil {
		t.Fatal(err)
	}
	return ours{model, tokens, session}
}

// compare follows llama.cpp's own text and compares the scores at every token.
// The rule: scores differ by at most tolerance, in units of the spread of
// llama.cpp's scores at that token, and the best token is the same unless
// llama.cpp's scores of the two are a near-tie, closer than twice that.
func compare(t *testing.T, o ours, prompt []int, text Text, tolerance float64) (worst float64, ties int) {
	t.Helper()
	next, position := prompt, 0
	for i, token := range text.Tokens {
		out, err := o.session.Step([]llama.Span{{Position: position, Tokens: next, Logits: true}})
		if err != nil {
			t.Fatal(err)
		}
		theirs, scores := text.Scores[i], out[0]
		if len(theirs) != len(scores) {
			t.Fatalf("%d scores, llama.cpp has %d", len(scores), len(theirs))
		}
		unit, best := spread(theirs), 0
		for j := range scores {
			worst = max(worst, math.Abs(float64(scores[j]-theirs[j]))/unit)
			if scores[j] > scores[best] {
				best = j
			}
		}
		if best != token {
			ties++
			if gap := float64(theirs[token]-theirs[best]) / unit; gap > 2*tolerance {
				t.Errorf("token %d: ours is %d, llama.cpp's %d, which it prefers by %.4f of the spread", i, best, token, gap)
			}
		}
		position += len(next)
		next = []int{token}
	}
	if worst > tolerance {
		t.Errorf("scores differ by %.5f of their spread, the tolerance is %v", worst, tolerance)
	}
	return worst, ties
}

// spread is the standard deviation.
func spread(x []float32) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(x))
	return math.Sqrt(squares/n - sum/n*sum/n)
}

// prompts are continued greedily.
var prompts = []string{"A hacker is", "kluge:", "The term 'bug' was first used in 1947, na\u00efvely;\n"}

// tolerances by format: how far the scores may lie apart. llama.cpp rounds what it
// multiplies with to half precision or, in the quantised formats, to 8 bits as we
// do, but sums in another order; what is rounded at an edge then differs. In these
// formats llama.cpp's own scores lie 0.02 to 0.08 from those of the same weights
// multiplied without any rounding.
var tolerances = []struct {
	kind      string
	tolerance float64
}{
	{"F32", 0.005}, {"F16", 0.005}, {"BF16", 0.03}, {"Q8_0", 0.1}, {"Q4_0", 0.1}, {"Q4_K_M", 0.2}, {"Q5_K_M", 0.2}, {"Q6_K", 0.2},
}

// TestTextsEqualLlamaCpp compares scores and greedy tokens in every format.
func TestTextsEqualLlamaCpp(t *testing.T) {
	t.Parallel()
	r := reference(t)
	source := jargonFile(t)
	var questions []Question
	var answers []any
	for _, format := range tolerances {
		q := Question{Kind: "follow", Model: source, Length: 48}
		if format.kind != "F16" {
			q.Model = quantise(t, r, source, format.kind)
		}
		o := load(t, q.Model)
		for _, p := range prompts {
			q.Prompts = append(q.Prompts, o.tokens.Encode(p))
		}
		questions, answers = append(questions, q), append(answers, new([]Text))
	}
	if err := r.Ask(t.Context(), questions, answers...); err != nil {
		t.Fatal(err)
	}
	for i, format := range tolerances {
		t.Run(format.kind, func(t *testing.T) {
			followed(t, questions[i], *answers[i].(*[]Text), format.tolerance)
		})
	}
}

// followed compares the texts that answer a question.
func followed(t *testing.T, q Question, texts []Text, tolerance float64) {
	t.Helper()
	o := load(t, q.Model)
	for i, text := range texts {
		worst, ties := compare(t, o, q.Prompts[i], text, tolerance)
		t.Logf("prompt of %d: %d tokens, scores within %.5f of their spread, %d near-ties", len(q.Prompts[i]), len(text.Tokens), worst, ties)
	}
}

// equal compares the tokens of texts.
func equal(t *testing.T, o ours, texts []string, theirs [][]int) {
	t.Helper()
	for i, text := range texts {
		mine := o.tokens.Encode(text)
		if len(mine) > 0 && mine[0] == o.tokens.BOS {
			mine = mine[1:]
		}
		if !slices.Equal(mine, theirs[i]) {
			t.Errorf("%.60q has tokens %v, llama.cpp says %v", text, mine, theirs[i])
		}
	}
}

// corpus are texts that tokenizers stumble over.
var corpus = []string{
	"", " ", "  ", "a", " a", "  a", "a ", "a  ", "\n", "\n\n", " \n ", "\t\n \r\n x", "Hello, world!", "HELLO'S it's I'LL we'Ve they'd 's",
	"3.14159 and 1000000 or 12345678901", "\u0661\u0662\u0663 \u00bd \u2167", "na\u00efve caf\u00e9 e\u0301a\u0308", "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3002", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
	"\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea", "if (x != 0) {\n\treturn a[i]++; // ok\n}\n", "a\u00a0b\u2003c\u3000d\u200be", "\u0645\u0631\u062d\u0628\u0627 \u0639\u0644\u064a\u0643\u0645", "\u0928\u092e\u0938\u094d\u0924\u0947", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5",
	"...---===!!!???", "$100 + 20% = #tag @user ^^ ~~ `code` | pipe", "x\u0000y", "\u2581underline \u2581", "<s></s><unk><0x0A><|eot_id|><|im_end|>", "trailing spaces   \n   next", "'", "''''", " '", "'\u017f", "1's 2'LL", "\u01c5\u02b0\u0903", "\u00ad\ufeff\ufffd",
}
