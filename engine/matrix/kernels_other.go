//go:build !amd64

package matrix

// kernels is the implementation in use.
var kernels = generic
