package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rowsmith/cmd/internal/app/apptest"
)

var update = flag.Bool("update", false, "write what scripts got into their golden copies")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rowsmith": main})
}

// zone is what the name server of the scripts knows.
var zone = []string{
	"acme.com. 300 IN MX 10 mx.acme.com.",
	"acme.com. 300 IN TXT \"v=spf1 -all\"",
	"nullmx.com. 300 IN MX 0 .",
}

// The scripts call the program as people do. Each has its own folder, $WORK, with the data folder in it; $DNS is a name server.
func TestScripts(t *testing.T) {
	dns := apptest.StartDNS(t, zone...)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			for name, v := range environment(e.WorkDir, dns.Addr) {
				e.Setenv(name, v)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "smalldisk":
				return canMount(), nil
			case "soak":
				n, _ := strconv.Atoi(os.Getenv("ROWSMITH_SEEDS")) // unset is none
				return n >= 500, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "line": line, "tidy": tidy, "report": report, "encode": encode, "decode": decode,
			"workbook": workbook, "cells": cells, "repeat": repeat, "hold": hold, "smalldisk": smallDisk,
		},
	})
}

// environment is what the program needs to keep to a folder and ask nobody but dns.
func environment(dir, dns string) map[string]string {
	return map[string]string{
		"DNS": dns, "ROWSMITH_DNS": dns, "ROWSMITH_DATA": filepath.Join(dir, "data"),
		"HOME": filepath.Join(dir, "home"), "XDG_DATA_HOME": filepath.Join(dir, "home", "share"),
	}
}

// exits STATUS COMMAND...: the command ends with this exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		status = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, not %s", status, args[0])
	}
}

// line TEXT: standard error is one line, "rowsmith: " and something with this text in it.
func line(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: line TEXT")
	}
	got := ts.ReadFile("stderr")
	one := strings.TrimSuffix(got, "\n")
	if !strings.HasPrefix(got, "rowsmith: ") || strings.Contains(one, "\n") || !strings.Contains(got, args[0]) {
		ts.Fatalf("standard error is not one line with %q in it:\n%s", args[0], got)
	}
}

// tidy: nothing temporary lies around, and no run waits to be gone on with.
func tidy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: tidy")
	}
	ts.Check(leftovers(ts.Getenv("WORK")))
}

// leftovers names what a call should not have left below a folder.
func leftovers(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		name := filepath.Base(path)
		inRuns := filepath.Base(filepath.Dir(path)) == "runs" && strings.HasSuffix(name, ".json")
		if err == nil && !d.IsDir() && (inRuns || strings.HasSuffix(name, ".tmp") || strings.HasPrefix(name, ".probe-") || strings.HasPrefix(name, "rowsmith-")) {
			return fmt.Errorf("%s was left behind", path)
		}
		return err
	})
}

// reportKeys are all keys of the report.
var reportKeys = []string{"cells_written", "credits", "duplicates", "elapsed_ms", "eligible", "enriched", "failed", "job", "match_rate", "rows", "skipped", "unmatched"}

// report FILE KEY=VALUE...: the file is the --json report and holds these values; its counts add up.
func report(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: report FILE KEY=VALUE...")
	}
	var r map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	if got := slices.Sorted(maps.Keys(r)); !slices.Equal(got, reportKeys) {
		ts.Fatalf("keys %v, not %v", got, reportKeys)
	}
	n := func(key string) float64 {
		v, ok := r[key].(float64)
		if !ok {
			ts.Fatalf("%s is no number", key)
		}
		return v
	}
	if n("rows") != n("enriched")+n("unmatched")+n("failed")+n("skipped") {
		ts.Fatalf("the counts don't add up: %v", r)
	}
	rates, ok := r["match_rate"].(map[string]any)
	if !ok {
		ts.Fatalf("match_rate is no object")
	}
	for a, v := range rates {
		if f, ok := v.(float64); !ok || f < 0 || f > 1 {
			ts.Fatalf("match_rate of %s is %v", a, v)
		}
	}
	for _, kv := range args[1:] {
		key, want, _ := strings.Cut(kv, "=")
		if got := fmt.Sprint(n(key)); got != want {
			ts.Fatalf("%s is %s, not %s", key, got, want)
		}
	}
}

// charset finds a character set by the names that scripts use; ",crlf" at the end is for line ends.
func charset(ts *testscript.TestScript, name string) (_ encoding.Encoding, crlf bool) {
	name, crlf = strings.CutSuffix(name, ",crlf")
	switch name {
	case "utf8":
		return encoding.Nop, crlf
	case "utf8bom":
		return unicode.UTF8BOM, crlf
	case "latin1":
		return charmap.Windows1252, crlf
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), crlf
	case "utf16be":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), crlf
	}
	ts.Fatalf("unknown character set %q", name)
	return nil, false
}

// encode CHARSET FROM TO: writes a text of the script in another character set.
func encode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: encode CHARSET FROM TO")
	}
	enc, crlf := charset(ts, args[0])
	s := strings.ReplaceAll(ts.ReadFile(args[1]), `\0`, "\x00")
	if crlf {
		s = strings.ReplaceAll(s, "\n", "\r\n")
	}
	s, err := enc.NewEncoder().String(s)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(s), 0o666))
}

// decode CHARSET FROM TO: the other way. What isn't in the character set, or has other line ends, is an error.
func decode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: decode CHARSET FROM TO")
	}
	enc, crlf := charset(ts, args[0])
	s, err := enc.NewDecoder().String(ts.ReadFile(args[1]))
	ts.Check(err)
	if crlf {
		if strings.Count(s, "\n") != strings.Count(s, "\r\n") {
			ts.Fatalf("%s has line ends of both kinds", args[1])
		}
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	s = strings.ReplaceAll(s, "\x00", `\0`)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(s), 0o666))
}

// workbook FILE TAB=CSV...: makes a workbook; the headings are bold.
func workbook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: workbook FILE TAB=CSV...")
	}
	f := excelize.NewFile()
	defer f.Close()
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	ts.Check(err)
	for i, arg := range args[1:] {
		tab, from, _ := strings.Cut(arg, "=")
		if i == 0 {
			ts.Check(f.SetSheetName("Sheet1", tab))
		} else {
			_, err := f.NewSheet(tab)
			ts.Check(err)
		}
		for r, l := range strings.Split(strings.TrimSuffix(ts.ReadFile(from), "\n"), "\n") {
			for c, v := range strings.Split(l, ",") {
				if v == "" {
					continue
				}
				at, err := excelize.CoordinatesToCellName(c+1, r+1)
				ts.Check(err)
				ts.Check(f.SetCellValue(tab, at, v))
			}
		}
		ts.Check(f.SetRowStyle(tab, 1, 1, bold))
	}
	ts.Check(f.SaveAs(ts.MkAbs(args[0])))
}

// cells FILE TAB TO: writes a workbook's tab as text, one row a line.
func cells(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cells FILE TAB TO")
	}
	f, err := excelize.OpenFile(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	rows, err := f.GetRows(args[1])
	ts.Check(err)
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Join(r, ",") + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(b.String()), 0o666))
}

// repeat FILE N TEXT: adds the text N times to a file, # in it being the count and \n a line's end.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	ts.Check(err)
	defer f.Close()
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("#", strconv.Itoa(i), `\n`, "\n").Replace(args[2]))
	}
	_, err = f.WriteString(b.String())
	ts.Check(err)
}

// hold DIR: takes a data folder as another program would, until the script ends.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o777))
	l := flock.New(filepath.Join(ts.MkAbs(args[0]), "lock"))
	if got, err := l.TryLock(); !got {
		ts.Fatalf("hold %s: %v", args[0], err)
	}
	ts.Defer(func() { l.Unlock() })
}

// smalldisk DIR SIZE: mounts a small disk at a folder until the script ends; if one is there, it becomes that large.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	if exec.Command("mount", "-o", "remount,size="+args[1], dir).Run() == nil {
		return
	}
	ts.Check(mount(dir, args[1]))
	ts.Defer(func() { unmount(dir) })
}

func mount(dir, size string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).Run()
}

func unmount(dir string) { exec.Command("umount", dir).Run() }

// canMount reports whether this process may mount a disk.
func canMount() bool {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		return false
	}
	dir, err := os.MkdirTemp("", "smalldisk-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	defer unmount(dir)
	return mount(dir, "1m") == nil
}
