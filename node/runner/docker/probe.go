package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/security"

	"github.com/rerig/rerig/node/runner"
)

// gvisorRuntime is gVisor's name in the engine's list of runtimes, as its own installer
// writes it.
const gvisorRuntime = "runsc"

// kind is what an engine is, as far as jobs are concerned.
type kind struct {
	runtime string // runsc or runc
	cores   int
	cdi     bool // it can add cards
	caps    runner.Caps
}

// look asks the engine what it is and judges it.
func (e *Engine) look(ctx context.Context) (*kind, error) {
	e.judging.Lock()
	defer e.judging.Unlock()
	if err := e.negotiate(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.patience.call)
	defer cancel()
	version, err := e.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask for Docker's version: %w", err)
	}
	answer, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask what Docker is: %w", err)
	}
	k, err := judge(answer.Info, e.config.AllowRunc)
	if err != nil {
		return nil, fmt.Errorf("Docker %.64q at %s: %w", version.Version, e.host, err)
	}
	if k.runtime != gvisorRuntime && !k.caps.Rootless {
		e.log.Warn("jobs run under runc without a user namespace: root inside is the host's root without capabilities")
	}
	e.mu.Lock()
	e.kind = k
	e.mu.Unlock()
	return k, nil
}

// judged is what the engine is, asked for if it was not yet.
func (e *Engine) judged(ctx context.Context) (*kind, error) {
	e.mu.Lock()
	k := e.kind
	e.mu.Unlock()
	if k != nil {
		return k, nil
	}
	return e.look(ctx)
}

// judge reads /info, and refuses an engine whose sandbox would be weaker than promised.
func judge(info system.Info, allowRunc bool) (*kind, error) {
	if info.OSType != "linux" {
		return nil, fmt.Errorf("it runs %.32q containers, not Linux ones: switch it to Linux containers", info.OSType)
	}
	if info.NCPU < 1 {
		return nil, fmt.Errorf("it says that it has %d processors", info.NCPU)
	}
	options := map[string][]security.KeyValue{}
	for _, o := range security.DecodeOptions(info.SecurityOptions) {
		options[o.Name] = o.Options
	}
	_, rootless := options["rootless"]
	_, remapped := options["userns"]
	k := &kind{runtime: gvisorRuntime, cores: info.NCPU, cdi: len(info.CDISpecDirs) > 0, caps: runner.Caps{
		MemoryLimit: info.MemoryLimit, CPULimit: info.CPUCfsQuota, ProcessLimit: info.PidsLimit, Rootless: rootless || remapped,
	}}
	if _, ok := info.Runtimes[gvisorRuntime]; !ok {
		if !allowRunc {
			return nil, errors.New("it has no gVisor runtime: install runsc and add it to Docker's runtimes, or allow the weaker runc with --allow-runc")
		}
		if _, ok := info.Runtimes["runc"]; !ok {
			return nil, errors.New("it has neither a runtime runsc nor runc")
		}
		if err := errors.Join(checkSeccomp(options), checkAge(info.ServerVersion)); err != nil {
			return nil, err
		}
		k.runtime = "runc"
	}
	return k, nil
}

// safeForRunc is the first Docker whose own seccomp profile keeps io_uring and the
// hypervisor's sockets from jobs.
const safeForRunc = 25

// checkAge refuses runc under a Docker whose profile lets too much through.
func checkAge(version string) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.ParseUint(major, 10, 16); err != nil || n < safeForRunc {
		return fmt.Errorf("version %.32q lets jobs use io_uring or the hypervisor's sockets under runc: install runsc, or Docker %d", version, safeForRunc)
	}
	return nil
}

// checkSeccomp wants the profile that Docker brings: another one may let anything through.
func checkSeccomp(options map[string][]security.KeyValue) error {
	o, ok := options["seccomp"]
	if !ok {
		return errors.New("it has no seccomp filter, without which runc is no sandbox: use a kernel and Docker with seccomp")
	}
	profile := ""
	for _, kv := range o {
		if kv.Key == "profile" {
			profile = kv.Value
		}
	}
	if !slices.Contains([]string{"builtin", "default"}, profile) {
		return fmt.Errorf("its seccomp profile is %.64q and not Docker's own: remove seccomp-profile from its configuration", strings.TrimSpace(profile))
	}
	return nil
}
