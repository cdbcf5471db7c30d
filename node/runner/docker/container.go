package docker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

const (
	// minMemory is the least memory that Docker gives a container.
	minMemory = 6 << 20
	// defaultScratch is a job's scratch when its spec names none.
	defaultScratch = 64 << 20
	// openFiles is how many files a process has open at most: what any user may have.
	openFiles = 4096
	// helperMemory and helperThreads are what the helper takes as the first process.
	helperMemory  = 32 << 20
	helperThreads = 5
	// sentryThreads is what gVisor itself takes of a container's processes.
	sentryThreads = 64
)

// check refuses what this engine cannot run, by the field's name.
func check(s *runner.Spec) error {
	if err := s.Check(); err != nil {
		return err
	}
	switch {
	case s.Root == "":
		return errors.New("job has no root directory")
	case len(s.Args) == 0 || s.Args[0] == "":
		return errors.New("job has no program: its arguments are empty")
	case s.Interface != nil:
		return fmt.Errorf("a network interface for a container of Docker's: %w", runner.ErrUnsupported)
	case s.MemoryBytes < minMemory:
		return fmt.Errorf("memory limit of %d bytes is under Docker's least, %d", s.MemoryBytes, minMemory)
	case s.MemoryBytes > math.MaxInt64>>1 || s.ScratchBytes > math.MaxInt64:
		return errors.New("memory or scratch limit is over 2^62 bytes")
	}
	return nil
}

// masked is what a job finds empty: what Docker masks by itself, and what tells more of the
// host's kernel.
var masked = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	"/proc/config.gz", "/proc/kallsyms", "/proc/kpagecgroup", "/proc/kpagecount", "/proc/kpageflags", "/proc/modules",
	"/proc/slabinfo", "/proc/vmallocinfo",
}

// userOf is who the job is inside, as UID:GID.
func userOf(s *runner.Spec) string { return fmt.Sprintf("%d:%d", s.UID, s.GID) }

// configure says what a job's container is. Everything that weakens a sandbox is absent or
// said to be off; what the engine made of it is compared before the job starts.
func (e *Engine) configure(s *runner.Spec, k *kind, sk *skeleton) (*container.Config, *container.HostConfig) {
	workDir := s.WorkDir
	if workDir == "" {
		workDir = "/"
	}
	config := &container.Config{
		Image: sk.name, Cmd: append([]string{helperPath, modeInit, added(s.Env), outputArg(s)}, s.Args...), Env: s.Env,
		WorkingDir: workDir, User: userOf(s), Hostname: "rerig",
		AttachStdin: true, AttachStdout: true, AttachStderr: true, OpenStdin: true, StdinOnce: true,
		Labels: map[string]string{ownerLabel: e.config.Owner},
	}
	host := &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true, Runtime: k.runtime,
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true"},
		IpcMode: container.IPCModePrivate, CgroupnsMode: container.CgroupnsModePrivate,
		LogConfig: container.LogConfig{Type: "none"}, RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		Mounts: e.mounts(s, sk), Init: new(false), // the helper is that
		OomScoreAdj: 900, Resources: limits(s, k), MaskedPaths: masked,
	}
	host.Tmpfs, host.ShmSize = scratch(s.ScratchBytes)
	if s.OutDir != "" {
		host.Tmpfs["/out"] = outputMount(s)
	}
	return config, host
}

// outputArg tells the helper which directory to send at the end.
func outputArg(s *runner.Spec) string {
	if s.OutDir == "" {
		return ""
	}
	return "/out"
}

// added are the names that Docker adds to this environment, which the helper takes out again.
func added(env []string) string {
	names := []string{"PATH", "HOSTNAME", "HOME"}
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	return strings.Join(names, ",")
}

func (e *Engine) mounts(s *runner.Spec, sk *skeleton) []mount.Mount {
	m := append(slices.Clone(sk.mounts), bind(e.config.Helper, helperPath, true))
	if s.InDir != "" {
		m = append(m, bind(s.InDir, "/in", true))
	}
	return m
}

// limits is what the kernel holds the job to, as far as this engine's kernel can.
func limits(s *runner.Spec, k *kind) container.Resources {
	r := container.Resources{Ulimits: []*container.Ulimit{
		{Name: "core", Soft: 0, Hard: 0}, {Name: "nofile", Soft: openFiles, Hard: openFiles},
	}}
	if k.caps.MemoryLimit {
		r.Memory = int64(s.MemoryBytes) + helperMemory
		r.MemorySwap = r.Memory
	}
	if k.caps.CPULimit {
		r.NanoCPUs = int64(min(max(s.CPUs, 1), k.cores)) * 1e9 // Docker refuses more than there are
	}
	if k.caps.ProcessLimit {
		n := int64(s.Processes)
		if n == 0 {
			n = 256
		}
		n += helperThreads
		if k.runtime == gvisorRuntime {
			n += sentryThreads
		}
		r.PidsLimit = &n
	}
	r.DeviceRequests = requests(&s.Devices)
	return r
}

// scratch divides what a job may write outside /out: it is all memory, and no part is
// without a limit.
func scratch(bytes uint64) (tmpfs map[string]string, shm int64) {
	if bytes == 0 {
		bytes = defaultScratch
	}
	part := max(bytes/8, 64<<10)
	rest := max(bytes-min(2*part, bytes), 64<<10)
	return map[string]string{
		"/tmp": fmt.Sprintf("rw,exec,nosuid,nodev,mode=1777,size=%d", rest),
		"/run": fmt.Sprintf("rw,noexec,nosuid,nodev,mode=1777,size=%d", part),
	}, int64(part)
}

// create makes a job's container, importing its skeleton when the engine lacks it, and
// compares what the engine made with what was asked for.
func (e *Engine) create(ctx context.Context, name string, s *runner.Spec, k *kind) (id string, err error) {
	sk, err := newSkeleton(s.Root)
	if err != nil {
		return "", err
	}
	if err := k.checkCards(&s.Devices); err != nil {
		return "", err
	}
	config, host := e.configure(s, k, sk)
	options := client.ContainerCreateOptions{Config: config, HostConfig: host, Name: name}
	made, err := e.createOnce(ctx, options)
	if errdefs.IsNotFound(err) {
		if err := e.images.add(ctx, sk); err != nil {
			return "", err
		}
		made, err = e.createOnce(ctx, options)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("create the container: %w", err)
	case made.ID == "":
		return "", errors.New("create the container: Docker gave it no ID")
	}
	e.images.touch(sk.name)
	ctx, cancel := context.WithTimeout(ctx, e.patience.call)
	defer cancel()
	got, err := e.api.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{})
	if err != nil {
		return made.ID, fmt.Errorf("look at the container: %w", err)
	}
	if err := sameOrStronger(config, host, got.Container.Config, got.Container.HostConfig); err != nil {
		return made.ID, fmt.Errorf("Docker did not make the sandbox that was asked for: %w", err)
	}
	return made.ID, nil
}

func (e *Engine) createOnce(ctx context.Context, o client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience.start)
	defer cancel()
	return e.api.ContainerCreate(ctx, o)
}

// sameOrStronger refuses a container that is not what was asked for. Engines leave out
// limits that their kernel lacks and only warn, and engines that imitate Docker leave out
// what they do not know.
func sameOrStronger(wantC *container.Config, want *container.HostConfig, gotC *container.Config, got *container.HostConfig) error {
	if got == nil || gotC == nil {
		return errors.New("it does not say what it made")
	}
	privileges := !slices.ContainsFunc(got.SecurityOpt, func(o string) bool {
		return o == "no-new-privileges" || o == "no-new-privileges:true" || o == "no-new-privileges=true"
	})
	wrong := []struct {
		what string
		is   bool
	}{
		{"its network is not none", got.NetworkMode != want.NetworkMode},
		{"its root can be written", !got.ReadonlyRootfs},
		{"it is privileged", got.Privileged},
		{"it keeps capabilities", !slices.Contains(got.CapDrop, "ALL") || len(got.CapAdd) > 0},
		{"it may gain privileges", privileges},
		{"it has other security options", len(got.SecurityOpt) != len(want.SecurityOpt)},
		{"it shares a namespace", got.PidMode != "" || got.IpcMode != want.IpcMode || got.CgroupnsMode != want.CgroupnsMode || got.UTSMode != "" || got.UsernsMode != ""},
		{"it has devices", len(got.Devices)+len(got.DeviceCgroupRules) > 0 || !sameRequests(want.DeviceRequests, got.DeviceRequests)},
		{"it has mounts of others", len(got.Binds)+len(got.VolumesFrom) > 0 || len(got.Mounts) != len(want.Mounts)},
		{"it runs under another runtime", got.Runtime != want.Runtime},
		{"it restarts by itself", got.RestartPolicy.Name != container.RestartPolicyDisabled && got.RestartPolicy.Name != ""},
		{"its memory is not limited", got.Memory != want.Memory || want.Memory > 0 && got.MemorySwap > want.Memory},
		{"its CPU time is not limited", got.NanoCPUs != want.NanoCPUs},
		{"its processes are not limited", want.PidsLimit != nil && (got.PidsLimit == nil || *got.PidsLimit != *want.PidsLimit)},
		{"its user is another", gotC.User != wantC.User},
		{"it shows system paths", !slices.Equal(got.MaskedPaths, want.MaskedPaths)},
	}
	for _, w := range wrong {
		if w.is {
			return errors.New(w.what)
		}
	}
	for i, m := range want.Mounts {
		if g := got.Mounts[i]; g.Type != m.Type || g.Source != m.Source || g.Target != m.Target || g.ReadOnly != m.ReadOnly {
			return fmt.Errorf("its mount of %s is another", m.Target)
		}
	}
	return nil
}

// openInput lets the user that the job is read its inputs. What leads to them must be
// closed to others of the machine.
func openInput(s *runner.Spec) error {
	if s.InDir == "" {
		return nil
	}
	info, err := os.Stat(s.InDir)
	if err != nil {
		return fmt.Errorf("find the job's inputs: %w", err)
	}
	if err := os.Chmod(s.InDir, info.Mode().Perm()|0o555); err != nil {
		return fmt.Errorf("open the job's inputs to it: %w", err)
	}
	return nil
}
