package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/filejob"
)

// stopWithin is how long work under way may take to end after an interrupt.
const stopWithin = 10 * time.Second

func devCommand(environ []string) *cobra.Command {
	var addr, data string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the service with an embedded spreadsheet, on this machine",
		Long: `Run everything on this machine: the API under /v1, a Google Sheets API under /sheets/, and a page under /.
It listens on loopback only. The API key is "dev" unless ROWSMITH_DEV_API_KEY says otherwise.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := app.Load(environ)
			if c.Flags().Changed("addr") {
				cfg.Addr = addr
				err = errors.Join(err, cfg.Check())
			}
			if err != nil {
				return &filejob.CallError{Message: "The configuration is not right: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
			}
			if data != "" {
				cfg.Data = data
			} else if cfg.Data == "" {
				cfg.Data = dataFolder(environ, "dev")
			}
			log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: cfg.LogLevel}))
			a, err := app.Open(c.Context(), cfg, app.Parts{Log: log})
			if errors.Is(err, app.ErrInUse) {
				return &filejob.CallError{Message: err.Error()}
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return &filejob.CallError{Message: fmt.Sprintf("Something else listens on %s. Choose another place with --addr; port 0 picks a free one.", cfg.Addr)}
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "ready %s\n", a.URL())
			<-c.Context().Done()
			ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
			defer cancel()
			return a.Close(ctx)
		},
	}
	c.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "where to listen; port 0 picks a free one")
	c.Flags().StringVar(&data, "data", "", "folder for everything that is kept")
	return c
}
