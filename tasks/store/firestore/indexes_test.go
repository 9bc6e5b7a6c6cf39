package firestore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"rowsmith/tasks/store"
	"rowsmith/tasks/store/firestore"
	"rowsmith/tasks/store/firestore/emulator"
	"rowsmith/tasks/store/storetest"
)

func TestIndexesOf(t *testing.T) {
	fields := []store.Field{{Name: "a", Type: store.String}, {Name: "b", Type: store.String}, {Name: "n", Type: store.Int}, {Name: "m", Type: store.Int}}
	asc := func(f string) store.Order { return store.Order{Field: f} }
	desc := func(f string) store.Order { return store.Order{Field: f, Desc: true} }
	for name, c := range map[string]struct {
		shape store.Shape
		want  string // sorted: "field dir scope", "+" joins the fields of a composite
	}{
		"everything":               {store.Shape{}, ""},
		"everything, across":       {store.Shape{Across: true}, ""},
		"equal":                    {store.Shape{Equal: []string{"a"}}, "a:A/C"},
		"equals are merged":        {store.Shape{Equal: []string{"a", "b"}}, "a:A/C b:A/C"},
		"equal across":             {store.Shape{Equal: []string{"a"}, Across: true}, "a:A/G"},
		"order":                    {store.Shape{Order: []store.Order{asc("n")}}, "n:A/C"},
		"order down":               {store.Shape{Order: []store.Order{desc("n")}}, "n:D/C"},
		"range down counts upward": {store.Shape{Range: "n", Order: []store.Order{desc("n")}}, "n:A/C n:D/C"},
		"orders":                   {store.Shape{Order: []store.Order{asc("n"), desc("m")}}, "n:A+m:D/C"},
		"equal and order":          {store.Shape{Equal: []string{"a"}, Order: []store.Order{desc("n")}}, "a:A+n:D/C a:A/C"},
		"equal and range, across":  {store.Shape{Equal: []string{"a"}, Range: "n", Order: []store.Order{asc("n")}, Across: true}, "a:A+n:A/G a:A/G"},
		"equal and range down":     {store.Shape{Equal: []string{"a"}, Range: "n", Order: []store.Order{desc("n")}}, "a:A+n:A/C a:A+n:D/C a:A/C"},
		"range and more order":     {store.Shape{Range: "n", Order: []store.Order{asc("n"), asc("a")}}, "n:A+a:A/C n:A/C"},
		"sum of all":               {store.Shape{Sum: []string{"n"}}, "n:A/C"},
		"sum":                      {store.Shape{Equal: []string{"a", "b"}, Sum: []string{"n", "m"}}, "a:A+b:A+m:A/C a:A+b:A+n:A/C a:A/C b:A/C"},
		"sum of the range":         {store.Shape{Equal: []string{"a"}, Range: "n", Order: []store.Order{asc("n")}, Sum: []string{"n"}}, "a:A+n:A/C a:A/C"},
		"sum beside the range":     {store.Shape{Range: "n", Order: []store.Order{asc("n")}, Sum: []string{"m"}}, "n:A+m:A/C n:A/C"},
	} {
		f := firestore.IndexesOf(store.Kind{Name: "k", Schema: 1, Fields: fields, Shapes: []store.Shape{c.shape, c.shape}})
		var got []string
		for _, i := range f.Indexes {
			var parts []string
			for _, x := range i.Fields {
				parts = append(parts, x.FieldPath+":"+x.Order[:1])
			}
			got = append(got, strings.Join(parts, "+")+"/"+short(i.QueryScope))
		}
		for _, o := range f.FieldOverrides {
			for _, i := range o.Indexes {
				got = append(got, o.FieldPath+":"+i.Order[:1]+"/"+short(i.QueryScope))
			}
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

func short(scope string) string {
	return map[string]string{"COLLECTION": "C", "COLLECTION_GROUP": "G"}[scope]
}

// served reports whether a query as it was sent finds its index in f. It is written from the documentation, and from the
// request alone: it knows nothing of shapes. sum is the field that is summed, if one is.
func served(f firestore.IndexFile, q *pb.StructuredQuery, sum string) bool {
	kind, scope := q.From[0].CollectionId, "COLLECTION"
	if q.From[0].AllDescendants {
		scope = "COLLECTION_GROUP"
	}
	equal := map[string]bool{}
	inequality := ""
	filters := q.Where.GetCompositeFilter().GetFilters()
	if q.Where.GetFieldFilter() != nil {
		filters = []*pb.StructuredQuery_Filter{q.Where}
	}
	for _, w := range filters {
		if x := w.GetFieldFilter(); x.Op == pb.StructuredQuery_FieldFilter_EQUAL {
			equal[x.Field.FieldPath] = true
		} else {
			inequality = x.Field.FieldPath
		}
	}
	var order []firestore.IndexField
	last := pb.StructuredQuery_ASCENDING
	for _, o := range q.OrderBy {
		if o.Field.FieldPath == "__name__" {
			if o.Direction != last {
				return false // the name has the direction of what stands before it, in every index
			}
			continue
		}
		last = o.Direction
		order = append(order, firestore.IndexField{FieldPath: o.Field.FieldPath, Order: o.Direction.String()})
	}
	if inequality != "" && len(order) == 0 {
		order = append(order, firestore.IndexField{FieldPath: inequality, Order: "ASCENDING"})
	}
	if inequality != "" && order[0].FieldPath != inequality {
		return false
	}
	if sum != "" && !slices.ContainsFunc(order, func(x firestore.IndexField) bool { return x.FieldPath == sum }) {
		order = append(order, firestore.IndexField{FieldPath: sum, Order: "ASCENDING"})
	}
	single := func(field, dir string) bool {
		return slices.ContainsFunc(f.FieldOverrides, func(o firestore.Override) bool {
			return o.CollectionGroup == kind && o.FieldPath == field && slices.Contains(o.Indexes, firestore.FieldIndex{Order: dir, QueryScope: scope})
		})
	}
	switch {
	case len(order) == 0: // merged
		for name := range equal {
			if !single(name, "ASCENDING") {
				return false
			}
		}
		return true
	case len(equal) == 0 && len(order) == 1:
		return single(order[0].FieldPath, order[0].Order)
	}
	return slices.ContainsFunc(f.Indexes, func(i firestore.Index) bool {
		if i.CollectionGroup != kind || i.QueryScope != scope || len(i.Fields) != len(equal)+len(order) {
			return false
		}
		for _, x := range i.Fields[:len(equal)] {
			if !equal[x.FieldPath] || x.Order != "ASCENDING" { // a falling one would do, but isn't how they are made
				return false
			}
		}
		return slices.Equal(i.Fields[len(equal):], order)
	})
}

// asked records the queries that a client sends.
type asked struct {
	mu      sync.Mutex
	queries []*pb.StructuredQuery
	sums    []string
}

func (a *asked) options() []option.ClientOption {
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(
		func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, s grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
			stream, err := s(ctx, d, c, method, o...)
			return sent{stream, a}, err
		}))}
}

type sent struct {
	grpc.ClientStream
	a *asked
}

func (s sent) SendMsg(m any) error {
	s.a.mu.Lock()
	switch m := m.(type) {
	case *pb.RunQueryRequest:
		s.a.queries, s.a.sums = append(s.a.queries, m.GetStructuredQuery()), append(s.a.sums, "")
	case *pb.RunAggregationQueryRequest:
		sum := ""
		for _, x := range m.GetStructuredAggregationQuery().Aggregations {
			sum += x.GetSum().GetField().GetFieldPath()
		}
		s.a.queries, s.a.sums = append(s.a.queries, m.GetStructuredAggregationQuery().GetStructuredQuery()), append(s.a.sums, sum)
	}
	s.a.mu.Unlock()
	return s.ClientStream.SendMsg(m)
}

// TestEveryQueryHasItsIndex makes every query, count and sum that the suite's kinds declare, and compares what is sent with IndexesOf.
func TestEveryQueryHasItsIndex(t *testing.T) {
	a := &asked{}
	s := open(t, firestore.Config{Project: emulator.Project(), Options: a.options()}, storetest.Kinds()...)
	values := map[store.Type]any{store.String: "x", store.Int: int64(1), store.Bool: true, store.Time: someTime}
	asked := 0
	for _, k := range storetest.Kinds() {
		for _, shape := range k.Shapes {
			for _, bounds := range [][]store.Cmp{nil, {store.Gt}, {store.Le}, {store.Ge, store.Lt}} {
				q := store.Query{Kind: k.Name, Account: "acme", Order: shape.Order, Limit: 5}
				if shape.Across {
					q.Account = ""
				}
				for _, e := range shape.Equal {
					q.Where = append(q.Where, store.Where{Field: e, Cmp: store.Eq, Value: values[k.FieldType(e)]})
				}
				if bounds != nil && shape.Range == "" {
					continue
				}
				for _, b := range bounds {
					q.Where = append(q.Where, store.Where{Field: shape.Range, Cmp: b, Value: values[k.FieldType(shape.Range)]})
				}
				if _, err := s.Query(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Count(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				asked += 2
				if shape.Range != "" && bounds == nil {
					continue
				}
				for _, sum := range shape.Sum {
					if _, err := s.Sum(t.Context(), q, sum); err != nil {
						t.Fatal(err)
					}
					asked++
				}
			}
		}
	}
	file := firestore.IndexesOf(storetest.Kinds()...)
	if len(a.queries) != asked {
		t.Fatalf("%d queries were sent, %d asked", len(a.queries), asked)
	}
	for i, q := range a.queries {
		if !served(file, q, a.sums[i]) {
			t.Errorf("no index serves (sum %q) %v", a.sums[i], q)
		}
	}
	// And none is there in vain.
	for n := range file.Indexes {
		less := file
		less.Indexes = slices.Delete(slices.Clone(file.Indexes), n, n+1)
		needed := false
		for i, q := range a.queries {
			needed = needed || !served(less, q, a.sums[i])
		}
		if !needed {
			t.Errorf("nothing needs %+v", file.Indexes[n])
		}
	}
}

// TestNothingElseIsIndexed looks at what every kind's overrides begin with.
func TestNothingElseIsIndexed(t *testing.T) {
	file := firestore.IndexesOf(storetest.Kinds()...)
	for _, k := range storetest.Kinds() {
		got := map[string]string{}
		for _, o := range file.FieldOverrides {
			if o.CollectionGroup == k.Name {
				got[o.FieldPath] = fmt.Sprint(len(o.Indexes), o.TTL)
			}
		}
		for _, path := range []string{"*", "payload", "_store"} {
			if got[path] != "0 false" {
				t.Errorf("%s.%s: %q", k.Name, path, got[path])
			}
		}
		if want := map[bool]string{true: "0 true"}[k.Expires]; got["expires"] != want {
			t.Errorf("%s.expires: %q, want %q", k.Name, got["expires"], want)
		}
	}
}
