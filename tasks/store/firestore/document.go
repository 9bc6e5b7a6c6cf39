package firestore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rowsmith/tasks/store"
)

// Names in a document. A declared field cannot have one of them: two are reserved, and none begins with "_".
const (
	payloadField = "payload"
	expiresField = "expires"
	ownField     = "_store"
	ownSchema    = "schema"
	ownRev       = "rev"
	ownMade      = "made"
)

// accounts is the collection that every document lies below.
const accounts = "accounts"

// root is the name that all documents' begin with.
func (s *Store) root() string { return s.database + "/documents" }

func (s *Store) name(k store.Key) string {
	return s.root() + "/" + accounts + "/" + k.Account + "/" + k.Kind + "/" + k.ID
}

// key reads a document's name.
func (s *Store) key(name string) (store.Key, error) {
	path, ok := strings.CutPrefix(name, s.root()+"/"+accounts+"/")
	parts := strings.Split(path, "/")
	if !ok || len(parts) != 3 {
		return store.Key{}, fmt.Errorf("a document that is not the store's: %w", store.ErrInvalid)
	}
	return store.Key{Account: parts[0], Kind: parts[1], ID: parts[2]}, nil
}

// encode makes the document of a Create, Set or Replace.
func (s *Store) encode(d store.Doc, nonce int64) *pb.Document {
	fields := map[string]*pb.Value{ownField: mapOf(map[string]*pb.Value{ownSchema: value(int64(d.Schema)), ownRev: value(nonce)})}
	if len(d.Payload) > 0 {
		fields[payloadField] = &pb.Value{ValueType: &pb.Value_BytesValue{BytesValue: d.Payload}}
	}
	if !d.Expires.IsZero() {
		fields[expiresField] = value(d.Expires)
	}
	for name, v := range d.Fields {
		fields[name] = value(v)
	}
	return &pb.Document{Name: s.name(d.Key), Fields: fields}
}

func mapOf(fields map[string]*pb.Value) *pb.Value {
	return &pb.Value{ValueType: &pb.Value_MapValue{MapValue: &pb.MapValue{Fields: fields}}}
}

// value is a declared field's value, in the normal form that package store gives it.
func value(v any) *pb.Value {
	switch v := v.(type) {
	case string:
		return &pb.Value{ValueType: &pb.Value_StringValue{StringValue: v}}
	case int64:
		return &pb.Value{ValueType: &pb.Value_IntegerValue{IntegerValue: v}}
	case bool:
		return &pb.Value{ValueType: &pb.Value_BooleanValue{BooleanValue: v}}
	case time.Time:
		return &pb.Value{ValueType: &pb.Value_TimestampValue{TimestampValue: timestamppb.New(v)}}
	}
	return &pb.Value{ValueType: &pb.Value_NullValue{}} // checkValue let nothing else through
}

// decode reads a document. Fields that are not declared are left out: they are of another version of this program.
func (s *Store) decode(key store.Key, in *pb.Document) (store.Doc, error) {
	kind, _ := s.schema.Kind(key.Kind)
	st := stateOf(in)
	d := store.Doc{Key: key, Schema: st.schema, Expires: st.expires, Rev: st.rev(), Payload: in.Fields[payloadField].GetBytesValue()}
	for _, f := range kind.Fields {
		stored := in.Fields[f.Name]
		if stored == nil {
			continue
		}
		v := fromValue(f.Type, stored)
		if v == nil {
			return store.Doc{}, fmt.Errorf("%s: the field %s is stored as another type than %s: %w", key, f.Name, f.Type, store.ErrInvalid)
		}
		if d.Fields == nil {
			d.Fields = store.Fields{}
		}
		d.Fields[f.Name] = v
	}
	return d, nil
}

// fromValue returns nil where the value is not of the type.
func fromValue(t store.Type, v *pb.Value) any {
	switch x := v.ValueType.(type) {
	case *pb.Value_StringValue:
		if t == store.String {
			return x.StringValue
		}
	case *pb.Value_IntegerValue:
		if t == store.Int {
			return x.IntegerValue
		}
	case *pb.Value_BooleanValue:
		if t == store.Bool {
			return x.BooleanValue
		}
	case *pb.Value_TimestampValue:
		if t == store.Time {
			return x.TimestampValue.AsTime()
		}
	}
	return nil
}

// A state is what a commit must know of a document. The zero state is that of one that is not there.
type state struct {
	updated time.Time // zero: not there
	expires time.Time
	nonce   int64
	schema  int
}

func stateOf(in *pb.Document) state {
	if in == nil {
		return state{}
	}
	own := in.Fields[ownField].GetMapValue().GetFields()
	st := state{updated: in.UpdateTime.AsTime(), nonce: own[ownRev].GetIntegerValue(), schema: int(own[ownSchema].GetIntegerValue())}
	if st.schema == 0 {
		st.schema = int(own[ownMade].GetIntegerValue())
	}
	if t := in.Fields[expiresField].GetTimestampValue(); t != nil {
		st.expires = t.AsTime()
	}
	return st
}

func (st state) there() bool { return !st.updated.IsZero() }

func (st state) rev() store.Rev { return revOf(st.updated, st.expires) }

func revOf(updated, expires time.Time) store.Rev {
	text := strconv.FormatInt(updated.UnixNano(), 10)
	if !expires.IsZero() {
		text += "." + strconv.FormatInt(expires.UnixMicro(), 10)
	}
	return store.Rev(text)
}

// oldest is a time before any document was written, in Unix nanoseconds. The emulator takes the earliest times of all for "not there".
const oldest = 1_000_000_000_000_000_000

// parseRev reads a Rev, and reports whether it is one that revOf can have made.
func parseRev(r store.Rev) (updated, expires time.Time, ok bool) {
	text, expiry, expiring := strings.Cut(string(r), ".")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < oldest {
		return time.Time{}, time.Time{}, false
	}
	updated = time.Unix(0, n).UTC()
	if expiring {
		e, err := strconv.ParseInt(expiry, 10, 64)
		if err != nil {
			return time.Time{}, time.Time{}, false
		}
		expires = time.UnixMicro(e).UTC()
	}
	return updated, expires, r == revOf(updated, expires)
}
