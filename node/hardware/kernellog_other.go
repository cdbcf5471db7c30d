//go:build !linux

package hardware

import "errors"

type kernelLog struct{}

var errNoKernelLog = errors.New("only Linux has one")

func openKernelLog(string) (*kernelLog, error) { return nil, errNoKernelLog }

func (*kernelLog) close() {}

func (*kernelLog) read(int) ([]byte, error) { return nil, errNoKernelLog }
