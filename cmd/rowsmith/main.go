// Command rowsmith enriches the rows of a sheet: people and companies, each value with its source.
//
//	rowsmith enrich leads.csv     one file, with nothing but this program
//	rowsmith dev                  the service with an embedded spreadsheet, on this machine
//	rowsmith version
//
// Exit status: 0 done, 1 the job failed, 2 the call was wrong, 3 stopped early (what there is was written, the same call
// goes on), 130 interrupted (likewise).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rowsmith/cmd/internal/app"
	"rowsmith/cmd/internal/filejob"
	"rowsmith/cmd/internal/tabular"
)

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		// The most a run needs at once is far below; collecting earlier keeps it small on small machines.
		debug.SetMemoryLimit(memory)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// memory is the program's soft memory limit in bytes: it is meant to live beside other programs, under 200 MB.
const memory = 120 << 20

// run is the program without the process around it. The first interrupt stops gently, the second at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a signal has its usual effect
	root := rootCommand(stdin, stdout, stderr, environ)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	status := statusOf(err)
	if err != nil && !errors.Is(err, errTold) {
		fmt.Fprintln(stderr, "rowsmith: "+oneLine(err))
	}
	return status
}

// errTold marks a failure that has been told already.
var errTold = errors.New("told")

// statusOf maps what happened to the exit status.
func statusOf(err error) int {
	var call *filejob.CallError
	var file *tabular.Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, filejob.ErrStopped):
		return 3
	case errors.Is(err, context.Canceled):
		return 130
	case errors.As(err, &call), errors.As(err, &file), errors.Is(err, errUsage):
		return 2
	default:
		return 1
	}
}

// errUsage marks what is said of flags and arguments.
var errUsage = errors.New("usage")

// A usageError is errUsage without the word.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == errUsage }

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

func rootCommand(stdin io.Reader, stdout, stderr io.Writer, environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "rowsmith",
		Short:         "Enrich the rows of a sheet: people and companies, each value with its source",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	usage := func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w. See %s --help", err, c.CommandPath())}
	}
	root.SetFlagErrorFunc(usage)
	root.AddCommand(enrichCommand(environ), devCommand(environ), serveCommand(environ), jobsCommand(environ), spendingCommand(environ), doctorCommand(environ), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "rowsmith %s %s %s/%s\n", app.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	})
	var wrap func(c *cobra.Command)
	wrap = func(c *cobra.Command) {
		if args := c.Args; args != nil {
			c.Args = func(c *cobra.Command, a []string) error {
				if err := args(c, a); err != nil {
					return usage(c, err)
				}
				return nil
			}
		}
		for _, sub := range c.Commands() {
			wrap(sub)
		}
	}
	wrap(root)
	root.Args = func(c *cobra.Command, a []string) error {
		if len(a) > 0 {
			return usage(c, fmt.Errorf("there is no command %q", a[0]))
		}
		return nil
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return root
}

// dataFolder is where a verb keeps its data unless told otherwise: each has its own, so that both can run at once.
func dataFolder(environ []string, verb string) string {
	get := func(name string) string {
		for _, kv := range environ {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return ""
	}
	if d := get("ROWSMITH_DATA"); d != "" {
		return d
	}
	var base string
	switch runtime.GOOS {
	case "windows":
		base = get("LocalAppData")
	case "darwin":
		base = filepath.Join(get("HOME"), "Library", "Application Support")
	default:
		if base = get("XDG_DATA_HOME"); base == "" && get("HOME") != "" {
			base = filepath.Join(get("HOME"), ".local", "share")
		}
	}
	if base == "" {
		base = os.TempDir()
	}
	return filepath.Join(base, "rowsmith", verb)
}
