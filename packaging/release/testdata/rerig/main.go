// Command rerig stands in for the real one, which takes minutes to build, where packages are
// tested: it is a program, and it has a module inside.
package main

import (
	"fmt"

	"aead.dev/minisign"
)

func main() { fmt.Println("rerig of the test", minisign.PublicKey{}.ID()) }
