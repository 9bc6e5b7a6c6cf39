package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/filejob"
)

func serveCommand(environ []string) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service on Google spreadsheets, configured by ROWSMITH_* variables",
		Long: `Run the service on Google spreadsheets that are shared with a service account. The environment configures it:

  ROWSMITH_API_KEY             the key that callers send, at least 20 characters
  ROWSMITH_SPREADSHEETS        the ids of the spreadsheets that the key may use, separated by commas
  ROWSMITH_GOOGLE_CREDENTIALS  the service account's key file (default: the environment's own account)
  ROWSMITH_DATA                the folder for store and queue, where they are sqlite
  ROWSMITH_STORE               sqlite or firestore        ROWSMITH_QUEUE  sqlite or cloudtasks
  ROWSMITH_ROLE                api, worker or all; one machine does all
  ROWSMITH_ADDR                where to listen (default 127.0.0.1:8080; on Cloud Run the port in PORT)

With firestore and cloudtasks: ROWSMITH_PROJECT, ROWSMITH_TASKS_LOCATION, ROWSMITH_TASKS_SERVICE_ACCOUNT, ROWSMITH_WORKER_URL.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := app.LoadServe(environ)
			if err != nil {
				return &filejob.CallError{Message: "The configuration is not right: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
			}
			log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: cfg.LogLevel}))
			log.Info("starting", "version", app.Version, "config", cfg.Shown())
			a, err := app.Open(c.Context(), cfg, app.Parts{Log: log})
			if errors.Is(err, app.ErrInUse) {
				return &filejob.CallError{Message: err.Error()}
			}
			if err != nil {
				return err
			}
			if account, err := app.NewGoogleAccount(c.Context(), cfg.GoogleCredentials); err == nil && account.Email != "" {
				fmt.Fprintf(c.ErrOrStderr(), "Share spreadsheets with %s.\n", account.Email)
			}
			fmt.Fprintf(c.OutOrStdout(), "ready %s\n", a.URL())
			<-c.Context().Done()
			ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
			defer cancel()
			return a.Close(ctx)
		},
	}
}
