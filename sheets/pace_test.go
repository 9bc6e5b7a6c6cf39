package sheets

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestPacer(t *testing.T) {
	clock := clockwork.NewFakeClock()
	p := NewPacer(clock, time.Second)
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second} {
		if got := p.Reserve(); got != want {
			t.Errorf("slot %d begins in %v, want %v", i, got, want)
		}
	}
	clock.Advance(10 * time.Second) // unused slots are not saved up
	if a, b := p.Reserve(), p.Reserve(); a != 0 || b != time.Second {
		t.Errorf("after a pause: %v, %v", a, b)
	}
	p.Hold(30 * time.Second)
	p.Hold(time.Second) // a shorter hold doesn't shorten a longer one
	if got := p.Reserve(); got != 30*time.Second {
		t.Errorf("held: %v", got)
	}
	free := NewPacer(clock, 0)
	for range 3 {
		if got := free.Reserve(); got != 0 {
			t.Errorf("no interval, but %v", got)
		}
	}
}

func TestPacerWait(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	clock := clockwork.NewFakeClock()
	p := NewPacer(clock, time.Minute)
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- p.Wait(ctx) }()
	if err := clock.BlockUntilContext(ctx, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
		t.Fatal("the second slot came at once")
	default:
	}
	clock.Advance(time.Minute)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() { done <- p.Wait(ctx) }()
	if err := clock.BlockUntilContext(ctx, 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
