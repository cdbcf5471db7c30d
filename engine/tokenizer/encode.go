package tokenizer

import (
	"container/heap"
	"strings"
	"unicode/utf8"
)

// symbol is a part of the text being encoded, linked to its neighbours. An
// empty text marks a symbol that was joined to its left neighbour.
type symbol struct {
	text        string
	left, right int
}

// pair proposes to join the symbol at left with its right neighbour, as they
// were when together they made text.
type pair struct {
	left  int
	text  string
	score float32
}

// pairs is a heap: the best score first, and the leftmost of equals.
type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	if p[i].score != p[j].score {
		return p[i].score > p[j].score
	}
	return p[i].left < p[j].left
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *pairs) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// Encode returns the tokens of a text, beginning with BOS where the model wants
// it. Characters without a piece, and invalid UTF-8, become byte tokens; text
// never becomes a control token.
func (t *Tokenizer) Encode(text string) []int {
	var tokens []int
	if t.addBOS {
		tokens = append(tokens, t.BOS)
	}
	if text == "" {
		return tokens
	}
	if t.spacePrefix {
		text = " " + text
	}
	symbols := split(strings.ReplaceAll(text, " ", space))
	t.join(symbols)
	for _, s := range symbols {
		if s.text == "" {
			continue
		}
		if id, ok := t.ids[s.text]; ok {
			tokens = append(tokens, id)
			continue
		}
		for i := range len(s.text) {
			tokens = append(tokens, t.bytes[s.text[i]])
		}
	}
	return tokens
}

// split cuts a text into linked characters; an invalid byte is one character.
func split(text string) []symbol {
	var symbols []symbol
	for len(text) > 0 {
		_, n := utf8.DecodeRuneInString(text)
		i := len(symbols)
		symbols = append(symbols, symbol{text: text[:n], left: i - 1, right: i + 1})
		text = text[n:]
	}
	symbols[len(symbols)-1].right = -1
	return symbols
}

// join merges neighbours, best pair first, until no two make a piece.
func (t *Tokenizer) join(symbols []symbol) {
	var queue pairs
	propose := func(left, right int) {
		if left < 0 || right < 0 {
			return
		}
		text := symbols[left].text + symbols[right].text
		if id, ok := t.ids[text]; ok {
			heap.Push(&queue, pair{left, text, t.scores[id]})
		}
	}
	for i := range len(symbols) - 1 {
		propose(i, i+1)
	}
	for queue.Len() > 0 {
		p := heap.Pop(&queue).(pair)
		left := &symbols[p.left]
		if left.text == "" || left.right < 0 || len(left.text)+len(symbols[left.right].text) != len(p.text) {
			continue // one of the two has been joined since
		}
		right := &symbols[left.right]
		left.text, left.right, right.text = p.text, right.right, ""
		if left.right >= 0 {
			symbols[left.right].left = p.left
		}
		propose(left.left, p.left)
		propose(p.left, left.right)
	}
}
