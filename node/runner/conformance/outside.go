package conformance

// inside is what a container's jobs can do and a module's cannot.
var inside = []check{}

func outside(bool) []check { return nil }
