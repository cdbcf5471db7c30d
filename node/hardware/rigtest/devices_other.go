//go:build !linux

package rigtest

import "errors"

func nullDevice(string, string) error { return errors.ErrUnsupported }
