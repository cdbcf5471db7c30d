//go:build !unix

package conformance

// fingerprint is of roots, which only Linux has.
func fingerprint(string) (string, error) { return "", nil }
