package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rerig/rerig/node/runner"
)

// absent asks for calls that a module must not find, in each namespace where a runtime might
// offer them. What cannot be imported cannot be called: this is what a check of a container's
// system calls comes to for a module.
func (s *suite) absent(calls ...string) error {
	namespaces := []string{"wasi_snapshot_preview1", "env", "wasix_32v1", "wasi_unstable", "wasi"}
	if !long() {
		namespaces = namespaces[:2]
	}
	for _, call := range calls {
		for _, from := range namespaces {
			spec := s.job()
			spec.Module, spec.ModuleSHA256 = importing(from, call), [32]byte{}
			j, err := s.engine.Start(context.Background(), spec, io.Discard, io.Discard)
			var f *runner.Failure
			if err == nil {
				res, _ := j.Wait() // its failure is the result's too
				f = res.Failure
			} else if !errors.As(err, &f) {
				return fmt.Errorf("a module that imports %s.%s: %w", from, call, err)
			}
			if f == nil || f.Kind != runner.FailureBadModule {
				return fmt.Errorf("a module that imports %s.%s: failure %v, want %s", from, call, f, runner.FailureBadModule)
			}
			if strings.Contains(f.Detail, "signature") { // it is refused for its type alone
				return fmt.Errorf("there is a call %s.%s: %w", from, call, f)
			}
		}
	}
	return nil
}

// importing is a module whose _start does nothing, and that imports one function without
// arguments (the WebAssembly core specification, §5.5).
func importing(from, name string) []byte {
	text := func(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }
	m := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, body ...byte) {
		m = append(m, id)
		m = append(binary.AppendUvarint(m, uint64(len(body))), body...)
	}
	section(1, 1, 0x60, 0, 0)                                                            // types: func()
	section(2, append(append(append([]byte{1}, text(from)...), text(name)...), 0, 0)...) // imports: one func of type 0
	section(3, 1, 0)                                                                     // functions: one of type 0
	section(7, append(append([]byte{1}, text("_start")...), 0, 1)...)                    // exports: func 1
	section(10, 1, 2, 0, 0x0b)                                                           // code: end
	return m
}
