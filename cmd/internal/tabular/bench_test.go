package tabular_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rowsmith/cmd/internal/tabular"
	"rowsmith/cmd/internal/tabular/messy"
)

// leadsFile writes a messy table of leads.
func leadsFile(tb testing.TB, rows int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "leads.csv")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := messy.Leads(f, rows, 1); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// roundTrip opens a file, reads it, and writes two new columns into every row.
func roundTrip(tb testing.TB, path string, out io.Writer) tabular.Table {
	tb.Helper()
	ctx := context.Background()
	tab, err := tabular.Open(ctx, path, tabular.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { tab.Close() })
	if err := tab.Rows(ctx, func(int, []any) error { return nil }); err != nil {
		tb.Fatal(err)
	}
	i := -1
	if _, err := tabular.Write(ctx, tab, out, tabular.Output{Headings: []string{"Email verdict", "Score"}}, func() (tabular.Edit, bool, error) {
		i++
		return tabular.Edit{Row: i, Added: []any{"valid", 0.5}}, i < tab.Len(), nil
	}); err != nil {
		tb.Fatal(err)
	}
	return tab
}

func BenchmarkLeads(b *testing.B) {
	path := leadsFile(b, 10_000)
	if info, err := os.Stat(path); err == nil {
		b.SetBytes(info.Size())
	}
	for b.Loop() {
		roundTrip(b, path, io.Discard)
	}
}

func TestMessyLeadsComeThrough(t *testing.T) {
	path := leadsFile(t, 3000)
	var out strings.Builder
	tab := roundTrip(t, path, &out)
	if tab.Len() != 3000 {
		t.Errorf("Len = %d", tab.Len())
	}
	if got := tab.Header()[:len(messy.Headings())]; strings.Join(got, ",") != strings.Join(messy.Headings(), ",") {
		t.Errorf("Header = %q", got)
	}
	copied := filepath.Join(t.TempDir(), "out.csv")
	if err := os.WriteFile(copied, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := tabular.Open(context.Background(), copied, tabular.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	n := 0
	if err := again.Rows(context.Background(), func(_ int, cells []any) error {
		if cells[tab.Width()] != "valid" || cells[tab.Width()+1] != "0.5" {
			t.Fatalf("row %d ends in %q", n, cells[len(cells)-2:])
		}
		n++
		return nil
	}); err != nil || n != 3000 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestMemory reads and writes a file many times larger than what it may hold at once.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 24 MB")
	}
	path := filepath.Join(t.TempDir(), "large.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("some text of a cell,", 10) + "end\n"
	for range 24 << 20 / (1000 * len(line)) {
		if _, err := f.WriteString(strings.Repeat(line, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	peak := &peakWriter{}
	peak.look()
	start := peak.most
	roundTrip(t, path, peak)
	if grown := peak.most - start; grown > 16<<20 {
		t.Errorf("a 24 MB file took %d MB of memory", grown>>20)
	}
}

// peakWriter watches the heap while it is written to.
type peakWriter struct {
	writes int
	most   uint64
}

func (p *peakWriter) Write(b []byte) (int, error) {
	if p.writes++; p.writes%64 == 0 {
		p.look()
	}
	return len(b), nil
}

func (p *peakWriter) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapInuse)
}
