package conformance

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// witness looks at the host while hostile jobs run: at a secret beside the engine's data, at
// every network, at a process that is not theirs, and at what of the kernel is everybody's.
// All that is looked for bears a token that nothing else on the machine has.
type witness struct {
	aims     aims
	base, in string // the secret's directory, and the jobs' inputs
	secret   string
	ears     *ears
	canary   *canary
	settings map[string]string
	files    string        // fingerprints of the secret, the inputs and the root
	clock    time.Duration // from the machine's start to the epoch
	marked   []string      // what tells this machine from all others
	root     string
}

// settings are the kernel's that belong to the whole machine.
var settings = []string{
	"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname",
	"/proc/sys/kernel/panic", "/proc/sys/kernel/printk", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/poweroff_cmd",
	"/proc/sys/kernel/ctrl-alt-del", "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/swappiness", "/proc/sys/fs/suid_dumpable",
	"/proc/sys/net/ipv4/ip_forward", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run", "/proc/irq/default_smp_affinity",
	"/proc/swaps", "/proc/mtrr", "/proc/cmdline",
}

// newWitness comes for one test; alone, while there is no other on the machine.
func newWitness(t *testing.T, s *suite, alone bool) *witness {
	t.Helper()
	share(t, alone)
	base := t.TempDir()
	w := &witness{
		base: base, in: filepath.Join(base, "in"), root: s.guest.root,
		secret: "secret-" + rand.Text(), settings: map[string]string{}, clock: sinceBoot(),
	}
	w.aims = aims{Secret: filepath.Join(base, "secret"), Token: rand.Text()[:16], Address: "127.0.0.1"}
	if err := errors.Join(os.Mkdir(w.in, 0o755), os.Chmod(base, 0o755), os.Chmod(filepath.Dir(base), 0o755)); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"secret": w.secret, "in/data": "input"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(base, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": w.aims.Secret, "dirlink": base, "uplink": ".."} {
		if err := os.Symlink(to, filepath.Join(w.in, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("RERIG_CONFORMANCE_SECRET", w.secret+"-in-the-environment")
	w.ears = listen(t, w)
	w.canary = newCanary(t, w)
	w.plant(t)
	w.marked = identities()
	for _, name := range settings {
		if b, err := os.ReadFile(name); err == nil {
			w.settings[name] = string(b)
		}
	}
	var err error
	if w.files, err = w.fingerprints(); err != nil {
		t.Fatal(err)
	}
	return w
}

// share has the machine's settings for this test with other witnesses, or alone: the test of
// the witness changes what all see. The lock is on a setting's own file and goes with it.
func share(t *testing.T, alone bool) {
	t.Helper()
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	f, err := os.Open(settings[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		t.Fatal(err)
	}
}

// plant leaves the secret wherever else a job must not find it.
func (w *witness) plant(t testing.TB) {
	t.Helper()
	if h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, w.aims.Secret, 0); err == nil {
		w.aims.Handle, w.aims.HandleOf = h.Bytes(), h.Type()
	}
	var st unix.Stat_t
	if err := unix.Stat(w.base, &st); err != nil {
		t.Fatal(err)
	}
	w.aims.Block = uint32(st.Dev)
	_ = os.WriteFile("/dev/kmsg", []byte("conformance: "+w.secret+"-in-the-log\n"), 0) // where this user may
	if id, err := unix.AddKey("user", "host"+w.aims.Token, []byte(w.secret), unix.KEY_SPEC_USER_KEYRING); err == nil {
		t.Cleanup(func() {
			_, err := unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
			if err != nil {
				t.Error("take the key away:", err)
			}
		})
	}
	w.aims.Key = os.Getpid()<<8 | 0x40000000
	id, err := unix.SysvShmGet(w.aims.Key, 4096, 0o666|unix.IPC_CREAT)
	if err != nil {
		return // System V memory is off
	}
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
	b, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	copy(b, w.secret)
	t.Cleanup(func() { _ = unix.SysvShmDetach(b) })
}

// out makes a job's output directory, beside the secret.
func (w *witness) out(t testing.TB) string {
	dir, err := os.MkdirTemp(w.base, "out-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // for jobs of every user
		t.Fatal(err)
	}
	return dir
}

func (w *witness) fingerprints() (string, error) {
	var all strings.Builder
	for _, dir := range []string{w.aims.Secret, w.in, w.root} {
		if dir == "" {
			continue
		}
		text, err := fingerprint(dir)
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// identities are the host's name, its network hardware and what it was numbered with.
func identities() []string {
	var list []string
	if name, err := os.Hostname(); err == nil && name != "localhost" {
		list = append(list, fmt.Sprintf("hostname %q", name))
	}
	links, _ := net.Interfaces()
	for _, l := range links {
		if a := l.HardwareAddr.String(); strings.Trim(a, "0:") != "" {
			list = append(list, a)
		}
	}
	for _, name := range []string{"/etc/machine-id", "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/product_serial"} {
		b, _ := os.ReadFile(name)
		if text := strings.TrimSpace(string(b)); len(text) >= 8 {
			list = append(list, text)
		}
	}
	return list
}

// sinceBoot tells when the clock's epoch was, by the clock that nobody can set.
func sinceBoot() time.Duration {
	var boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	return time.Duration(time.Now().UnixNano() - boot.Nano())
}

// look says what has happened to the host since the witness came, for all that it sees, and
// undoes what it can. said is what the job wrote and out the directory of its output.
func (w *witness) look(said, out string) error {
	errs := []error{w.untouched(), w.words(said, out), w.ears.heard(), w.canary.harmed(), w.changed(), w.marks(out)}
	if d := sinceBoot() - w.clock; d.Abs() > 5*time.Second {
		errs = append(errs, fmt.Errorf("the host's clock was moved by %s", d))
		w.clock += d
	}
	return errors.Join(errs...)
}

func (w *witness) untouched() error {
	now, err := w.fingerprints()
	switch {
	case err != nil:
		err = fmt.Errorf("the host's files are not as they were: %w", err)
	case now != w.files:
		err = fmt.Errorf("the host's files are not as they were; before\n%s\nnow\n%s", w.files, now)
		w.files = now
	}
	list, read := os.ReadDir(w.base)
	if read != nil {
		return read
	}
	for _, d := range list {
		if n := d.Name(); n != "secret" && n != "in" && n != "canary" && n != "socket" && n != "data" && !strings.HasPrefix(n, "out-") {
			err = errors.Join(err, fmt.Errorf("%s was made beside the secret", n))
			_ = os.RemoveAll(filepath.Join(w.base, n))
		}
	}
	return err
}

// words looks for the secret, in whatever form, in what a job wrote.
func (w *witness) words(said, out string) error {
	var err error
	for line := range strings.Lines(said) {
		if strings.Contains(line, w.secret) || strings.HasPrefix(line, "BREACH") {
			err = errors.Join(err, fmt.Errorf("the job says %q", line))
		}
		for _, mark := range w.marked {
			if strings.Contains(line, mark) {
				err = errors.Join(err, fmt.Errorf("the job knows the host's %s: %q", mark, line))
			}
		}
	}
	if out == "" {
		return err
	}
	_ = filepath.WalkDir(out, func(path string, d os.DirEntry, broken error) error {
		if broken != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is no output
		}
		if info, stat := d.Info(); stat != nil || info.Size() > 8<<20 {
			return nil //nolint:nilerr // nor is what is gone
		}
		b, read := os.ReadFile(path)
		if read == nil && strings.Contains(string(b), w.secret) {
			err = errors.Join(err, fmt.Errorf("the job took the secret out as %s", path))
		}
		return nil
	})
	return err
}

// changed compares the machine's settings, and puts back what was changed.
func (w *witness) changed() error {
	var err error
	for name, before := range w.settings {
		now, read := os.ReadFile(name)
		if read == nil && string(now) == before {
			continue
		}
		err = errors.Join(err, fmt.Errorf("%s was %q and is %q, %v", name, before, now, read))
		_ = os.WriteFile(name, []byte(before), 0)
	}
	return err
}

// marks looks for the token where the kernel shows what everybody has.
func (w *witness) marks(out string) error {
	var err error
	found := func(what string) { err = errors.Join(err, errors.New("on the host there is "+what)) }
	for _, name := range []string{"/proc/self/mountinfo", "/proc/modules", "/proc/partitions", "/proc/net/dev"} {
		b, _ := os.ReadFile(name)
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, w.aims.Token) || strings.Contains(line, "r"+w.aims.Token[:8]) {
				found(name + ": " + line)
			}
		}
	}
	b, _ := os.ReadFile("/proc/keys")
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, w.aims.Token) && !strings.Contains(line, "host"+w.aims.Token) {
			found("the key " + line)
		}
	}
	shm, _ := os.ReadFile("/proc/sysvipc/shm")
	for line := range strings.Lines(string(shm)) {
		if f := strings.Fields(line); f[0] == fmt.Sprint(w.aims.Key+1) {
			found("a shared segment of the job's")
		}
	}
	for _, pattern := range []string{"/tmp/", "/dev/", "/dev/shm/", "/", "/sys/fs/cgroup/", "/sys/fs/cgroup/*/", w.base + "/", w.root + "/", "/proc/sys/fs/binfmt_misc/", "/sys/kernel/keys/"} {
		list, _ := filepath.Glob(pattern + "*" + w.aims.Token + "*")
		for _, p := range list {
			found("the file " + p)
		}
	}
	agents, _ := filepath.Glob("/sys/fs/cgroup/*/release_agent")
	alias, _ := filepath.Glob("/sys/class/net/*/ifalias")
	for _, p := range slices.Concat(agents, alias) {
		if b, _ := os.ReadFile(p); strings.Contains(string(b), w.aims.Token) {
			found(p + ": " + string(b))
		}
	}
	if out != "" {
		err = errors.Join(err, nodes(out))
	}
	return errors.Join(err, w.log())
}

// nodes looks for device nodes in a job's output, whatever the job came to.
func nodes(out string) error {
	var err error
	_ = filepath.WalkDir(out, func(path string, d os.DirEntry, broken error) error {
		if broken == nil && d.Type()&os.ModeDevice != 0 {
			err = errors.Join(err, fmt.Errorf("on the host there is the device node %s", path))
		}
		return nil
	})
	return err
}

// log looks for lines of a job's in the kernel's log.
func (w *witness) log() error {
	b := make([]byte, 1<<20)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, b)
	if err != nil {
		return nil //nolint:nilerr // this user may not read it
	}
	if strings.Contains(string(b[:n]), w.aims.Token+" was here") {
		return errors.New("the kernel's log has a line of the job's")
	}
	return nil
}
