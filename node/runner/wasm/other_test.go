//go:build !linux

package wasm

const orphanEnv = "RERIG_TEST_ORPHAN"

func orphanMain(string) {}

// processHalted cannot be seen from outside here.
func processHalted(int) bool { return true }
