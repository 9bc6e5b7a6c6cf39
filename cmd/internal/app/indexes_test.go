package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rowsmith/cmd/internal/app"
	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
)

var update = flag.Bool("update", false, "write deploy/firestore.indexes.json anew from the program's kinds")

// TestIndexesAreDeployed holds deploy/firestore.indexes.json to the queries that the program can make: the emulator answers any query,
// the service only those with an index.
func TestIndexesAreDeployed(t *testing.T) {
	path := filepath.Join("..", "..", "..", "deploy", "firestore.indexes.json")
	file := firestore.IndexesOf(app.Kinds()...)
	want, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the queries need; go test -run %s -update writes it. It holds\n%s\nand should hold\n%s", path, t.Name(), got, want)
	}

	// What no generator should be trusted with.
	overrides := map[[2]string]firestore.Override{}
	for _, o := range file.FieldOverrides {
		overrides[[2]string{o.CollectionGroup, o.FieldPath}] = o
	}
	for _, k := range app.Kinds() {
		for _, path := range []string{"*", "payload"} {
			if o, ok := overrides[[2]string{k.Name, path}]; !ok || len(o.Indexes) > 0 {
				t.Errorf("%s.%s is indexed", k.Name, path)
			}
		}
		if o := overrides[[2]string{k.Name, "expires"}]; o.TTL != k.Expires || len(o.Indexes) > 0 {
			t.Errorf("%s expires: %v, its policy: %+v", k.Name, k.Expires, o)
		}
		for _, f := range k.Fields {
			if f.Type == store.Time && len(overrides[[2]string{k.Name, f.Name}].Indexes) > 0 {
				t.Errorf("%s.%s is a time with an index of its own: it caps the collection at 500 writes a second", k.Name, f.Name)
			}
		}
		for _, i := range file.Indexes {
			if i.CollectionGroup == k.Name && slices.ContainsFunc(k.Fields, func(f store.Field) bool { return f.Name == i.Fields[0].FieldPath && f.Type == store.Time }) {
				t.Errorf("an index of %s begins with a time: it caps the collection at 500 writes a second", k.Name)
			}
		}
	}
	// firebase.google.com/docs/firestore/quotas, without billing turned on; it is more with it.
	if len(file.Indexes) > 200 || len(file.FieldOverrides) > 200 {
		t.Errorf("%d indexes and %d overrides; a database may have 200 of each", len(file.Indexes), len(file.FieldOverrides))
	}
}
