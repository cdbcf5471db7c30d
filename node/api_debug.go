package node

// Stacks is what the goroutines of a node do, as Go writes it.
type Stacks struct {
	Text string `json:"text"`
}
