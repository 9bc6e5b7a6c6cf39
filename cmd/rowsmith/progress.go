package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"rowsmith/cmd/internal/filejob"
)

// newProgress shows progress as a bar on a terminal, and as a line now and then elsewhere.
func newProgress(w io.Writer) filejob.Progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bar{w: w}
	}
	return &lines{w: w, next: time.Now().Add(firstLine)}
}

// A bar is redrawn in place.
type bar struct {
	w io.Writer
	b *progressbar.ProgressBar
}

func (p *bar) Rows(done, total, cells int) {
	if total == 0 {
		return
	}
	if p.b == nil {
		p.b = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	p.b.Describe(fmt.Sprintf("%d cells", cells))
	_ = p.b.Set(min(done, total)) // a bar that can't be drawn is no reason to stop
}

func (p *bar) Say(line string) { fmt.Fprintln(p.w, line) }

func (p *bar) End() {
	if p.b != nil {
		_ = p.b.Clear()
	}
}

const (
	firstLine = 2 * time.Second
	everyLine = 10 * time.Second
)

// lines are for logs: few, and complete.
type lines struct {
	w    io.Writer
	next time.Time
	last [2]int // what was told: done, cells
}

func (p *lines) Rows(done, total, cells int) {
	if now := time.Now(); now.After(p.next) && p.last != [2]int{done, cells} {
		p.next, p.last = now.Add(everyLine), [2]int{done, cells}
		fmt.Fprintf(p.w, "%d of %d rows, %d cells written\n", done, total, cells)
	}
}

func (p *lines) Say(line string) { fmt.Fprintln(p.w, line) }

func (p *lines) End() {}
