//go:build linux && !amd64

package main

import "fmt"

// ioPorts asks for what only x86 has.
func ioPorts(*aims) { fmt.Println("this processor has none") }
