//go:build man

package main

import (
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/cmd/rerig/manpages"
	"github.com/rerig/rerig/node"
)

// extra is what only the build of a release has: `make man`.
func (a *app) extra() []*cobra.Command {
	return []*cobra.Command{{
		Use: "man DIR", Short: "Write the manual's pages", Hidden: true, Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			day := time.Now()
			if n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
				day = time.Unix(n, 0)
			}
			return manpages.Write(a.root(), args[0], "rerig "+node.BuildVersion(), day.UTC())
		},
	}}
}
