package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/api"
	"rowsmith/tasks"
)

func jobsCommand(environ []string) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "jobs",
		Short: "List, show and steer jobs",
		Long: `List, show and steer the jobs of the installation that the environment describes: of serve where ROWSMITH_API_KEY, ROWSMITH_STORE or
ROWSMITH_SPREADSHEETS is set, else of dev. A program that runs is asked; else its store is opened for this one command.`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&data, "data", "", "the data folder, if it isn't the usual one")
	var limit int
	var sheet string
	list := &cobra.Command{
		Use: "list", Short: "List jobs, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := openOperator(c.Context(), environ, data)
			if err != nil {
				return err
			}
			defer o.close()
			var l api.JobList
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if sheet != "" {
				q.Set("spreadsheet_id", sheet)
			}
			if err := o.call(c.Context(), http.MethodGet, "/v1/jobs?"+q.Encode(), &l); err != nil {
				return err
			}
			if len(l.Jobs) == 0 {
				fmt.Fprintln(c.ErrOrStderr(), "There are no jobs.")
				return nil
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "JOB\tSTATE\tROWS\tENRICHED\tCELLS\tCREDITS\tCREATED\tSHEET")
			for _, j := range l.Jobs {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", j.ID, j.State, j.Rows.Total, j.Rows.Enriched, j.CellsWritten, j.Credits.Spent,
					j.CreatedAt.Format("2006-01-02 15:04:05"), j.SpreadsheetID)
			}
			return w.Flush()
		},
	}
	list.Flags().IntVar(&limit, "limit", 20, "how many, up to 1000")
	list.Flags().StringVar(&sheet, "sheet", "", "only this spreadsheet's, by id")
	one := func(verb, short, method, suffix string) *cobra.Command {
		return &cobra.Command{
			Use: verb + " JOB", Short: short,
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != 1 {
					return errors.New("name one job; jobs list shows them")
				}
				return nil
			},
			RunE: func(c *cobra.Command, args []string) error {
				o, err := openOperator(c.Context(), environ, data)
				if err != nil {
					return err
				}
				defer o.close()
				var j tasks.Job
				if err := o.call(c.Context(), method, "/v1/jobs/"+url.PathEscape(args[0])+suffix, &j); err != nil {
					return err
				}
				e := json.NewEncoder(c.OutOrStdout())
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				return e.Encode(j)
			},
		}
	}
	c.AddCommand(list,
		one("show", "Show one job", http.MethodGet, ""),
		one("pause", "Pause a job", http.MethodPost, "/pause"),
		one("resume", "Let a paused job go on", http.MethodPost, "/resume"),
		one("cancel", "End a job; what is in the sheet stays", http.MethodPost, "/cancel"),
	)
	return c
}
