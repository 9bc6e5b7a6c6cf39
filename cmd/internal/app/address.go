package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// addressFile holds the base address of the program that has the data folder, so that an operator's command can ask it.
const addressFile = "address"

// tellAddress leaves the program's address in its data folder for as long as it runs.
func (a *App) tellAddress(c Config) error {
	if !c.sqlite() || c.Private || c.Tools {
		return nil
	}
	path := filepath.Join(c.Data, addressFile)
	if err := os.WriteFile(path, []byte(a.url+"\n"), 0o600); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	a.onClose(func(context.Context) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data folder: %w", err)
		}
		return nil
	})
	return nil
}

// Address is where the program that uses a data folder answers; empty where it doesn't say.
func Address(data string) string {
	b, err := os.ReadFile(filepath.Join(data, addressFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
