package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"rowsmith/cmd/internal/api"
	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/filejob"
)

// An operator asks the API of the installation that the environment describes: of the program that runs, or of its parts opened for
// this one command, without any work being done meanwhile.
type operator struct {
	url, key string
	close    func()
}

// configOf is the installation's configuration: that of serve where the environment is made for it, else that of dev.
func configOf(environ []string, data string) (app.Config, error) {
	set := map[string]bool{}
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		set[name] = true
	}
	if set["ROWSMITH_API_KEY"] || set["ROWSMITH_STORE"] || set["ROWSMITH_SPREADSHEETS"] {
		c, err := app.LoadServe(environ)
		if data != "" {
			c.Data = data
		}
		return c, err
	}
	c, err := app.Load(environ)
	c.Data = data
	if data == "" {
		c.Data = dataFolder(environ, "dev")
	}
	return c, err
}

func openOperator(ctx context.Context, environ []string, data string) (*operator, error) {
	c, err := configOf(environ, data)
	if err != nil {
		return nil, &filejob.CallError{Message: "The configuration is not right: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
	}
	key := c.DevAPIKey
	if c.Serve {
		key = c.APIKey
	}
	if c.Data != "" {
		if url := app.Address(c.Data); url != "" && alive(ctx, url) {
			return &operator{url: url, key: key, close: func() {}}, nil
		}
		if _, err := os.Stat(c.Data); err != nil {
			return nil, &filejob.CallError{Message: fmt.Sprintf("There is nothing in %s. Name the folder with --data.", c.Data)}
		}
	}
	c.Tools, c.Addr, c.APIKey, c.DevAPIKey = true, "127.0.0.1:0", rand.Text(), rand.Text()
	key = c.DevAPIKey
	if c.Serve {
		key = c.APIKey
	}
	a, err := app.Open(ctx, c, app.Parts{Log: slog.New(slog.DiscardHandler)})
	if errors.Is(err, app.ErrInUse) {
		return nil, &filejob.CallError{Message: "Another Rowsmith is using the data folder and does not answer. Wait for it to end."}
	}
	if err != nil {
		return nil, err
	}
	return &operator{url: a.URL(), key: key, close: func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		a.Close(ctx)
	}}, nil
}

// alive reports whether a program answers there.
func alive(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// call asks the API; into may be nil.
func (o *operator) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+o.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		var p api.Problem
		if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p) != nil {
			return fmt.Errorf("the answer was %d", resp.StatusCode)
		}
		if resp.StatusCode < 500 {
			return &filejob.CallError{Message: p.Detail}
		}
		return errors.New(p.Detail)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
