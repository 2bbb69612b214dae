package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// FollowLog copies a log, or what else a task's open finds, as it grows, until the
// run, or its task, is over.
func FollowLog(ctx context.Context, out io.Writer, w status.Watcher, r rundir.Run, task int, p ledger.About, open func(task int) (*os.File, error)) error {
	over := make(chan error, 1)
	go func() {
		_, err := status.WaitTask(ctx, w, r, task, p, nil, nil)
		over <- err
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var f *os.File
	for last := false; ; {
		if f == nil {
			var err error // it is not there before the job starts
			if f, err = open(task); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("log: %w", err)
			}
		}
		if f != nil {
			if _, err := io.Copy(out, f); err != nil {
				return fmt.Errorf("log: %w", err)
			}
		}
		if last {
			return nil
		}
		select {
		case err := <-over:
			if err != nil {
				return err
			}
			last = true
		case <-tick.C:
		}
	}
}
