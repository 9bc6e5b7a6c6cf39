package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"rowsmith/enrichment"
)

// A Vendor sells company_employee_count by company_name at a credit a hit, over HTTP. It knows every company and counts how often each
// was asked for.
type Vendor struct {
	URL string

	mu    sync.Mutex
	asked map[string]int
}

// StartVendor serves one until the test ends.
func StartVendor(t testing.TB) *Vendor {
	v := &Vendor{asked: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(s.Close)
	v.URL = s.URL
	return v
}

func (v *Vendor) serve(w http.ResponseWriter, r *http.Request) {
	var names []string
	if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	counts := make([]int, len(names))
	v.mu.Lock()
	for i, n := range names {
		v.asked[n]++
		counts[i] = 10 + len(n)
	}
	v.mu.Unlock()
	_ = json.NewEncoder(w).Encode(counts) // a caller that died needs no answer
}

// Asked is how often each company was asked for.
func (v *Vendor) Asked() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.asked)
}

// Provider calls the vendor from this process.
func (v *Vendor) Provider() enrichment.Provider {
	return &vendorClient{url: v.URL, step: func(string) {}}
}

// A vendorClient is the provider that calls a Vendor.
type vendorClient struct {
	url  string
	step func(string)
}

// Info implements enrichment.Provider.
func (v *vendorClient) Info() enrichment.Info {
	return enrichment.Info{
		ID: "test_vendor", Name: "Test vendor", Needs: [][]string{{"company_name"}}, Gives: []string{"company_employee_count"},
		Batch: 50, Network: true, Paid: true, Price: 1, Personal: true,
	}
}

// Lookup implements enrichment.Provider.
func (v *vendorClient) Lookup(ctx context.Context, batch []enrichment.Query) []enrichment.Answer {
	out := make([]enrichment.Answer, len(batch))
	names := make([]string, len(batch))
	for i, q := range batch {
		names[i] = q.Subject["company_name"]
		out[i] = enrichment.Answer{Outcome: enrichment.Transient, Reason: enrichment.ReasonTransient, InDoubt: true}
	}
	counts, err := v.ask(ctx, names)
	if err != nil || len(counts) != len(batch) {
		return out
	}
	for i, n := range counts {
		out[i] = enrichment.Answer{Outcome: enrichment.Hit, Units: 1, Values: map[string]enrichment.Value{
			"company_employee_count": {Value: float64(n), Confidence: 0.9},
		}}
	}
	return out
}

func (v *vendorClient) ask(ctx context.Context, names []string) (counts []int, err error) {
	body, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	v.step("vendor.asking")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&counts)
	v.step("vendor.answered")
	return counts, err
}
