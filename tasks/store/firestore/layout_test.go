package firestore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	apiv1 "cloud.google.com/go/firestore/apiv1"
	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	"rowsmith/tasks/store/firestore/emulator"
	"rowsmith/tasks/store/storetest"
)

// raw is a document as the service has it, its fields spelled out.
func raw(t *testing.T, project, path string) string {
	t.Helper()
	c, err := apiv1.NewClient(t.Context(), option.WithEndpoint("passthrough:///"+emulator.Host(t)), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := c.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: "projects/" + project + "/databases/(default)/documents/" + path})
	if err != nil {
		t.Fatal(err)
	}
	return spell(d.Fields)
}

func spell(fields map[string]*pb.Value) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := ""
		switch v := fields[name].ValueType.(type) {
		case *pb.Value_MapValue:
			text = "{" + spell(v.MapValue.Fields) + "}"
		case *pb.Value_TimestampValue:
			text = v.TimestampValue.AsTime().Format(time.RFC3339Nano)
		case *pb.Value_BytesValue:
			text = fmt.Sprintf("bytes %q", v.BytesValue)
		case *pb.Value_StringValue:
			text = fmt.Sprintf("%q", v.StringValue)
		case *pb.Value_IntegerValue:
			if text = fmt.Sprint(v.IntegerValue); name == "rev" {
				text = "drawn"
			}
		case *pb.Value_BooleanValue:
			text = fmt.Sprint(v.BooleanValue)
		default:
			text = fmt.Sprintf("%T", v)
		}
		parts = append(parts, name+": "+text)
	}
	return strings.Join(parts, ", ")
}

// TestLayout pins the format: documents outlive this program's versions.
func TestLayout(t *testing.T) {
	c := firestore.Config{Project: emulator.Project()}
	s := open(t, c, storetest.Kinds()...)
	must(t, s, store.Create(store.Doc{Key: thing("full"), Payload: []byte("{}"), Expires: someTime.AddDate(10, 0, 0),
		Fields: store.Fields{"color": "red", "n": int64(1), "flag": true, "at": someTime}}),
		store.Create(store.Doc{Key: entry("bare"), Schema: 7}),
		store.Increment(thing("made"), map[string]int64{"n": 2}, someTime.AddDate(10, 0, 0)))
	must(t, s, store.Increment(entry("bare"), map[string]int64{"m": -1}, time.Time{}))
	for path, want := range map[string]string{
		"accounts/acme/things/full":  `_store: {rev: drawn, schema: 3}, at: 2026-01-02T03:04:05.000006Z, color: "red", expires: 2036-01-02T03:04:05.000006Z, flag: true, n: 1, payload: bytes "{}"`,
		"accounts/acme/entries/bare": `_store: {made: 1, rev: drawn, schema: 7}, m: -1`,
		"accounts/acme/things/made":  `_store: {made: 3, rev: drawn}, expires: 2036-01-02T03:04:05.000006Z, n: 2`,
	} {
		if got := raw(t, c.Project, path); got != want {
			t.Errorf("%s is\n%s, want\n%s", path, got, want)
		}
	}
	rev := string(one(t, s, thing("full")).Rev)
	if updated, expires, ok := strings.Cut(rev, "."); !ok || len(updated) != 19 || expires != fmt.Sprint(someTime.AddDate(10, 0, 0).UnixMicro()) {
		t.Errorf("rev %q", rev)
	}
}

// TestKindsChange reads documents with kinds that gained, lost and changed fields.
func TestKindsChange(t *testing.T) {
	c := firestore.Config{Project: emulator.Project()}
	kind := func(fields ...store.Field) store.Kind {
		return store.Kind{Name: "things", Schema: 1, Fields: fields, Shapes: []store.Shape{{}}}
	}
	a := open(t, c, kind(store.Field{Name: "x", Type: store.Int}, store.Field{Name: "y", Type: store.Int}))
	must(t, a, store.Create(store.Doc{Key: thing("a"), Fields: store.Fields{"x": int64(1), "y": int64(2)}}))
	b := open(t, c, kind(store.Field{Name: "y", Type: store.Int}, store.Field{Name: "z", Type: store.Int}))
	if d := one(t, b, thing("a")); !maps.Equal(d.Fields, store.Fields{"y": int64(2)}) {
		t.Errorf("%v", d.Fields)
	}
	changed := open(t, c, kind(store.Field{Name: "x", Type: store.String}))
	if _, err := changed.Get(t.Context(), thing("a")); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("get of a field of another type: %v", err)
	}
	if _, err := changed.Query(t.Context(), store.Query{Kind: "things", Account: "acme", Limit: 1}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("query of a field of another type: %v", err)
	}
}

// TestKindsNamedLikeTheStoresOwn: a collection's name may be that of the collection which all lie below.
func TestKindsNamedLikeTheStoresOwn(t *testing.T) {
	s := open(t, firestore.Config{Project: emulator.Project()},
		store.Kind{Name: "accounts", Schema: 1, Shapes: []store.Shape{{}, {Across: true}}}, store.Kind{Name: "documents", Schema: 1})
	must(t, s, store.Create(doc(store.Key{Account: "accounts", Kind: "accounts", ID: "accounts"}, "x")),
		store.Create(doc(store.Key{Account: "documents", Kind: "documents", ID: "a"}, "")), store.Create(doc(store.Key{Account: "b", Kind: "accounts", ID: "c"}, "y")))
	p, err := s.Query(t.Context(), store.Query{Kind: "accounts", Limit: 10})
	if err != nil || len(p.Docs) != 2 || string(p.Docs[0].Payload) != "x" || p.Docs[1].Key.Account != "b" {
		t.Errorf("%+v, %v", p.Docs, err)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	project := emulator.Project()
	one := open(t, firestore.Config{Project: project}, storetest.Kinds()...)
	other := open(t, firestore.Config{Project: project, Database: "other"}, storetest.Kinds()...)
	must(t, one, store.Create(doc(thing("a"), "")))
	if r, err := other.Get(t.Context(), thing("a")); err != nil || r.Docs[0].Exists() {
		t.Errorf("%+v, %v", r, err)
	}
	schema, err := store.NewSchema()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := firestore.Open(context.Background(), firestore.Config{}, schema, clockwork.NewRealClock()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("opened without a project: %v", err)
	}
}

// TestTimeIsTheServices: machines whose clocks are wrong by hours agree about store time.
func TestTimeIsTheServices(t *testing.T) {
	c := firestore.Config{Project: emulator.Project(), Emulator: emulator.Host(t)}
	schema, err := store.NewSchema(storetest.Kinds()...)
	if err != nil {
		t.Fatal(err)
	}
	right := open(t, c, storetest.Kinds()...)
	wrong := clockwork.NewFakeClockAt(time.Now().Add(5 * time.Hour))
	s, err := firestore.Open(t.Context(), c, schema, wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := func(s *firestore.Store) time.Time {
		t.Helper()
		at, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	was := now(right)
	if d := now(s).Sub(was); d < 0 || d > time.Minute {
		t.Errorf("%v apart", d)
	}
	must(t, s, store.Create(store.Doc{Key: thing("a"), Expires: was.Add(time.Hour)}))
	one(t, right, thing("a"))
	one(t, s, thing("a"))

	// Between answers the machine's clock carries on, for a while. Then the service is asked.
	was, asked := now(s), s.Counts().Calls
	wrong.Advance(3 * time.Second)
	if d := now(s).Sub(was); d != 3*time.Second || s.Counts().Calls != asked {
		t.Errorf("3 s on it is %v later, after %d calls", d, s.Counts().Calls-asked)
	}
	wrong.Advance(time.Hour)
	if d := now(s).Sub(was); d < 3*time.Second || d > time.Minute || s.Counts().Calls != asked+1 {
		t.Errorf("an hour of the machine's on it is %v later, after %d calls", d, s.Counts().Calls-asked)
	}
}
