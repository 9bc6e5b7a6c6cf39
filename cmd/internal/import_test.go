// Package internal holds the law of this module's imports as a test.
package internal

import (
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// A rule says which of this module's packages, and which guarded outside ones,
// some packages may import (directly, in code or in tests). For each package the first rule that
// matches holds. A pattern is an import path below the module, or ends in "/..." for a path and all below it.
type rule struct {
	packages string
	allow    []string
}

// rules is the architecture: imports run downwards only.
//
//	cmd → tasks → {queue, store, sheets, enrichment}, and those four import none of each other.
var rules = []rule{
	{"enrichment", nil},
	{"enrichment/...", []string{"enrichment/..."}},
	{"sheets", []string{"sheets/..."}},
	{"sheets/sheetsim/...", []string{"sheets/sheetsim/..."}},
	{"tasks/queue/...", []string{"tasks/queue/..."}},
	{"tasks/store/...", []string{"tasks/store/..."}},
	{"tasks/...", []string{"tasks/...", "enrichment", "sheets", "sheets/sheetsim"}},
	{"cmd/internal/app/...", []string{"..."}},
	{"cmd/internal/filejob", []string{"cmd/internal/app/...", "cmd/internal/api", "cmd/internal/tabular/...", "tasks", "sheets", "sheets/sheetsim/...", "enrichment", "enrichment/provider"}},
	{"cmd/internal/access", []string{"tasks/store", "tasks/store/..."}},
	{"cmd/internal/api", []string{"tasks", "tasks/credits", "tasks/schedule", "tasks/notify", "tasks/queue", "cmd/internal/access", "enrichment", "sheets"}},
	{"cmd/internal/cloudlocal", []string{"sheets/...", "tasks/..."}},
	{"cmd/internal/playground", nil},
	{"cmd/internal/tabular/...", []string{"cmd/internal/tabular/..."}},
	{"cmd/internal", nil},
	{"cmd/rowsmith", []string{"cmd/internal/...", "tasks/...", "sheets", "enrichment/..."}},
	{"cmd/bench", []string{"..."}},
}

// guarded are outside packages with one home each.
var guarded = []struct {
	path string // import path prefix
	home []string
}{
	{"github.com/labstack/echo/v4", []string{"cmd/..."}},
	{"cloud.google.com/go/firestore", []string{"tasks/store/firestore/..."}},
	{"cloud.google.com/go/cloudtasks", []string{"tasks/queue/cloudtasks/..."}},
	{"google.golang.org/api/sheets/v4", []string{"sheets/..."}},
}

const module = "rowsmith"

func TestImportsRunDownwards(t *testing.T) {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedImports, Tests: true}, module+"/...")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) == 0 {
		t.Fatal("no packages found")
	}
	for _, pkg := range pkgs {
		for _, e := range pkg.Errors {
			t.Errorf("%s: %v", pkg.PkgPath, e)
		}
		from, ok := own(pkg.PkgPath)
		if !ok {
			continue
		}
		r := ruleFor(from)
		if r == nil {
			t.Errorf("%s: no rule says what it may import; add one to rules", from)
			continue
		}
		for path := range pkg.Imports {
			if to, ok := own(path); ok {
				if to != from && !matchAny(r.allow, to) {
					t.Errorf("%s imports %s: imports run downwards only", from, to)
				}
				continue
			}
			for _, g := range guarded {
				if (path == g.path || strings.HasPrefix(path, g.path+"/")) && !matchAny(g.home, from) {
					t.Errorf("%s imports %s, which has its home in %v", from, path, g.home)
				}
			}
		}
	}
}

// own returns the path below the module ("" for the module itself), with the
// suffixes that the go command gives to test variants taken off.
func own(path string) (string, bool) {
	path, _, _ = strings.Cut(path, " ")
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".test"), "_test")
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func ruleFor(pkg string) *rule {
	for i := range rules {
		if match(rules[i].packages, pkg) {
			return &rules[i]
		}
	}
	return nil
}

func matchAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if match(p, path) {
			return true
		}
	}
	return false
}

func match(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	prefix, deep := strings.CutSuffix(pattern, "/...")
	return path == prefix || deep && strings.HasPrefix(path, prefix+"/")
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"tasks/...", "tasks", true},
		{"tasks/...", "tasks/store", true},
		{"tasks/...", "tasksim", false},
		{"tasks", "tasks/store", false},
		{"...", "anything", true},
	} {
		if got := match(tc.pattern, tc.path); got != tc.want {
			t.Errorf("match(%q, %q) = %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}
