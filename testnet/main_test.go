package testnet_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// ignored are goroutines of go-ethereum that outlive the chain they served.
var ignored = []goleak.Option{
	// The pool of signature workers, one for the whole process.
	goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
}

// binaryDir holds the binary that the tests build, if any did.
var binaryDir string

func TestMain(m *testing.M) {
	if os.Getenv(processEnv) != "" {
		os.Exit(runProcess())
	}
	goleak.VerifyTestMain(m, append(ignored, goleak.Cleanup(func(code int) {
		if binaryDir != "" {
			os.RemoveAll(binaryDir)
		}
		os.Exit(code)
	}))...)
}
