//go:build !linux

package hardware

import "errors"

func readKernelLog(string, int) ([]byte, error) {
	return nil, errors.New("only Linux has one")
}
