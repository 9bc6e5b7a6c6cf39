package firestore

import (
	"slices"
	"strings"

	"rowsmith/tasks/store"
)

// An IndexFile is the database's indexes and expiry policies in the Firebase CLI's format
// (firebase.google.com/docs/reference/firestore/indexes): what deploy/firestore.indexes.json holds.
type IndexFile struct {
	Indexes        []Index    `json:"indexes"`
	FieldOverrides []Override `json:"fieldOverrides"`
}

// An Index is a composite index. The document's name follows its last field, in the same direction.
type Index struct {
	CollectionGroup string       `json:"collectionGroup"`
	QueryScope      string       `json:"queryScope"` // "COLLECTION": of one account; "COLLECTION_GROUP": across accounts
	Fields          []IndexField `json:"fields"`
}

// An IndexField is one field of a composite index.
type IndexField struct {
	FieldPath string `json:"fieldPath"`
	Order     string `json:"order"` // "ASCENDING" or "DESCENDING"
}

// An Override says which single-field indexes a field has, instead of those that every field has by default. No indexes: none.
// FieldPath "*" is every field of the collection that has no override of its own.
type Override struct {
	CollectionGroup string       `json:"collectionGroup"`
	FieldPath       string       `json:"fieldPath"`
	TTL             bool         `json:"ttl,omitempty"` // documents are deleted some time after the moment in this field
	Indexes         []FieldIndex `json:"indexes"`
}

// A FieldIndex is a single-field index.
type FieldIndex struct {
	Order      string `json:"order"`
	QueryScope string `json:"queryScope"`
}

const (
	ascending       = "ASCENDING"
	descending      = "DESCENDING"
	collection      = "COLLECTION"
	collectionGroup = "COLLECTION_GROUP"
)

// IndexesOf returns exactly what the queries that kinds declare need, and nothing else is indexed. The rules
// (docs.cloud.google.com/firestore/docs/concepts/index-overview and /docs/query-data/aggregation-queries):
//
//   - Every field has single-field indexes of collection scope by default, in both directions, and none of collection-group scope. An override
//     replaces them, that of "*" for all fields without one. So every kind switches all off, and on again what follows.
//   - A query without conditions and order reads the collection itself, by name: no index, in either scope.
//   - Conditions of equality alone, however many, ordered by name, are answered by merging the fields' ascending single-field indexes of the query's scope.
//     So are counts, which may be asked for any shape's equalities whatever its order is.
//   - An order by one field, with or without a range on it, and no equality: that field's single-field index in that direction.
//   - Equalities and an order, or an order by several fields: one composite index, equalities first, then the order as it is. The name comes
//     last in the direction of the last field, which is also how package store breaks ties.
//   - Counts and sums have no order of their own; a range implies the ascending one on its field.
//   - A sum is computed from index entries, so the index of the conditions must end with the summed field.
//   - Composite indexes don't mind that their fields have no single-field index.
//
// The payload and the store's own map are named beside "*" so that they stay unindexed whatever becomes of that.
func IndexesOf(kinds ...store.Kind) IndexFile {
	f := IndexFile{Indexes: []Index{}, FieldOverrides: []Override{}}
	kinds = slices.Clone(kinds)
	slices.SortFunc(kinds, func(a, b store.Kind) int { return strings.Compare(a.Name, b.Name) })
	for _, k := range kinds {
		n := needs{kind: k.Name, single: map[string][]FieldIndex{}}
		for _, s := range k.Shapes {
			n.shape(s)
		}
		f.Indexes = append(f.Indexes, n.composite...)
		f.FieldOverrides = append(f.FieldOverrides,
			Override{CollectionGroup: k.Name, FieldPath: "*", Indexes: []FieldIndex{}},
			Override{CollectionGroup: k.Name, FieldPath: ownField, Indexes: []FieldIndex{}},
			Override{CollectionGroup: k.Name, FieldPath: payloadField, Indexes: []FieldIndex{}})
		if k.Expires {
			f.FieldOverrides = append(f.FieldOverrides, Override{CollectionGroup: k.Name, FieldPath: expiresField, TTL: true, Indexes: []FieldIndex{}})
		}
		for _, field := range k.Fields {
			if list := n.single[field.Name]; list != nil {
				f.FieldOverrides = append(f.FieldOverrides, Override{CollectionGroup: k.Name, FieldPath: field.Name, Indexes: list})
			}
		}
	}
	return f
}

// needs gathers the indexes of one kind.
type needs struct {
	kind      string
	single    map[string][]FieldIndex
	composite []Index
}

func (n *needs) shape(s store.Shape) {
	scope := collection
	if s.Across {
		scope = collectionGroup
	}
	var equal, order []IndexField
	for _, name := range s.Equal {
		equal = append(equal, IndexField{name, ascending})
		n.add(scope, []IndexField{{name, ascending}})
	}
	for _, o := range s.Order {
		direction := ascending
		if o.Desc {
			direction = descending
		}
		order = append(order, IndexField{o.Field, direction})
	}
	if len(order) > 0 {
		n.add(scope, slices.Concat(equal, order))
	}
	conditions := equal
	if s.Range != "" {
		conditions = slices.Concat(equal, []IndexField{{s.Range, ascending}})
		n.add(scope, conditions)
	}
	for _, sum := range s.Sum {
		if sum == s.Range {
			continue
		}
		n.add(scope, slices.Concat(conditions, []IndexField{{sum, ascending}}))
	}
}

// add adds an index over fields, unless it is there.
func (n *needs) add(scope string, fields []IndexField) {
	if len(fields) == 1 {
		i := FieldIndex{fields[0].Order, scope}
		if list := n.single[fields[0].FieldPath]; !slices.Contains(list, i) {
			n.single[fields[0].FieldPath] = append(list, i)
		}
		return
	}
	if !slices.ContainsFunc(n.composite, func(i Index) bool { return i.QueryScope == scope && slices.Equal(i.Fields, fields) }) {
		n.composite = append(n.composite, Index{n.kind, scope, fields})
	}
}
