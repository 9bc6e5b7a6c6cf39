package app_test

import (
	"os"
	"strings"
	"testing"

	"rowsmith/enrichment"
)

// The README lists every attribute: error messages send people there.
func TestReadmeListsEveryAttribute(t *testing.T) {
	b, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range enrichment.Attributes() {
		if !strings.Contains(string(b), "`"+a.Name+"`") {
			t.Errorf("README.md does not list %s", a.Name)
		}
	}
}
