package image

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// alternative is one `update-alternatives --install` of a package's script.
type alternative struct {
	name, target string
	priority     int
	slaves       []alternative
}

// alternatives are all of them, by the name that they want. A package's library may be
// found under its usual name only so (libblas.so.3), and a program too (awk).
type alternatives map[string][]alternative

// read finds the calls in a script whose words are all plain: what a shell would have to
// work out is left alone.
func (a alternatives) read(script string) {
	script = strings.ReplaceAll(script, "\\\n", " ")
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		i := slices.Index(words, "--install")
		if len(words) < i+5 || !slices.ContainsFunc(words[:max(i, 0)], isTool) {
			continue
		}
		priority, err := strconv.Atoi(strings.TrimSuffix(words[i+4], ";"))
		one := alternative{name: words[i+1], target: words[i+3], priority: priority}
		if err != nil || !one.plain() {
			continue
		}
		for rest := words[i+5:]; len(rest) >= 4 && rest[0] == "--slave"; rest = rest[4:] {
			if s := (alternative{name: rest[1], target: rest[3]}); s.plain() {
				one.slaves = append(one.slaves, s)
			}
		}
		a[one.name] = append(a[one.name], one)
	}
}

func isTool(word string) bool { return path.Base(word) == "update-alternatives" }

func (a *alternative) plain() bool {
	for _, p := range []string{a.name, a.target} {
		if !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "$`'\"(){}*?;|&<>\\") {
			return false
		}
	}
	return true
}

// chosen are the links to make, by name: for each the target with the highest priority
// of those that are there.
func (a alternatives) chosen(files map[string]bool) []alternative {
	there := func(p string) bool { return files["/"+inUsr(p[1:])] }
	links := map[string]alternative{}
	take := func(l alternative) {
		if there(l.target) && !there(l.name) {
			links[l.name] = alternative{name: "/" + inUsr(l.name[1:]), target: l.target}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		of := slices.DeleteFunc(slices.Clone(a[name]), func(l alternative) bool { return !there(l.target) })
		if len(of) == 0 {
			continue
		}
		best := of[0]
		for _, l := range of[1:] {
			if l.priority > best.priority {
				best = l
			}
		}
		take(best)
		for _, s := range best.slaves {
			take(s)
		}
	}
	all := make([]alternative, 0, len(links))
	for _, name := range slices.Sorted(maps.Keys(links)) {
		all = append(all, links[name])
	}
	return all
}
