package main

import "fmt"

// startAgain cannot replace a process on Windows: whatever supervises the node starts it.
func startAgain(at string) error {
	return fmt.Errorf("start %s again to go on: Windows replaces no process", at)
}
