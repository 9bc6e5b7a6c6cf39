package filejob

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/tabular"
	"rowsmith/enrichment"
	"rowsmith/enrichment/provider"
	"rowsmith/sheets"
)

// config checks the options and makes the program's configuration of them and the environment.
func (o *Options) config() (app.Config, error) {
	if o.Fill == "" {
		o.Fill = sheets.FillBlanks
	}
	if err := o.check(); err != nil {
		return app.Config{}, err
	}
	cfg, err := app.Load(o.Environ)
	if err != nil {
		return cfg, wrong("The environment is not right: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if o.DNS != "" {
		if cfg.DNS = o.DNS; cfg.Check() != nil {
			return cfg, wrong("--dns takes HOST:PORT, for instance 127.0.0.1:53.")
		}
	}
	cfg.Addr, cfg.Data = "127.0.0.1:0", o.Data
	cfg.DevAPIKey = "rk_" + rand.Text() // nobody else calls
	return cfg, nil
}

// key identifies the run: the same key gives the same result. What decides only where things are or how it is shown is left out.
func (o *Options) key(sum string) string {
	h := sha256.New()
	b, _ := json.Marshal(struct { // plain types: cannot fail
		Format          int
		Sum, Out        string
		Want            []string
		Mapping, Output map[string]string
		Country, Rows   string
		Fill            sheets.Fill
		Sheet           string
		HeaderRow       int
		MaxCredits      int64
	}{1, sum, o.Out, o.Want, o.Mapping, o.Output, o.Country, o.Rows, o.Fill, o.Sheet, o.HeaderRow, o.MaxCredits})
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (o *Options) check() error {
	for _, a := range slices.Sorted(slices.Values(o.Want)) {
		if err := known("--want", a); err != nil {
			return err
		}
	}
	for _, h := range slices.Sorted(maps.Keys(o.Mapping)) {
		if a := o.Mapping[h]; a != "" {
			if err := known("--map", a); err != nil {
				return err
			}
		}
	}
	for _, a := range slices.Sorted(maps.Keys(o.Output)) {
		if err := known("--output", a); err != nil {
			return err
		}
	}
	if len(o.Want) > 0 {
		for _, a := range slices.Sorted(maps.Keys(o.Output)) {
			if !slices.Contains(o.Want, a) {
				return wrong("--output names %q, which isn't in --want. Add it there.", a)
			}
		}
	}
	if o.Rows != "" {
		if _, _, err := o.rowRange(); err != nil {
			return err
		}
	}
	if o.Country != "" && provider.CountryCode(o.Country) == "" {
		return wrong("--country: %q is no country. Write it like DE or Germany.", o.Country)
	}
	switch o.Fill {
	case sheets.FillBlanks, sheets.FillOverwrite:
	case sheets.FillStale:
		return wrong("--fill stale needs the record of earlier runs over the same sheet, which a file doesn't have. Use blanks or overwrite.")
	default:
		return wrong("--fill takes blanks, stale or overwrite.")
	}
	if o.MaxCredits < 0 {
		return wrong("--max-credits is 0 or more.")
	}
	return nil
}

// fits checks the options against the file.
func (o *Options) fits(t tabular.Table) error {
	if o.Sheet != "" && t.Kind() != tabular.XLSX {
		return wrong("%s has no tabs: --sheet is for workbooks.", t.Name())
	}
	if o.Out != "-" && (t.Kind() == tabular.XLSX) != isWorkbook(o.Out) && regular(o.Out) {
		ext := ".csv"
		if t.Kind() == tabular.XLSX {
			ext = ".xlsx"
		}
		if o.In == "-" || isWorkbook(o.Out) {
			return wrong("The result is of the same kind as the input, %s. Name it with %s at the end.", t.Kind(), ext)
		}
	}
	if n := t.Cells(max(len(o.Want), 1)); n > tabular.MaxCells {
		return wrong("%s has %d million cells with its new columns; a spreadsheet holds 10 million. Split the file, or take columns out.", t.Name(), n/1_000_000)
	}
	if !slices.ContainsFunc(t.Header(), func(h string) bool { return strings.TrimSpace(h) != "" }) {
		return wrong("Row %d of %s has no headings. Say with --header-row which row holds them.", t.HeaderRow()+1, t.Name())
	}
	if o.Rows != "" {
		if _, err := o.sheetRows(t); err != nil {
			return err
		}
	}
	return nil
}

func isWorkbook(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".xlsx" || ext == ".xlsm"
}

// regular reports whether a name is, or could become, a file like any other: no pipe, no device.
func regular(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Mode().IsRegular()
}

func known(flag, name string) error {
	if _, ok := enrichment.Find(name); ok {
		return nil
	}
	if s := enrichment.Suggest(name); s != "" {
		return wrong("%s: there is no attribute %q. Did you mean %q?", flag, name, s)
	}
	return wrong("%s: there is no attribute %q. The README lists them.", flag, name)
}
