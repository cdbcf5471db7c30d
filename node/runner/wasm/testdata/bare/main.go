// Command bare is wazero and little more, linked as the sandbox is: it runs the module that
// its second argument names, compiled code kept in the first. The benchmarks compare the
// engine with it.
package main

import (
	"context"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache).WithDebugInfoEnabled(false))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return err
	}
	compiled, err := rt.CompileModule(ctx, module)
	if err != nil {
		return err
	}
	_, err = rt.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStdout(os.Stdout).WithStderr(os.Stderr).WithArgs("guest"))
	if exit, ok := err.(*sys.ExitError); ok && exit.ExitCode() == 0 {
		return nil
	}
	return err
}
