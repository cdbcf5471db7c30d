package conformance

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
