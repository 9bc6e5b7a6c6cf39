package firestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"rowsmith/tasks/store"
)

// fetched is what one BatchGetDocuments found, by name, and when.
type fetched struct {
	docs map[string]*pb.Document
	at   time.Time
}

// fetch reads the documents of names, which may repeat, at one moment: the fields of mask only, unless that is nil. In a view it begins the
// view's transaction if that has not begun.
func (s *Store) fetch(ctx context.Context, names []string, mask []string, tx *view) (fetched, error) {
	seen := map[string]bool{}
	req := &pb.BatchGetDocumentsRequest{Database: s.database}
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			req.Documents = append(req.Documents, n)
		}
	}
	if mask != nil {
		req.Mask = &pb.DocumentMask{FieldPaths: mask}
	}
	if tx.begun() {
		req.ConsistencySelector = &pb.BatchGetDocumentsRequest_Transaction{Transaction: tx.id}
	} else if tx != nil {
		req.ConsistencySelector = &pb.BatchGetDocumentsRequest_NewTransaction{NewTransaction: tx.options()}
	}
	s.counts.calls.Add(1)
	f, err := s.batch(ctx, req, tx)
	if err == nil && tx == nil && len(req.Documents) > 1 && s.halfSeen(ctx, slices.Collect(maps.Values(f.docs)), f.at) {
		req.ConsistencySelector = &pb.BatchGetDocumentsRequest_ReadTime{ReadTime: timestamppb.New(f.at)}
		f, err = s.batch(ctx, req, tx)
	}
	if err != nil {
		return fetched{}, err
	}
	s.counts.reads.Add(int64(len(req.Documents))) // those that are missing are billed as well
	f.at = s.clock.tell(f.at)
	return f, nil
}

// batch makes one BatchGetDocuments.
func (s *Store) batch(ctx context.Context, req *pb.BatchGetDocumentsRequest, tx *view) (fetched, error) {
	stream, err := s.client.BatchGetDocuments(ctx, req)
	if err != nil {
		return fetched{}, err
	}
	f := fetched{docs: map[string]*pb.Document{}}
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return fetched{}, err
		}
		tx.begin(r.Transaction)
		if d := r.GetFound(); d != nil {
			f.docs[d.Name] = d
		}
		// Read times may grow within the answer; then what came before has not changed up to the last one
		// (BatchGetDocumentsResponse.read_time), so that is the one moment of them all.
		f.at = latest(f.at, r.ReadTime)
	}
}

// halfSeen reports whether documents read at that time must be read again, as of that time: never those of the service, which reads
// at one moment. The emulator can show a commit half, for about a millisecond while it applies it; so what is quite new is looked at twice. That is
// not counted: the service would not be asked.
func (s *Store) halfSeen(ctx context.Context, docs []*pb.Document, at time.Time) bool {
	return s.emulated && slices.ContainsFunc(docs, func(d *pb.Document) bool { return at.Sub(d.UpdateTime.AsTime()) < 250*time.Millisecond }) &&
		pause(ctx, 5*time.Millisecond)
}

func latest(t time.Time, p *timestamppb.Timestamp) time.Time {
	if p == nil || p.AsTime().Before(t) {
		return t
	}
	return p.AsTime()
}

// page reads one page of a query. Expired documents are skipped over, as often as need be, all at the moment of the first reading.
func (s *Store) page(ctx context.Context, p store.Plan, tx *view) (store.Page, error) {
	var page store.Page
	var at *timestamppb.Timestamp
	query := s.ordered(p)
	want := p.Limit + 1 // one more shows that there are more
	for {
		ask := want - len(page.Docs)
		query.Limit = wrapperspb.Int32(int32(ask))
		found, read, err := s.run(ctx, p, query, at, tx)
		if err != nil {
			return store.Page{}, err
		}
		if at == nil {
			at, page.At = read, s.clock.tell(read.AsTime())
		}
		for _, in := range found {
			key, err := s.key(in.Name)
			if err != nil {
				return store.Page{}, err
			}
			d, err := s.decode(key, in)
			if err != nil {
				return store.Page{}, err
			}
			if alive(d.Expires, page.At) {
				page.Docs = append(page.Docs, d)
			}
		}
		if len(page.Docs) == want {
			page.Docs = page.Docs[:p.Limit]
			page.Next = p.Cursor(page.Docs[p.Limit-1])
			return page, nil
		}
		if len(found) < ask {
			return page, nil
		}
		query.StartAt = behind(p, found[len(found)-1])
	}
}

// run reads a query's documents as of a moment that is given, or else of the service's choice: now.
func (s *Store) run(ctx context.Context, p store.Plan, query *pb.StructuredQuery, at *timestamppb.Timestamp, tx *view) ([]*pb.Document, *timestamppb.Timestamp, error) {
	req := &pb.RunQueryRequest{Parent: s.parent(p), QueryType: &pb.RunQueryRequest_StructuredQuery{StructuredQuery: query}}
	switch {
	case tx.begun():
		req.ConsistencySelector = &pb.RunQueryRequest_Transaction{Transaction: tx.id}
	case tx != nil:
		req.ConsistencySelector = &pb.RunQueryRequest_NewTransaction{NewTransaction: tx.options()}
	case at != nil:
		req.ConsistencySelector = &pb.RunQueryRequest_ReadTime{ReadTime: at}
	}
	s.counts.calls.Add(1)
	docs, read, err := s.stream(ctx, req, tx)
	if err == nil && tx == nil && at == nil && s.halfSeen(ctx, docs, read) {
		req.ConsistencySelector = &pb.RunQueryRequest_ReadTime{ReadTime: timestamppb.New(read)}
		docs, read, err = s.stream(ctx, req, tx)
	}
	if err != nil {
		return nil, nil, err
	}
	s.counts.reads.Add(int64(max(1, len(docs))))
	return docs, timestamppb.New(read), nil
}

// stream makes one RunQuery.
func (s *Store) stream(ctx context.Context, req *pb.RunQueryRequest, tx *view) ([]*pb.Document, time.Time, error) {
	stream, err := s.client.RunQuery(ctx, req)
	if err != nil {
		return nil, time.Time{}, err
	}
	var docs []*pb.Document
	var read time.Time
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return docs, read, nil
		}
		if err != nil {
			return nil, time.Time{}, err
		}
		tx.begin(r.Transaction)
		read = latest(read, r.ReadTime)
		if r.Document != nil {
			docs = append(docs, r.Document)
		}
	}
}

// aggregate counts what a plan matches, or sums its field.
func (s *Store) aggregate(ctx context.Context, op string, p store.Plan) (int64, error) {
	const countAlias, sumAlias = "n", "s"
	query := &pb.StructuredAggregationQuery{
		QueryType: &pb.StructuredAggregationQuery_StructuredQuery{StructuredQuery: s.matching(p)},
		Aggregations: []*pb.StructuredAggregationQuery_Aggregation{{Alias: countAlias,
			Operator: &pb.StructuredAggregationQuery_Aggregation_Count_{Count: &pb.StructuredAggregationQuery_Aggregation_Count{}}}},
	}
	if p.Sum != "" { // the count beside it tells what it costs
		query.Aggregations = append(query.Aggregations, &pb.StructuredAggregationQuery_Aggregation{Alias: sumAlias,
			Operator: &pb.StructuredAggregationQuery_Aggregation_Sum_{Sum: &pb.StructuredAggregationQuery_Aggregation_Sum{Field: field(p.Sum)}}})
	}
	req := &pb.RunAggregationQueryRequest{Parent: s.parent(p),
		QueryType: &pb.RunAggregationQueryRequest_StructuredAggregationQuery{StructuredAggregationQuery: query}}
	var answer map[string]*pb.Value
	err := s.retry(ctx, op, func(ctx context.Context) error {
		s.counts.calls.Add(1)
		stream, err := s.client.RunAggregationQuery(ctx, req)
		if err != nil {
			return err
		}
		for {
			r, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if r.Result != nil {
				answer = r.Result.AggregateFields
			}
			if r.ReadTime != nil {
				s.clock.tell(r.ReadTime.AsTime())
			}
		}
	})
	if err != nil {
		return 0, err
	}
	n := answer[countAlias].GetIntegerValue()
	s.counts.reads.Add(max(1, (n+999)/1000))
	if p.Sum == "" {
		return n, nil
	}
	switch v := answer[sumAlias].GetValueType().(type) {
	case *pb.Value_IntegerValue:
		return v.IntegerValue, nil
	case *pb.Value_DoubleValue: // what a sum of integers becomes when it overflows (Aggregation.Sum)
		return 0, fmt.Errorf("%s: outside of int64: %w", op, store.ErrTooLarge)
	}
	return 0, nil // of no documents
}
