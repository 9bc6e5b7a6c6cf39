package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"rowsmith/enrichment"
)

// A vendor is a data vendor on this machine: a bulk endpoint with latency and a limit, and the provider that calls it over HTTP.
// It knows every company, takes 100 at once, and costs a credit a hit.
type vendor struct {
	url    string
	calls  atomic.Int64
	server *http.Server
	client *http.Client
}

func startVendor(latency time.Duration, concurrent int) (*vendor, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &vendor{url: "http://" + ln.Addr().String(), client: &http.Client{Timeout: time.Minute}}
	slots := make(chan struct{}, concurrent)
	v.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
		v.calls.Add(1)
		var names []string
		if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return
		}
		counts := make([]int, len(names))
		for i, n := range names {
			counts[i] = 10 + len(n)
		}
		_ = json.NewEncoder(w).Encode(counts) // a caller that went away needs no answer
	})}
	go v.server.Serve(ln)
	return v, nil
}

func (v *vendor) stop() { v.server.Close() }

// Info implements enrichment.Provider.
func (v *vendor) Info() enrichment.Info {
	return enrichment.Info{
		ID: "bench_vendor", Name: "Bench vendor", Needs: [][]string{{"company_name"}}, Gives: []string{"company_employee_count"},
		Batch: 100, Network: true, Paid: true, Price: 1, Personal: true,
	}
}

// Lookup implements enrichment.Provider.
func (v *vendor) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	all := func(a enrichment.Answer) []enrichment.Answer {
		out := make([]enrichment.Answer, len(batch))
		for i := range out {
			out[i] = a
		}
		return out
	}
	names := make([]string, len(batch))
	for i, q := range batch {
		names[i] = q.Subject["company_name"]
	}
	body, err := json.Marshal(names)
	if err != nil {
		return all(enrichment.Answer{Outcome: enrichment.BadInput})
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(body))
		if err != nil {
			return all(enrichment.Answer{Outcome: enrichment.BadInput})
		}
		resp, err := v.client.Do(req)
		if err != nil {
			return all(enrichment.Answer{Outcome: enrichment.Transient, Reason: "unreachable"})
		}
		if resp.StatusCode == http.StatusTooManyRequests {
			resp.Body.Close()
			// Refused before anything was bought: asking again is no second purchase.
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				return all(enrichment.Answer{Outcome: enrichment.Transient, Reason: "out_of_time"})
			}
		}
		var counts []int
		err = json.NewDecoder(resp.Body).Decode(&counts)
		resp.Body.Close()
		if err != nil || len(counts) != len(batch) {
			return all(enrichment.Answer{Outcome: enrichment.Transient, Reason: "bad_answer"})
		}
		out := make([]enrichment.Answer, len(batch))
		for i, n := range counts {
			out[i] = enrichment.Answer{Outcome: enrichment.Hit, Units: 1, Values: map[string]enrichment.Value{
				"company_employee_count": {Value: float64(n), Confidence: 0.9},
			}}
		}
		return out
	}
}
