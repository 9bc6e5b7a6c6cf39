package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/filejob"
	"rowsmith/sheets"
)

func enrichCommand(environ []string) *cobra.Command {
	var o filejob.Options
	var want, mapping, outputs []string
	var fill string
	var quiet, asJSON bool
	c := &cobra.Command{
		Use:   "enrich IN [-o OUT]",
		Short: "Enrich a CSV, TSV or XLSX file, or a Google spreadsheet",
		Long: `Enrich the rows of a file: .csv, .tsv, .xlsx, or - for CSV on standard input; or of a Google spreadsheet, by its address,
which is filled in place with a service account that it is shared with (--google-credentials).

The input is never changed. The result is a copy with new columns spliced in, NAME.enriched.EXT unless -o
says otherwise. Interrupted or stopped early, the same call goes on where it was.`,
		Example: `  rowsmith enrich leads.csv
  rowsmith enrich leads.xlsx --want email_verdict,phone_e164 --country DE
  rowsmith enrich leads.csv --map "Kontakt=email" --output "phone_e164=Phone (clean)"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return errors.New("name the file to enrich, or - for standard input")
			case 1:
				return nil
			}
			return fmt.Errorf("it takes one file, not %d; quote a name with spaces in it", len(args))
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.In = args[0]
			o.Fill = sheets.Fill(fill)
			o.Stdin, o.Stdout, o.Environ = c.InOrStdin(), c.OutOrStdout(), environ
			o.Want = split(want)
			var err error
			if o.Mapping, err = pairs("--map", "Heading=attribute", mapping); err != nil {
				return err
			}
			if o.Output, err = pairs("--output", "attribute=Heading", outputs); err != nil {
				return err
			}
			at, isSheet := filejob.ParseSheet(o.In)
			if isSheet && o.Out != "" {
				return &filejob.CallError{Message: "A spreadsheet at Google is filled in place: leave -o out."}
			}
			if !isSheet {
				if err := settleOut(&o, asJSON); err != nil {
					return err
				}
			}
			if o.Data == "" {
				o.Data = dataFolder(environ, "enrich")
			}
			o.Log = logger(environ, c.ErrOrStderr())
			if !quiet {
				o.Progress = newProgress(c.ErrOrStderr())
			}
			var sum filejob.Summary
			if isSheet {
				sum, err = filejob.RunSheet(c.Context(), o, at)
			} else {
				sum, err = filejob.Run(c.Context(), o)
			}
			if o.Progress != nil {
				o.Progress.End()
			}
			return tell(c, sum, err, quiet, asJSON)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "where the result goes; - is standard output (default NAME.enriched.EXT)")
	f.StringSliceVar(&want, "want", nil, "attributes to look up, comma-separated (default all that cost nothing)")
	f.StringArrayVar(&mapping, "map", nil, `what a column holds: "Heading=attribute", or "Heading=" for nothing; repeatable`)
	f.StringArrayVar(&outputs, "output", nil, `where an attribute goes: "attribute=Heading"; repeatable`)
	f.StringVar(&o.Country, "country", "", "country of rows that don't name one, for instance DE")
	f.StringVar(&fill, "fill", "blanks", "which cells may be filled: blanks, stale or overwrite")
	f.StringVar(&o.Rows, "rows", "", "rows to look at, as the file counts them, for instance 2:500")
	f.StringVar(&o.Sheet, "sheet", "", "tab of a workbook (default the first with anything in it)")
	f.IntVar(&o.HeaderRow, "header-row", 0, "row with the headings (default the first that isn't blank)")
	f.StringVar(&o.DNS, "dns", "", "name server to ask, HOST:PORT (default the system's)")
	f.StringVar(&o.Credentials, "google-credentials", "", "key file of the service account that a Google spreadsheet is shared with")
	f.Int64Var(&o.MaxCredits, "max-credits", 0, "the most to spend; without it nothing is paid")
	f.StringVar(&o.Data, "data", "", "folder for state and cache")
	f.BoolVar(&o.Restart, "restart", false, "begin anew, also if an earlier call was interrupted")
	f.BoolVar(&o.Force, "force", false, "replace an output that isn't ours")
	f.BoolVar(&quiet, "quiet", false, "no progress, no summary")
	f.BoolVar(&asJSON, "json", false, "print the report as one JSON object")
	return c
}

// settleOut settles the output's name: of the same kind as the input, NAME.enriched.EXT unless given.
func settleOut(o *filejob.Options, asJSON bool) error {
	if o.In == "-" {
		if o.Out == "" {
			o.Out = "-"
		}
		if o.Out == "-" && asJSON {
			return &filejob.CallError{Message: "With --json standard output holds the report. Say with -o where the result goes."}
		}
		return nil
	}
	ext := filepath.Ext(o.In)
	if o.Out == "" {
		o.Out = strings.TrimSuffix(o.In, ext) + ".enriched" + ext
		return nil
	}
	if o.Out == "-" {
		return &filejob.CallError{Message: "The result can go to standard output only where the input is standard input. Name a file with -o."}
	}
	if info, err := os.Stat(o.Out); err == nil && !info.Mode().IsRegular() {
		return nil // a pipe or a device has no kind, and a folder is told to be one
	}
	if got := filepath.Ext(o.Out); ext != "" && !strings.EqualFold(got, ext) {
		return &filejob.CallError{Message: fmt.Sprintf("The result is of the same kind as the input. Name it with %s at the end.", ext)}
	}
	return nil
}

// split takes attributes apart that were separated by commas, white space or both.
func split(in []string) []string {
	var out []string
	for _, s := range in {
		for _, a := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// pairs reads KEY=VALUE flags. The last = separates, since headings may hold one and attributes can't; in --output it is the first.
func pairs(flag, form string, in []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range in {
		i := strings.LastIndex(s, "=")
		if flag == "--output" {
			i = strings.Index(s, "=")
		}
		if i <= 0 {
			return nil, &filejob.CallError{Message: fmt.Sprintf("%s takes %q.", flag, form)}
		}
		k := strings.TrimSpace(s[:i])
		if _, twice := out[k]; twice {
			return nil, &filejob.CallError{Message: fmt.Sprintf("%s names %q twice.", flag, k)}
		}
		out[k] = strings.TrimSpace(s[i+1:])
	}
	return out, nil
}

// logger logs to standard error where the environment asks for it; a command's user wants progress, not logs.
func logger(environ []string, w io.Writer) *slog.Logger {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "ROWSMITH_LOG_LEVEL="); ok {
			var l slog.Level
			if l.UnmarshalText([]byte(v)) == nil {
				return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
			}
		}
	}
	return slog.New(slog.DiscardHandler)
}

// tell says how the run ended.
func tell(c *cobra.Command, sum filejob.Summary, err error, quiet, asJSON bool) error {
	done := err == nil || errors.Is(err, filejob.ErrStopped) || errors.Is(err, context.Canceled)
	if !done {
		return err
	}
	e := c.ErrOrStderr()
	if sum.Job != "" {
		if asJSON {
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetEscapeHTML(false)
			if jerr := enc.Encode(sum); jerr != nil {
				return jerr
			}
		}
		if !quiet {
			summary(e, sum)
		}
	}
	for _, n := range sum.Notes {
		fmt.Fprintln(e, n)
	}
	switch {
	case errors.Is(err, filejob.ErrStopped):
		fmt.Fprintln(e, "Stopped early. What there is was written; the same call goes on.")
		return fmt.Errorf("%w: %w", errTold, err)
	case err != nil:
		fmt.Fprintln(e, "Interrupted. What there is was kept; the same call goes on.")
		return fmt.Errorf("%w: %w", errTold, err)
	}
	return nil
}

// summary shows the result in a few lines.
func summary(w io.Writer, s filejob.Summary) {
	to := s.Out
	if to == "-" {
		to = "standard output"
	}
	fmt.Fprintf(w, "%s: %d enriched, %d without a match, %d skipped, %d failed. %s written to %s in %.1f s.\n",
		count(s.Rows, "row"), s.Enriched, s.Unmatched, s.Skipped, s.Failed, count(s.CellsWritten, "cell"), to, float64(s.ElapsedMS)/1000)
	if len(s.MatchRate) == 0 {
		return
	}
	width := 0
	for a := range s.MatchRate {
		width = max(width, len(a))
	}
	names := slices.SortedFunc(maps.Keys(s.MatchRate), func(a, b string) int {
		if s.MatchRate[a] != s.MatchRate[b] {
			if s.MatchRate[a] > s.MatchRate[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	fmt.Fprintln(w, "Found, of the cells that were empty:")
	for _, a := range names {
		fmt.Fprintf(w, "  %-*s %3.0f %%\n", width, a, 100*s.MatchRate[a])
	}
}

// count says a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
