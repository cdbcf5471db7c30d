package image

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Program is what an image runs and as whom.
type Program struct {
	Entrypoint []string // comes before a job's arguments
	Cmd        []string // takes their place when a job has none
	Env        []string // KEY=value; PATH and HOME are always there
	WorkDir    string   // absolute
	User       string   // as the image says it, such as "app" or "1000:1000"
	UID, GID   uint32
}

// Argv is the command line of a job with these arguments. It fails for an image that says
// nothing to run when the job does not either.
func (p *Program) Argv(args []string) ([]string, error) {
	if len(args) == 0 {
		args = p.Cmd
	}
	argv := slices.Concat(p.Entrypoint, args)
	if len(argv) == 0 {
		return nil, bad("it names no program; give one as the job's arguments")
	}
	return argv, nil
}

// Environ is the environment of a job with these entries: they replace the image's.
func (p *Program) Environ(env []string) []string {
	return overlayEnv(p.Env, env)
}

// overlayEnv puts entries of the same key in the place of those below.
func overlayEnv(below, over []string) []string {
	all := slices.Clone(below)
	for _, e := range over {
		key, _, _ := strings.Cut(e, "=")
		if i := slices.IndexFunc(all, func(old string) bool { return strings.HasPrefix(old, key+"=") }); i >= 0 {
			all[i] = e
		} else {
			all = append(all, e)
		}
	}
	return all
}

// DefaultPath is the PATH of images that set none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// program reads what to run from a config; accounts are looked up in the image's files.
func program(cfg *v1.Config, t *tree, layers []string) (*Program, error) {
	p := &Program{Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd, User: cfg.User, WorkDir: "/"}
	if cfg.WorkingDir != "" {
		dir, err := cleanPath(cfg.WorkingDir)
		if err != nil {
			return nil, err
		}
		p.WorkDir = path.Join("/", dir)
	}
	for _, e := range cfg.Env {
		if key, _, ok := strings.Cut(e, "="); ok && key != "" && !strings.ContainsRune(e, 0) {
			p.Env = append(p.Env, e)
		}
	}
	a := accounts{t: t, layers: layers}
	home, err := a.resolve(p)
	if err != nil {
		return nil, err
	}
	p.Env = overlayEnv([]string{"PATH=" + DefaultPath, "HOME=" + home}, p.Env)
	return p, nil
}

// accounts looks users and groups up in an image's /etc.
type accounts struct {
	t      *tree
	layers []string
}

// resolve finds the numbers of the image's user, and the home directory.
func (a accounts) resolve(p *Program) (home string, err error) {
	user, group, hasGroup := strings.Cut(p.User, ":")
	if user == "" {
		user = "0"
	}
	// name:password:uid:gid:comment:home:shell
	line, err := a.find("etc/passwd", user)
	if err != nil {
		return "", err
	}
	home = "/"
	if len(line) >= 7 {
		p.UID, p.GID = number(line[2]), number(line[3])
		if path.IsAbs(line[5]) {
			home = line[5]
		}
	} else if n, err := strconv.ParseUint(user, 10, 31); err == nil {
		p.UID = uint32(n)
		if n == 0 {
			home = "/root"
		}
	} else {
		return "", bad("user %q is not in the image's /etc/passwd", user)
	}
	if !hasGroup || group == "" {
		return home, nil
	}
	if line, err = a.find("etc/group", group); err != nil { // name:password:gid:members
		return "", err
	}
	if len(line) >= 3 {
		p.GID = number(line[2])
	} else if n, err := strconv.ParseUint(group, 10, 31); err == nil {
		p.GID = uint32(n)
	} else {
		return "", bad("group %q is not in the image's /etc/group", group)
	}
	return home, nil
}

func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 31) // find took only lines where it is one
	return uint32(n)
}

// find returns the line of a name or of a number, nil for none.
func (a accounts) find(file, who string) ([]string, error) {
	n := a.t.follow(file)
	if n == nil || n.kind != kindFile {
		return nil, nil
	}
	f, err := os.Open(filepath.Join(a.layers[n.layer], "f", strconv.FormatUint(uint64(n.file), 10)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAccounts))
	if err != nil {
		return nil, err
	}
	var byNumber []string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line := strings.Split(s.Text(), ":")
		if len(line) < 3 || !isNumber(line[2]) || file == "etc/passwd" && (len(line) < 7 || !isNumber(line[3])) {
			continue
		}
		if line[0] == who {
			return line, nil
		}
		if line[2] == who && byNumber == nil {
			byNumber = line
		}
	}
	return byNumber, nil
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 31)
	return err == nil
}
