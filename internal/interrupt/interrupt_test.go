package interrupt

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// The first signal ends the context at once, the program only when nothing is
// held, and what was held had time to tell what became of it.
func TestHeld(t *testing.T) {
	ended := make(chan time.Time, 1)
	ctx, stop := Context(context.Background(), func() {
		select {
		case ended <- time.Now():
		default:
		}
	})
	release := Hold()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	signalled := time.Now()
	select {
	case <-ended:
		t.Fatal("what is held is cut short")
	case <-time.After(2 * Patience):
	}
	release()
	release() // only once
	released := time.Now()
	if at := <-ended; at.Sub(released) < Patience/2 || at.Sub(signalled) < Patience {
		t.Errorf("ended %v after the release", at.Sub(released))
	}
	stop()
	stop()
	if held.count != 0 {
		t.Error(held.count)
	}
}

// A command that ends by itself is not ended.
func TestStopped(t *testing.T) {
	release := Hold() // however slow this machine is
	ctx, stop := Context(context.Background(), func() { t.Error("ended") })
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	stop()
	release()
	<-time.After(2 * Patience)
}
