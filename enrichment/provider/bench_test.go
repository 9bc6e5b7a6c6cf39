package provider

import (
	"context"
	"testing"

	"rowsmith/enrichment"
)

// BenchmarkProviders reports rows a second on one core over each provider's own table, which is harder than most sheets.
func BenchmarkProviders(b *testing.B) {
	for _, p := range Keyless() {
		id := p.Info().ID
		_, cases := readTable(b, "testdata/"+id+".txt")
		var batch []enrichment.Query
		for _, c := range cases {
			batch = append(batch, enrichment.Query{Subject: c.subject})
		}
		b.Run(id, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Lookup(context.Background(), batch)
			}
			b.ReportMetric(float64(b.N)*float64(len(batch))/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkNewPlace is the dearest constructor.
func BenchmarkNewPlace(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewPlace()
	}
}
