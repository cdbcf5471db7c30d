package image

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// aptOutput is how many bytes of apt's words an error keeps.
const aptOutput = 8 << 10

// deb is one Debian package on disk.
type deb struct {
	path          string
	name, version string
	bytes         int64
}

var packagePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?$`)

// apt is the machine's own apt, which finds packages and all they need as for a machine
// that has none installed. Sources, signatures and hashes are its business, with the
// machine's own settings.
type apt struct {
	dir     string
	options []string
	args    []string // of install, the options included
}

// newApt makes one that keeps all it writes in dir. A suite that is not "" takes the place of
// those of the machine's sources.
func newApt(ctx context.Context, dir, suite string, packages []string) (*apt, error) {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("this machine has no %s; build images of Debian packages on Debian or Ubuntu, and load them here", tool)
		}
	}
	for _, p := range packages {
		if !packagePattern.MatchString(p) {
			return nil, fmt.Errorf("package %q: want a name such as ffmpeg, or name=version", p)
		}
	}
	a := &apt{dir: dir}
	if err := os.MkdirAll(filepath.Join(a.archives(), "partial"), 0o755); err != nil {
		return nil, err
	}
	nothing := filepath.Join(dir, "status") // of the packages that are installed
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		return nil, err
	}
	a.options = []string{"-q", "-y", "--no-install-recommends",
		"-o", "Dir::State::status=" + nothing, "-o", "Dir::State::extended_states=" + filepath.Join(dir, "extended"),
		"-o", "Dir::Cache=" + dir, "-o", "Dir::Cache::archives=" + a.archives(), "-o", "Dir::Log=" + dir,
		"-o", "Debug::NoLocking=true"}
	if suite != "" {
		if err := a.from(ctx, suite); err != nil {
			return nil, fmt.Errorf("suite %s: %w", suite, err)
		}
	}
	a.args = append(append(slices.Clone(a.options), "install", "--"), packages...)
	return a, nil
}

func (a *apt) archives() string { return filepath.Join(a.dir, "archives") }

// fetch fetches the packages.
func (a *apt) fetch(ctx context.Context) ([]deb, error) {
	if err := a.run(ctx, io.Discard, "--download-only"); err != nil {
		return nil, err
	}
	return listDebs(a.archives())
}

// set names what fetch would bring.
func (a *apt) set(ctx context.Context) (string, error) {
	var lines strings.Builder
	if err := a.run(ctx, &lines, "--print-uris"); err != nil {
		return "", err
	}
	var archives []string
	for line := range strings.Lines(lines.String()) {
		if f := strings.Fields(line); len(f) == 4 && strings.HasSuffix(f[1], ".deb") { // URI, file, bytes, hash
			archives = append(archives, strings.Join(f[1:], " "))
		}
	}
	slices.Sort(archives)
	return setOf(archives), nil
}

func (a *apt) run(ctx context.Context, out io.Writer, flag string) error {
	return aptGet(ctx, out, append([]string{flag}, a.args...))
}

// aptGet runs apt-get. What it says goes to out too.
func aptGet(ctx context.Context, out io.Writer, args []string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	said := &tail{max: aptOutput}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(said, out), said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("apt-get: %w: %s; if it knows too few packages, run `apt-get update`", err, said.errors())
	}
	return nil
}

// tail keeps the end of what a tool says, on its output and its errors at once.
type tail struct {
	max int

	mu sync.Mutex // guards b; owner: tail
	b  []byte
}

// Write takes everything and keeps the last bytes.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(len(t.b)-t.max, 0):]
	return len(p), nil
}

// errors are apt's error lines, or its last line.
func (t *tail) errors() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	bad := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "E: ") })
	if len(bad) == 0 {
		bad = lines[len(lines)-1:]
	}
	return strings.Join(bad, "; ")
}

// listDebs reads what apt fetched, by name.
func listDebs(dir string) ([]deb, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return nil, err
	}
	debs := make([]deb, 0, len(files))
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		parts := strings.Split(strings.TrimSuffix(filepath.Base(f), ".deb"), "_") // name_version_arch
		if len(parts) != 3 {
			return nil, fmt.Errorf("apt-get left a file called %s", f)
		}
		debs = append(debs, deb{path: f, name: parts[0], version: strings.ReplaceAll(parts[1], "%3a", ":"), bytes: st.Size()})
	}
	if len(debs) == 0 {
		return nil, errors.New("apt-get found nothing to fetch")
	}
	slices.SortFunc(debs, func(a, b deb) int { return cmp.Compare(a.name, b.name) })
	return debs, nil
}

// dpkgTar calls f with every file of a part of a package.
func dpkgTar(ctx context.Context, part, file string, f func(*tar.Header, io.Reader) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dpkg-deb", part, file)
	said := &tail{max: aptOutput}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = eachFile(out, f)
	if err != nil {
		cancel() // it has more to write than anybody reads
	} else {
		_, err = io.Copy(io.Discard, out)
	}
	if werr := cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("dpkg-deb: %w: %s", werr, said.errors())
	}
	return err
}

func eachFile(r io.Reader, f func(*tar.Header, io.Reader) error) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(h, t)
		}
		if err != nil {
			return err
		}
	}
}
