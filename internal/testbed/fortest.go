package testbed

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
)

// shared is the cluster of this test run.
var shared struct {
	sync.Mutex
	cluster *Cluster
	err     error
	ctx     context.Context
	cancel  context.CancelFunc
}

func init() { shared.ctx, shared.cancel = context.WithCancel(context.Background()) }

// ForTest returns the default cluster, one for all tests of a package, started
// when it is first asked for. A cluster that cannot start fails the test. Give
// the package a TestMain that calls Main, which stops it; without that the
// watchdog does, after the test program has ended.
func ForTest(t testing.TB) *Cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = Start(shared.ctx, Options{})
	}
	if shared.err != nil {
		msg := shared.err.Error()
		var h interface{ Hint() string }
		if errors.As(shared.err, &h) {
			msg += "\nhint: " + h.Hint()
		}
		t.Fatalf("testbed: %s", msg)
	}
	return shared.cluster
}

// Main runs the tests of a package and stops the cluster that ForTest started:
// at the end, and before SIGINT, SIGTERM or SIGHUP ends the program. It does
// not return.
//
//	func TestMain(m *testing.M) { testbed.Main(m) }
func Main(m *testing.M) {
	sigs := make(chan os.Signal, 1)
	signal.Notify(sigs, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		sig := <-sigs
		stopShared()
		signal.Reset()
		syscall.Kill(os.Getpid(), sig.(syscall.Signal))
	}()
	code := m.Run()
	if err := stopShared(); err != nil {
		os.Stderr.WriteString("testbed: stop: " + err.Error() + "\n")
		code = max(code, 1)
	}
	os.Exit(code)
}

func stopShared() error {
	shared.cancel() // a Start under way gives up, and tidies
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return nil
	}
	return shared.cluster.Stop()
}
