package firestore

import (
	pb "cloud.google.com/go/firestore/apiv1/firestorepb"

	"rowsmith/tasks/store"
)

// nameField stands for a document's name, by which ties are broken: account first, then id, for everything before the account is the same.
const nameField = "__name__"

func field(name string) *pb.StructuredQuery_FieldReference {
	return &pb.StructuredQuery_FieldReference{FieldPath: name}
}

// parent is where a plan's query looks from: the account's document, or above all accounts.
func (s *Store) parent(p store.Plan) string {
	if p.Account == "" {
		return s.root()
	}
	return s.root() + "/" + accounts + "/" + p.Account
}

// matching is a plan's query without order, cursor and limit.
func (s *Store) matching(p store.Plan) *pb.StructuredQuery {
	q := &pb.StructuredQuery{From: []*pb.StructuredQuery_CollectionSelector{{CollectionId: p.Kind.Name, AllDescendants: p.Account == ""}}}
	var all []*pb.StructuredQuery_Filter
	for _, w := range append(p.Equal[:len(p.Equal):len(p.Equal)], p.Bounds...) {
		all = append(all, &pb.StructuredQuery_Filter{FilterType: &pb.StructuredQuery_Filter_FieldFilter{
			FieldFilter: &pb.StructuredQuery_FieldFilter{Field: field(w.Field), Op: operators[w.Cmp], Value: value(w.Value)}}})
	}
	switch len(all) {
	case 0:
	case 1:
		q.Where = all[0]
	default:
		q.Where = &pb.StructuredQuery_Filter{FilterType: &pb.StructuredQuery_Filter_CompositeFilter{
			CompositeFilter: &pb.StructuredQuery_CompositeFilter{Op: pb.StructuredQuery_CompositeFilter_AND, Filters: all}}}
	}
	return q
}

var operators = map[store.Cmp]pb.StructuredQuery_FieldFilter_Operator{
	store.Eq: pb.StructuredQuery_FieldFilter_EQUAL,
	store.Lt: pb.StructuredQuery_FieldFilter_LESS_THAN,
	store.Le: pb.StructuredQuery_FieldFilter_LESS_THAN_OR_EQUAL,
	store.Gt: pb.StructuredQuery_FieldFilter_GREATER_THAN,
	store.Ge: pb.StructuredQuery_FieldFilter_GREATER_THAN_OR_EQUAL,
}

// ordered is a plan's query without limit.
func (s *Store) ordered(p store.Plan) *pb.StructuredQuery {
	q := s.matching(p)
	by := func(name string, desc bool) {
		d := pb.StructuredQuery_ASCENDING
		if desc {
			d = pb.StructuredQuery_DESCENDING
		}
		q.OrderBy = append(q.OrderBy, &pb.StructuredQuery_Order{Field: field(name), Direction: d})
	}
	for _, o := range p.Order {
		by(o.Field, o.Desc)
	}
	by(nameField, p.IDDesc())
	if p.After != nil {
		q.StartAt = &pb.Cursor{}
		for _, v := range p.After.Values {
			q.StartAt.Values = append(q.StartAt.Values, value(v))
		}
		name := s.name(store.Key{Account: p.After.Account, Kind: p.Kind.Name, ID: p.After.ID})
		q.StartAt.Values = append(q.StartAt.Values, reference(name))
	}
	return q
}

// behind is the cursor that begins after a document.
func behind(p store.Plan, d *pb.Document) *pb.Cursor {
	c := &pb.Cursor{}
	for _, o := range p.Order {
		c.Values = append(c.Values, d.Fields[o.Field])
	}
	c.Values = append(c.Values, reference(d.Name))
	return c
}

func reference(name string) *pb.Value {
	return &pb.Value{ValueType: &pb.Value_ReferenceValue{ReferenceValue: name}}
}
