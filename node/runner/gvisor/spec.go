//go:build linux

package gvisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

// What a job gets that its spec does not say.
const (
	defaultProcesses = 256
	// openFiles is how many files a process of a job may hold open, unless the daemon may
	// hold fewer. gVisor holds one or two of its own for each.
	openFiles = 4096
	// leastScratch is what a job may write outside /out at the least: programs want a /tmp.
	leastScratch = 16 << 20
)

// hosts is what stands for a name server: the names of the job's own loopback.
const hosts = "127.0.0.1 localhost " + line.HostName + "\n::1 localhost " + line.HostName + "\n"

// check refuses what this engine does not run, and fills in what may be left out. Every file
// that an unprivileged rig can give to a job is its root's.
func check(s *runner.Spec, rootless bool) error {
	if err := s.Check(); err != nil {
		return err
	}
	if s.Root == "" {
		return errors.New("a container needs a root directory")
	}
	if err := checkCards(&s.Devices, rootless); err != nil {
		return err
	}
	if len(s.Args) == 0 || s.Args[0] == "" {
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: "the container has no program to run: give arguments"}
	}
	for _, dir := range []*string{&s.Root, &s.InDir, &s.OutDir} {
		if *dir == "" {
			continue
		}
		var err error
		if *dir, err = filepath.Abs(*dir); err != nil {
			return fmt.Errorf("find the job's directory %q: %w", *dir, err)
		}
	}
	if s.CPUs == 0 {
		s.CPUs = 1
	}
	if s.Processes == 0 {
		s.Processes = defaultProcesses
	}
	if s.WorkDir == "" {
		s.WorkDir = "/"
	}
	if rootless {
		s.UID, s.GID = 0, 0
	}
	s.ScratchBytes = max(s.ScratchBytes, leastScratch)
	return nil
}

// writeBundle makes a job's OCI bundle: its directories, its host names, and its spec as
// config.json.
func writeBundle(dir string, s *runner.Spec, spare int, helper string) error {
	for _, d := range []string{"root", "state"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("make the job's directory: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(hosts), 0o644); err != nil {
		return fmt.Errorf("write the job's host names: %w", err)
	}
	spec := ociSpec(dir, s, spare)
	spec.Mounts = append(spec.Mounts, helperMount(helper)...)
	text, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("encode the job's OCI spec: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		return fmt.Errorf("write the job's OCI spec: %w", err)
	}
	return nil
}

// ociSpec is a job as gVisor takes it: no capability, no way to get one, no host file but
// those of the job, and the network namespace of the sandbox's init.
// gVisor itself may run on spare cores beyond the job's.
func ociSpec(dir string, s *runner.Spec, spare int) *specs.Spec {
	files := min(openFiles, ownOpenFiles())
	processes := uint64(s.Processes)
	spec := &specs.Spec{
		Version:  specs.Version,
		Hostname: line.HostName,
		Root:     &specs.Root{Path: filepath.Join(dir, "root")},
		Process: &specs.Process{
			User: specs.User{UID: s.UID, GID: s.GID},
			Args: s.Args, Env: s.Env, Cwd: s.WorkDir,
			Capabilities:    &specs.LinuxCapabilities{},
			NoNewPrivileges: true,
			Rlimits: []specs.POSIXRlimit{
				{Type: "RLIMIT_NOFILE", Soft: files, Hard: files},
				{Type: "RLIMIT_NPROC", Soft: processes, Hard: processes},
				{Type: "RLIMIT_CORE"},
			},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"},
			{Destination: "/sys", Type: "sysfs", Options: []string{"ro", "nosuid", "nodev", "noexec"}},
			scratch("/dev/shm", s.ScratchBytes),
		},
		Annotations: map[string]string{
			line.AnnotationRoot:   s.Root,
			line.AnnotationCPUs:   strconv.Itoa(s.CPUs),
			line.AnnotationMemory: strconv.FormatUint(s.MemoryBytes, 10),
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
			{Type: specs.NetworkNamespace, Path: "/proc/self/ns/net"},
		}},
	}
	if spare > 0 {
		spec.Annotations[line.AnnotationSpare] = strconv.Itoa(spare)
	}
	if emptyDir(filepath.Join(s.Root, "tmp")) { // gVisor would mount one of any size
		spec.Mounts = append(spec.Mounts, scratch("/tmp", s.ScratchBytes))
	}
	if info, err := os.Lstat(filepath.Join(s.Root, "etc/hosts")); err == nil && info.Mode().IsRegular() {
		// What the image has there names the machine that built it, or nothing at all.
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/etc/hosts", Type: "bind",
			Source: filepath.Join(dir, "hosts"), Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"}})
	}
	addCards(spec, &s.Devices)
	if s.InDir != "" {
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/in", Type: "bind", Source: s.InDir,
			Options: []string{"bind", "ro", "nosuid", "nodev"}})
	}
	if s.OutDir != "" {
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/out", Type: "bind", Source: s.OutDir,
			Options: []string{"bind", "rw", "nosuid", "nodev", "noexec"}})
	}
	return spec
}

// scratch is a file system in the job's memory, open to all users of the job.
func scratch(path string, bytes uint64) specs.Mount {
	return specs.Mount{Destination: path, Type: "tmpfs",
		Options: []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%d", bytes)}}
}

// spareCores is how many cores beyond a job's gVisor may run on. It answers system calls in a
// process of its own, and with one core in all must switch to that for each, which takes
// several times as long. It gives no job more time: without a control group that holds both
// to what the job has bought there is none.
func (e *Engine) spareCores(s *runner.Spec) int {
	if p := e.config.Parent; p != nil && s.CPUs == 1 {
		if _, cpu, _, _ := p.Enforces(); cpu {
			return 1
		}
	}
	return 0
}

// emptyDir tells whether a directory holds nothing or does not exist.
func emptyDir(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	if !info.IsDir() {
		return false
	}
	d, err := os.Open(path)
	if err != nil {
		return false
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

// runscFlags is how gVisor runs in every sandbox.
func runscFlags(rootless bool) []string {
	return []string{
		"--network=sandbox",              // gVisor's own stack, over the empty namespace that init was born into
		"--gofer-network-namespace=host", // init's
		"--ignore-cgroups",               // the daemon makes them
		"--directfs=false",               // the kernel opens no file: a small process hands it those of the job
		"--host-settings=ignore",
		"--sidecar-usage-policy=LEGACY_DEPRECATED_SLOW_EMBEDDED_FALLBACK", // this binary is all there is
		fmt.Sprintf("--rootless=%t", rootless),
	}
}

// ownOpenFiles is how many files this process may hold open, and so gVisor's.
func ownOpenFiles() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return openFiles
	}
	return l.Cur
}
