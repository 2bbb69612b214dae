package seal

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// SignatureFile is the seal's signature, and SignatureSpace its namespace
// (ssh-keygen(1), -Y sign).
const (
	SignatureFile  = facts.SignatureFile
	SignatureSpace = "nixbatch-record"
)

// Sign signs the seal of a run directory with an SSH key: the file of a private
// key, or of a public one whose private half an agent holds. A seal that is
// signed yields ErrExists.
func Sign(ctx context.Context, run proc.Runner, dir, key string) error {
	seal, sig := filepath.Join(dir, SealFile), filepath.Join(dir, SignatureFile)
	if there, err := durable.There(sig); err != nil {
		return fmt.Errorf("signature: %w", err)
	} else if there {
		return fmt.Errorf("signature: %w", durable.ErrExists)
	}
	if _, err := run.Run(ctx, proc.Cmd{Path: "ssh-keygen", Args: []string{"-q", "-Y", "sign", "-f", key, "-n", SignatureSpace, seal}}); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return durable.SyncDir(dir)
}
