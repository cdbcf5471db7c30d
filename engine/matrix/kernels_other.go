//go:build !amd64

package matrix

// kernels is the implementation in use.
var kernels = generic

// available lists what can run here.
func available() []kernelSet { return []kernelSet{generic} }
