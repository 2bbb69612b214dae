// Package interrupt ends a command that is told to: SIGINT, SIGTERM and SIGHUP
// end its context; what has not ended a moment later is ended all the same; a
// second signal ends it at once.
//
// It promises that nothing held (a job on its way into the queue, a payload that
// gets time to end) is cut short by the first signal.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Patience is how long after the first signal a command may take to end by
// itself: with what the shell does before and after, it is over in a second.
const Patience = 800 * time.Millisecond

var signals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

var held struct {
	sync.Mutex
	count int
}

// Hold keeps the first signal from ending the program until release is called.
// The context ends all the same.
func Hold() (release func()) {
	held.Lock()
	defer held.Unlock()
	held.count++
	return sync.OnceFunc(func() {
		held.Lock()
		defer held.Unlock()
		held.count--
	})
}

// Context ends with the first signal. If the program has not called stop then
// within Patience, and nothing is held, end is called, which does not return.
func Context(parent context.Context, end func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	got := make(chan os.Signal, 1)
	signal.Notify(got, signals...)
	over := make(chan struct{})
	go func() {
		select {
		case <-got:
		case <-over:
			return
		}
		cancel()
		signal.Reset(signals...) // a second one does what it does to any program
		timer := time.NewTimer(Patience)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-over:
				return
			}
			endUnlessHeld(end)
			timer.Reset(20 * time.Millisecond)
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(got)
		close(over)
		cancel()
	})
}

func endUnlessHeld(end func()) {
	held.Lock()
	defer held.Unlock()
	if held.count == 0 {
		end()
	}
}
