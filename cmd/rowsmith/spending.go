package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/filejob"
	"rowsmith/tasks"
)

func spendingCommand(environ []string) *cobra.Command {
	var data, account, sheet string
	c := &cobra.Command{
		Use:   "spending",
		Short: "Stop and start everything that costs credits",
		Long: `Stop and start everything that costs credits: for the whole account, or for one spreadsheet with --sheet. It works on the store alone,
whether or not a program runs. Jobs that would spend pause within a moment and say why; what is under way ends. Free sources go on.`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&data, "data", "", "the data folder, if it isn't the usual one")
	c.PersistentFlags().StringVar(&account, "account", app.Account, "the account")
	c.PersistentFlags().StringVar(&sheet, "sheet", "", "one spreadsheet, by id")
	verb := func(use, short, told string, stop bool) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) (err error) {
				cfg, err := configOf(environ, data)
				if err != nil {
					return &filejob.CallError{Message: "The configuration is not right: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
				}
				st, closing, err := app.OpenStore(c.Context(), cfg, app.Parts{})
				if err != nil {
					return err
				}
				defer func() {
					if cerr := closing(); err == nil {
						err = cerr
					}
				}()
				if stop {
					err = tasks.StopSpending(c.Context(), st, account, sheet, time.Now())
				} else {
					err = tasks.StartSpending(c.Context(), st, account, sheet)
				}
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), told)
				return nil
			},
		}
	}
	c.AddCommand(
		verb("stop", "Let nothing be paid", "Spending is stopped. Start it again with: rowsmith spending start", true),
		verb("start", "Let jobs spend again", "Spending is started. Jobs that paused are resumed with: rowsmith jobs resume JOB", false),
	)
	return c
}
