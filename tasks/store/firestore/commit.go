package firestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rowsmith/tasks/store"
)

// A change is one commit on its way: its writes and what is known of the documents they meet.
type change struct {
	store  *Store
	writes []store.Write
	nonce  int64               // written to every document: whoever finds it knows that the commit was applied
	known  map[store.Key]state // those of them that were looked at
}

func (s *Store) change(writes []store.Write) *change {
	return &change{store: s, writes: writes, nonce: rand.Int64(), known: map[store.Key]state{}}
}

// commit applies writes all or none, as often as it takes.
func (s *Store) commit(ctx context.Context, writes []store.Write) (store.Commit, error) {
	c := s.change(writes)
	began := time.Now()
	unsure := false // an earlier attempt may have been applied
	var last error
	for n := 0; ; n++ {
		if n > 0 && (time.Since(began) > patience || !pause(ctx, backoff(n-1))) {
			if ctx.Err() == nil {
				last = fmt.Errorf("%w: gave up after %d attempts: %w", store.ErrUnavailable, n, last)
			}
			return store.Commit{}, s.contract(ctx, last)
		}
		if err := s.ready(ctx); err != nil {
			return store.Commit{}, err
		}
		err := c.prepare(ctx, nil, store.OpIncrement)
		if err != nil {
			if last = err; passing(err) {
				continue
			}
			return store.Commit{}, s.contract(ctx, err)
		}
		done, err := c.send(ctx, nil)
		if err == nil {
			return done, nil
		}
		last = err
		unsure = unsure || lost(err)
		if !unsure && !c.suspicious(err, n) {
			if passing(err) {
				continue
			}
			return store.Commit{}, s.contract(ctx, err)
		}
		// Either a precondition failed, or it isn't known what happened: look.
		done, applied, err := c.look(ctx)
		var w *store.WriteError
		switch {
		case applied:
			return done, nil
		case errors.As(err, &w) && unsure:
			// What stands in the way may be what followed on this very commit.
			return store.Commit{}, fmt.Errorf("%w: no answer, and then: %v", store.ErrUnavailable, err)
		case errors.As(err, &w):
			return store.Commit{}, err
		case unsure && !c.repeatable(), !passing(last) && !refused(last):
			return store.Commit{}, s.contract(ctx, last)
		}
	}
}

// suspicious reports whether the nth attempt's error may come from a precondition that failed.
func (c *change) suspicious(err error, n int) bool {
	var w *store.WriteError
	if errors.As(err, &w) || refused(err) {
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument: // what the emulator says of an update time later than the document's
		return c.guarded()
	case codes.Aborted:
		return c.guarded() && n > 0
	}
	return false
}

// prepare learns what must be known before the writes can be made: whether what writes with one of ops meet has expired, and
// what time it is if a rev says when that is.
func (c *change) prepare(ctx context.Context, tx *view, ops ...store.Op) error {
	if keys := c.expiring(ops...); len(keys) > 0 {
		return c.learn(ctx, keys, tx)
	}
	for _, w := range c.writes {
		if _, expires, _ := parseRev(w.Doc.Rev); !expires.IsZero() {
			_, err := c.store.Now(ctx)
			return err
		}
	}
	return nil
}

// send makes the commit's request, in tx's transaction if there is one.
func (c *change) send(ctx context.Context, tx *view) (store.Commit, error) {
	req := &pb.CommitRequest{Database: c.store.database}
	if tx.begun() {
		req.Transaction = tx.id
	}
	for i := range c.writes {
		w, err := c.write(i)
		if err != nil {
			return store.Commit{}, &store.WriteError{Index: i, Key: c.writes[i].Doc.Key, Err: err}
		}
		req.Writes = append(req.Writes, w)
	}
	var resp *pb.CommitResponse
	c.store.counts.calls.Add(1)
	err := c.store.attempt(ctx, func(ctx context.Context) (err error) {
		resp, err = c.store.client.Commit(ctx, req)
		return err
	})
	if err != nil {
		return store.Commit{}, err
	}
	if len(resp.WriteResults) != len(c.writes) {
		return store.Commit{}, status.Errorf(codes.Unknown, "%d results for %d writes", len(resp.WriteResults), len(c.writes))
	}
	done := store.Commit{At: c.store.clock.tell(resp.CommitTime.AsTime()), Revs: make([]store.Rev, len(c.writes))}
	for i, r := range resp.WriteResults {
		done.Revs[i] = c.rev(i, r.UpdateTime.AsTime())
	}
	c.count()
	return done, nil
}

// rev is the Rev that write i made, at updated.
func (c *change) rev(i int, updated time.Time) store.Rev {
	w := c.writes[i]
	switch w.Op {
	case store.OpDelete, store.OpDeleteAt:
		return ""
	case store.OpIncrement:
		if st := c.known[w.Doc.Key]; w.Doc.Expires.IsZero() && !c.overExpired(st) {
			return revOf(updated, st.expires)
		}
	}
	return revOf(updated, w.Doc.Expires)
}

func (c *change) count() {
	for _, w := range c.writes {
		if w.Op == store.OpDelete || w.Op == store.OpDeleteAt {
			c.store.counts.deletes.Add(1)
		} else {
			c.store.counts.writes.Add(1)
		}
	}
}

// overExpired reports whether a document is there that no longer exists.
func (c *change) overExpired(st state) bool { return st.there() && !c.alive(st.expires) }

func (c *change) alive(expires time.Time) bool {
	if expires.IsZero() {
		return true
	}
	at, ok := c.store.clock.now()
	return !ok || alive(expires, at)
}

// write is write i as the service takes it, or the reason why it can't be applied.
func (c *change) write(i int) (*pb.Write, error) {
	w := c.writes[i]
	st := c.known[w.Doc.Key]
	switch w.Op {
	case store.OpCreate:
		if c.overExpired(st) { // in place of what is gone, if it is still that
			return &pb.Write{Operation: update(c.store.encode(w.Doc, c.nonce)), CurrentDocument: at(st.updated)}, nil
		}
		return &pb.Write{Operation: update(c.store.encode(w.Doc, c.nonce)), CurrentDocument: &pb.Precondition{ConditionType: &pb.Precondition_Exists{Exists: false}}}, nil
	case store.OpSet:
		return &pb.Write{Operation: update(c.store.encode(w.Doc, c.nonce))}, nil
	case store.OpIncrement:
		return c.increment(w, st), nil
	case store.OpDelete:
		return &pb.Write{Operation: &pb.Write_Delete{Delete: c.store.name(w.Doc.Key)}}, nil
	}
	updated, expires, ok := parseRev(w.Doc.Rev)
	if !ok || !c.alive(expires) {
		return nil, store.ErrConflict
	}
	if w.Op == store.OpDeleteAt {
		return &pb.Write{Operation: &pb.Write_Delete{Delete: c.store.name(w.Doc.Key)}, CurrentDocument: at(updated)}, nil
	}
	return &pb.Write{Operation: update(c.store.encode(w.Doc, c.nonce)), CurrentDocument: at(updated)}, nil
}

func update(d *pb.Document) *pb.Write_Update { return &pb.Write_Update{Update: d} }

// at is the condition that a document was last written at that time.
func at(updated time.Time) *pb.Precondition {
	return &pb.Precondition{ConditionType: &pb.Precondition_UpdateTime{UpdateTime: timestamppb.New(updated)}}
}

// increment adds blindly. Over an expired document it begins anew, if that is still the one that was looked at. A document that
// expires in the moment between the look and the commit is still counted on.
func (c *change) increment(w store.Write, st state) *pb.Write {
	if c.overExpired(st) {
		d := w.Doc
		d.Fields = store.Fields{}
		for name, by := range w.By {
			d.Fields[name] = by
		}
		return &pb.Write{Operation: update(c.store.encode(d, c.nonce)), CurrentDocument: at(st.updated)}
	}
	d := &pb.Document{Name: c.store.name(w.Doc.Key), Fields: map[string]*pb.Value{ownField: mapOf(map[string]*pb.Value{ownRev: value(c.nonce)})}}
	mask := []string{ownField + "." + ownRev}
	if !w.Doc.Expires.IsZero() {
		d.Fields[expiresField] = value(w.Doc.Expires)
		mask = append(mask, expiresField)
	}
	var transforms []*pb.DocumentTransform_FieldTransform
	for name, by := range w.By {
		transforms = append(transforms, &pb.DocumentTransform_FieldTransform{FieldPath: name,
			TransformType: &pb.DocumentTransform_FieldTransform_Increment{Increment: value(by)}})
	}
	// The version of a document that this makes. One that is there has its own or keeps an earlier.
	transforms = append(transforms, &pb.DocumentTransform_FieldTransform{FieldPath: ownField + "." + ownMade,
		TransformType: &pb.DocumentTransform_FieldTransform_Minimum{Minimum: value(int64(w.Doc.Schema))}})
	return &pb.Write{Operation: update(d), UpdateMask: &pb.DocumentMask{FieldPaths: mask}, UpdateTransforms: transforms}
}

// conditional reports whether a write can fail on the state of its document.
func conditional(w store.Write) bool {
	switch w.Op {
	case store.OpCreate, store.OpReplace, store.OpDeleteAt:
		return true
	}
	return false
}

// guarded reports whether some write fails when the commit is applied a second time.
func (c *change) guarded() bool {
	for _, w := range c.writes {
		if conditional(w) {
			return true
		}
	}
	return false
}

// repeatable reports whether the commit may be sent again though it may have been applied.
func (c *change) repeatable() bool {
	if c.guarded() {
		return true
	}
	for _, w := range c.writes {
		if w.Op == store.OpIncrement {
			return false
		}
	}
	return true
}

// expiring returns the keys of the writes with one of ops whose documents may have expired.
func (c *change) expiring(ops ...store.Op) []store.Key {
	var keys []store.Key
	for _, w := range c.writes {
		if kind, _ := c.store.schema.Kind(w.Doc.Key.Kind); !kind.Expires {
			continue
		}
		for _, op := range ops {
			if w.Op == op {
				keys = append(keys, w.Doc.Key)
			}
		}
	}
	return keys
}

// learn reads what must be known of documents.
func (c *change) learn(ctx context.Context, keys []store.Key, tx *view) error {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = c.store.name(k)
	}
	return c.store.attempt(ctx, func(ctx context.Context) error {
		f, err := c.store.fetch(ctx, names, []string{expiresField, ownField}, tx)
		if err != nil {
			return err
		}
		for i, k := range keys {
			c.known[k] = stateOf(f.docs[names[i]])
		}
		return nil
	})
}

// look finds out what became of a commit that failed: whether it was applied after all, or which write stands in the way (a
// [*store.WriteError]). When neither, and no error, what stood in the way is gone or now known, and it can be sent again.
func (c *change) look(ctx context.Context) (done store.Commit, applied bool, err error) {
	var keys []store.Key
	for _, w := range c.writes {
		if w.Op != store.OpDelete {
			keys = append(keys, w.Doc.Key)
		}
	}
	if len(keys) == 0 {
		return store.Commit{}, false, nil
	}
	if err := c.learn(ctx, keys, nil); err != nil {
		return store.Commit{}, false, err
	}
	for _, k := range keys {
		if st := c.known[k]; st.there() && st.nonce == c.nonce {
			done = store.Commit{At: c.store.clock.tell(st.updated), Revs: make([]store.Rev, len(c.writes))}
			for i := range c.writes {
				done.Revs[i] = c.rev(i, st.updated) // one commit, one time
			}
			c.count()
			return done, true, nil
		}
	}
	for i, w := range c.writes {
		if why := c.impossible(w); why != nil {
			return store.Commit{}, false, &store.WriteError{Index: i, Key: w.Doc.Key, Err: why}
		}
	}
	return store.Commit{}, false, nil
}

// impossible says why a write can't be applied to the document that is known to be there.
func (c *change) impossible(w store.Write) error {
	st := c.known[w.Doc.Key]
	switch w.Op {
	case store.OpCreate:
		if st.there() && c.alive(st.expires) {
			return store.ErrExists
		}
	case store.OpReplace, store.OpDeleteAt:
		updated, _, ok := parseRev(w.Doc.Rev)
		if !ok || !st.there() || !updated.Equal(st.updated) || !c.alive(st.expires) {
			return store.ErrConflict
		}
	}
	return nil
}
