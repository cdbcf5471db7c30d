package testnet_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// recipesDir has a folder for every documented job (docs/recipes/README.md).
const recipesDir = "../docs/recipes"

// recipe is one of them where its commands may write, beside what it uses of the checkout.
type recipe struct {
	s     *scene
	buyer *member
	name  string
	dir   string
	steps map[string]string // shell commands by the heading they stand under
}

// shelf is where images are made: RERIG_RECIPES_SHELF keeps them for the next run, for which
// packages that have not changed need not be fetched and packed again.
func (s *scene) shelf() string {
	return cmp.Or(os.Getenv("RERIG_RECIPES_SHELF"), filepath.Join(s.dir, "shelf"))
}

// recipe copies a folder of docs/recipes, and reads the commands of its README.
func (s *scene) recipe(buyer *member, name string) *recipe {
	s.t.Helper()
	r := &recipe{s: s, buyer: buyer, name: name, dir: filepath.Join(s.dir, "work", "docs", "recipes", name)}
	s.must(os.MkdirAll(filepath.Dir(r.dir), 0o700))
	s.must(os.CopyFS(r.dir, os.DirFS(filepath.Join(recipesDir, name))))
	for _, name := range []string{"go.mod", "go.sum", "models"} {
		target, err := filepath.Abs(filepath.Join("..", name))
		s.must(err)
		if err := os.Symlink(target, filepath.Join(s.dir, "work", name)); !errors.Is(err, os.ErrExist) {
			s.must(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "README.md"))
	s.must(err)
	r.steps = commands(string(text))
	t := s.t
	t.Cleanup(func() {
		for heading := range r.steps {
			t.Errorf("no test runs the commands of the recipe %s under %q", name, heading)
		}
	})
	return r
}

// commands are the sh blocks of a document, by the heading before them.
func commands(document string) map[string]string {
	blocks, heading, inside := map[string]string{}, "", false
	for line := range strings.Lines(document) {
		switch {
		case inside && strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			blocks[heading] += line
		case strings.HasPrefix(line, "```sh"):
			inside = true
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return blocks
}

// do runs the commands under a heading, with these variables besides those that say whose
// node it is, and returns their standard output.
func (r *recipe) do(heading string, env ...string) (out string, err error) {
	script, ok := r.steps[heading]
	if !ok {
		return "", fmt.Errorf("the recipe %s has no commands under %q", r.name, heading)
	}
	delete(r.steps, heading)
	var said, log bytes.Buffer
	cmd := exec.CommandContext(r.s.ctx, "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &said, &log
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(r.s.binary)+":"+os.Getenv("PATH"), "TMPDIR="+filepath.Join(r.s.dir, "tmp"),
		"XDG_DATA_HOME="+r.s.shelf(), "XDG_CONFIG_HOME="+filepath.Join(r.s.dir, "work", "config"),
		"RERIG_NETWORK="+r.s.profile, "RERIG_DATA_DIR="+r.buyer.config.DataDir, "RERIG_RUN_BUDGET=1")
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s, %q: %w\n%s%s", r.name, heading, err, said.String(), log.String())
	}
	r.s.t.Logf("%s, %q: %.1f s", r.name, heading, time.Since(begun).Seconds())
	return said.String(), nil
}

// once runs the commands that are not for one rig or another.
func (r *recipe) once(heading string) (out string) {
	r.s.t.Helper()
	out, err := r.do(heading)
	r.s.must(err)
	return out
}

// on is the recipe for one rig, in a folder of its own.
func (r *recipe) on(rig *member) *recipe {
	r.s.t.Helper()
	at := *r
	at.dir, at.steps = r.dir+"-"+rig.name, maps.Clone(r.steps)
	r.s.must(os.CopyFS(at.dir, os.DirFS(r.dir)))
	return &at
}

// made is what the commands of a recipe left for one rig.
type made struct {
	rig *member
	dir string
	out string // standard output
}

// each runs commands on every rig at once.
func (r *recipe) each(rigs []*member, headings ...string) []made {
	r.s.t.Helper()
	results, errs := make([]made, len(rigs)), make([]error, len(rigs))
	var all sync.WaitGroup
	for i, rig := range rigs {
		at := r.on(rig)
		all.Go(func() {
			results[i] = made{rig: rig, dir: at.dir}
			for _, heading := range headings {
				out, err := at.do(heading, "RERIG_RUN_RIG="+rig.key.Address().String())
				if results[i].out += out; err != nil {
					errs[i] = fmt.Errorf("%s: %w", rig.name, err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, heading := range headings {
		delete(r.steps, heading)
	}
	r.s.must(errors.Join(errs...))
	return results
}

// read is a file that the commands left.
func (m *made) read(s *scene, name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	s.must(err)
	return string(b)
}
