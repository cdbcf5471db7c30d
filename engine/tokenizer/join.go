package tokenizer

import "container/heap"

// symbol is a part of the text being encoded, linked to its neighbours. A size of
// 0 marks a symbol that was joined to its left neighbour.
type symbol struct {
	from, size  int // in the text
	token       int // -1 for a character without a piece
	left, right int
}

// pair proposes to join the symbol at left with its right neighbour, as they were
// when together they had this size.
type pair struct {
	left, size int
	token      int
	order      float64 // the lowest first
}

// pairs is a heap: the lowest order first, and the leftmost of equals.
type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	if p[i].order != p[j].order {
		return p[i].order < p[j].order
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

// link makes neighbours of symbols that lie side by side.
func link(symbols []symbol) {
	for i := range symbols {
		symbols[i].left, symbols[i].right = i-1, i+1
	}
	if n := len(symbols); n > 0 {
		symbols[n-1].right = -1
	}
}

// join merges neighbours, best pair first, until no two make a piece. merge tells
// which token two symbols make, if any, and in which order.
func join(symbols []symbol, merge func(left, right symbol) (token int, order float64, ok bool)) {
	var queue pairs
	propose := func(left, right int) {
		if left < 0 || right < 0 {
			return
		}
		if token, order, ok := merge(symbols[left], symbols[right]); ok {
			heap.Push(&queue, pair{left, symbols[left].size + symbols[right].size, token, order})
		}
	}
	for i := range len(symbols) - 1 {
		propose(i, i+1)
	}
	for queue.Len() > 0 {
		p := heap.Pop(&queue).(pair)
		left := &symbols[p.left]
		if left.size == 0 || left.right < 0 || left.size+symbols[left.right].size != p.size {
			continue // one of the two has been joined since
		}
		right := &symbols[left.right]
		left.size, left.token, left.right, right.size = p.size, p.token, right.right, 0
		if left.right >= 0 {
			symbols[left.right].left = p.left
		}
		propose(left.left, p.left)
		propose(p.left, left.right)
	}
}
