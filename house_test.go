// Package house holds the tests over the repository as a whole.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/rerig/rerig/"

// goFiles calls f with every Go file of the repository and its imports from it.
func goFiles(t *testing.T, f func(path string, imports []string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(p, module); ok {
				imports = append(imports, own)
			}
		}
		f(filepath.ToSlash(path), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// part is the package under node/ that a path belongs to, "" for node itself.
func part(path string) string {
	rest, ok := strings.CutPrefix(path, "node/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	if strings.HasSuffix(name, ".go") {
		return ""
	}
	return name
}

// TestImportRules holds the layout: protocol is pure, the parts of a node know
// only protocol and not each other, one package speaks to the contracts, nothing
// imports cmd, and only cmd (and tests) import testnet.
func TestImportRules(t *testing.T) {
	goFiles(t, func(path string, imports []string) {
		test := strings.HasSuffix(path, "_test.go")
		for _, imp := range imports {
			switch {
			case strings.HasPrefix(imp, "cmd/") && !strings.HasPrefix(path, "cmd/"):
				t.Errorf("%s imports %s: nothing imports cmd", path, imp)
			case strings.HasPrefix(path, "engine/") && !strings.HasPrefix(imp, "engine/") && !test:
				t.Errorf("%s imports %s: the engine runs in a sandbox and knows nothing of the network", path, imp)
			case strings.HasPrefix(path, "gateway/") && !test && imp != "client" && imp != "gateway" && !strings.HasPrefix(imp, "protocol"):
				t.Errorf("%s imports %s: the gateway stands on the client alone", path, imp)
			case strings.HasPrefix(path, "protocol/"):
				t.Errorf("%s imports %s: protocol is pure", path, imp)
			case strings.HasPrefix(imp, "contracts/") && !test && !strings.HasPrefix(path, "node/settle/") && !strings.HasPrefix(path, "contracts/"):
				t.Errorf("%s imports %s: only node/settle imports the bindings", path, imp)
			case strings.HasPrefix(imp, "testnet") && !test && !strings.HasPrefix(path, "cmd/") && !strings.HasPrefix(path, "testnet/") && !strings.HasPrefix(path, "bench/"):
				t.Errorf("%s imports %s: only cmd imports testnet", path, imp)
			}
			if from, to := part(path), part(imp+"/"); from != "" && to != "" && from != to && !test {
				t.Errorf("%s imports %s: parts of a node know each other through node.go only", path, imp)
			}
		}
	})
}

// TestNoPackageThatOwnsNothing refuses names that collect what has no place.
func TestNoPackageThatOwnsNothing(t *testing.T) {
	goFiles(t, func(path string, _ []string) {
		for _, dir := range strings.Split(filepath.Dir(path), "/") {
			switch dir {
			case "util", "utils", "common", "types", "helpers", "misc":
				t.Errorf("%s: a package named %s owns nothing", path, dir)
			}
		}
	})
}

// TestSpecNamesRealTests holds SPEC.md and the documents that name tests to their
// word: every test they name exists.
func TestSpecNamesRealTests(t *testing.T) {
	have := map[string]bool{} // "package: Test"
	goFiles(t, func(path string, _ []string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`).FindAllSubmatch(read(t, path), -1) {
			have[filepath.ToSlash(filepath.Dir(path))+": "+string(m[1])] = true
		}
	})
	sols, err := filepath.Glob("contracts/foundry/test/*.sol")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sols {
		for _, m := range regexp.MustCompile(`function (\w+)\(`).FindAllSubmatch(read(t, path), -1) {
			have["foundry: "+string(m[1])] = true
		}
	}
	for _, doc := range []string{"SPEC.md", "docs/security.md", "docs/sandboxes.md", "docs/gateway.md"} {
		for _, ref := range regexp.MustCompile(`\[([a-z/]+:\s+(?:Test|invariant|test)[^\]]+)\]`).FindAllStringSubmatch(string(read(t, doc)), -1) {
			pkg := ""
			for _, item := range strings.Split(strings.Join(strings.Fields(ref[1]), " "), ", ") {
				if p, name, ok := strings.Cut(item, ": "); ok {
					pkg, item = p, name
				}
				if !have[pkg+": "+item] {
					t.Errorf("%s names %s: %s, which does not exist", doc, pkg, item)
				}
			}
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
