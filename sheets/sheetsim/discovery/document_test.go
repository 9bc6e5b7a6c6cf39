package discovery

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write sheets-api.json from the client module")

func TestDocumentIsGooglesOwn(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatalf("find the client module: %v", err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "sheets", "v4", "sheets-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := strip(raw)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("sheets-api.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(source, want) {
		t.Error("sheets-api.json is not the client module's; run go test ./sheets/sheetsim/discovery -update")
	}
}
