package command

import (
	"context"
	"fmt"

	"github.com/nixbatch/nixbatch/internal/finish"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/ui"
)

// SealOver seals what is over. That it cannot be done must not stop a command
// that has something else to do; it is tried again with the next.
func SealOver(ctx context.Context, s Streams, states []status.Status) {
	TellUnsealed(s, finish.SealOver(context.WithoutCancel(ctx), NewClient(), states, About()))
}

// TellUnsealed says why a run that is over could not be sealed.
func TellUnsealed(s Streams, err error) {
	if err != nil {
		ui.PrintError(s.Err, fmt.Errorf("the record could not be sealed: %w", err))
	}
}
