package app

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"rowsmith/cmd/internal/api"
)

// What the program answers is in the API's table, or is named here: nothing gets in by the side.
func TestNothingIsServedBesideTheTable(t *testing.T) {
	for _, private := range []bool{false, true} {
		a, err := Open(t.Context(), Config{Addr: "127.0.0.1:0", Data: t.TempDir(), DevAPIKey: "k", Private: private}, Parts{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := api.Describe("test")
		if err != nil {
			t.Fatal(err)
		}
		beside := map[string]bool{}
		for _, r := range a.server.Handler.(*echo.Echo).Routes() {
			path := strings.Replace(r.Path, ":id", "{id}", 1)
			method := strings.Replace(r.Method, "HEAD", "GET", 1)
			if item := doc.Paths.Value(path); item == nil || item.GetOperation(method) == nil {
				if path == "/sheets/*" || path == "/v4/*" {
					method = "ANY"
				}
				beside[method+" "+path] = true
			}
		}
		var got []string
		for s := range beside {
			got = append(got, s)
		}
		slices.Sort(got)
		want := []string{"ANY /sheets/*", "ANY /v4/*", "GET /", "GET /playground/*", "POST /internal/tasks/:kind", "POST /internal/tick"}
		if private {
			want = []string{"ANY /sheets/*", "POST /internal/tasks/:kind", "POST /internal/tick"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("private %v: beside the document stand %q, want %q", private, got, want)
		}
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
