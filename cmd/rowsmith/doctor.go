package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/app"
	"rowsmith/sheets"
)

// errUnwell: doctor found something.
var errUnwell = errors.New("something needs attention")

func doctorCommand(environ []string) *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check every part and say what to do",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ok := true
			say := func(part string, err error, fine string) {
				if err != nil {
					ok = false
					fmt.Fprintf(c.OutOrStdout(), "!!  %-12s %s\n", part, oneLine(err))
					return
				}
				fmt.Fprintf(c.OutOrStdout(), "ok  %-12s %s\n", part, fine)
			}
			cfg, err := configOf(environ, data)
			if err != nil {
				for _, line := range strings.Split(err.Error(), "\n") {
					say("configuration", errors.New(line), "")
				}
				return fmt.Errorf("%w: %w", errTold, errUnwell)
			}
			say("configuration", nil, strings.Join(cfg.Shown(), " "))
			examine(c.Context(), cfg, say)
			if !ok {
				return fmt.Errorf("%w: %w", errTold, errUnwell)
			}
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", "", "the data folder, if it isn't the usual one")
	return c
}

// examine checks the parts one by one; each check has its own time, so that one that hangs hides no other.
func examine(ctx context.Context, cfg app.Config, say func(part string, err error, fine string)) {
	within := func(f func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return f(ctx)
	}
	if cfg.Data != "" {
		running := app.Address(cfg.Data)
		if running != "" && alive(ctx, running) {
			say("program", nil, "runs at "+running)
		} else {
			say("data", within(func(context.Context) error { return writable(cfg.Data) }), cfg.Data+" can be written to")
		}
	}
	tools := cfg
	tools.Tools, tools.Addr = true, "127.0.0.1:0"
	if tools.Serve && tools.APIKey == "" {
		tools.APIKey = "not-needed-for-a-check"
	}
	var a *app.App
	err := within(func(ctx context.Context) (err error) { a, err = app.Open(ctx, tools, app.Parts{}); return err })
	switch {
	case errors.Is(err, app.ErrInUse):
		// Its own parts are checked by the program that runs.
	case err != nil:
		say("parts", fmt.Errorf("store or queue can't be opened: %w", err), "")
	default:
		say("store", hint(within(a.Store.Ping), "Does the store exist, and may this account use it?"), storeName(cfg)+" answers")
		say("queue", hint(within(a.Queue.Ping), "Do the queues exist, and may this account use them?"), queueName(cfg)+" answers")
		_ = within(a.Close) // it was opened for the check
	}
	say("names", hint(within(func(ctx context.Context) error { return resolves(ctx, cfg.DNS) }), "Without DNS, email verdicts are unknown. Try --dns or ROWSMITH_DNS."), "name servers answer")
	if !cfg.Serve {
		return
	}
	account, err := app.NewGoogleAccount(ctx, cfg.GoogleCredentials)
	if err == nil {
		err = within(func(ctx context.Context) error { _, err := account.Token(ctx); return err })
	}
	say("google", err, "share spreadsheets with "+accountName(account))
	if err != nil {
		return
	}
	client, err := sheets.NewClient(ctx, sheets.Options{Endpoint: cfg.SheetsEndpoint, Tokens: account})
	if err != nil {
		say("sheets", err, "")
		return
	}
	for _, id := range cfg.Spreadsheets {
		err := within(func(ctx context.Context) error { _, err := client.Spreadsheet(ctx, id); return err })
		say("sheet", hint(err, "Is it shared with "+account.Email+" as an editor?"), id+" can be opened")
	}
}

func hint(err error, what string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w. %s", err, what)
}

func accountName(a *app.GoogleAccount) string {
	if a == nil || a.Email == "" {
		return "the service account's address"
	}
	return a.Email
}

func storeName(c app.Config) string {
	if c.Serve {
		return c.StoreKind
	}
	return "sqlite"
}

func queueName(c app.Config) string {
	if c.Serve {
		return c.QueueKind
	}
	return "sqlite"
}

// writable makes and removes a file in the folder.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// resolves asks for a name that is always there.
func resolves(ctx context.Context, server string) error {
	r := net.DefaultResolver
	if server != "" {
		r = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		}}
	}
	_, err := r.LookupNS(ctx, ".")
	return err
}
