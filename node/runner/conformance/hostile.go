package conformance

import "os"

// long tells that this run is `make hostile`, which takes the time that it takes.
func long() bool { return os.Getenv("RERIG_HOSTILE") != "" }
