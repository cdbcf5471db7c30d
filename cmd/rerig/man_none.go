//go:build !man

package main

import "github.com/spf13/cobra"

// extra is what only the build of a release has; cobra's manual writer is a third of a megabyte.
func (a *app) extra() []*cobra.Command { return nil }
