package conformance

import "encoding/json"

// aims is what the guest is told of the host; guest/attempt.go has the same fields.
type aims struct {
	Secret   string
	Handle   []byte
	HandleOf int32
	Token    string
	Port     int
	Address  string
	Canary   int
	Key      int
	Block    uint32
	Link     string
	Tries    []string
}

// text is what the guest gets to make attempts.
func (a aims) text(group []attempt) (string, error) {
	for _, g := range group {
		a.Tries = append(a.Tries, g.name)
	}
	b, err := json.Marshal(a)
	return string(b), err
}
