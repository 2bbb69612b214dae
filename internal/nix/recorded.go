package nix

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/nixbatch/nixbatch/internal/nixsource"
)

// Recorded is an expression written by an earlier nixbatch, to be evaluated as
// it stands: only its text decides. The sources are those that it names; trees
// of path and git pins among them are put into the store first.
func Recorded(text string, nixpkgs nixsource.Source, overlays []nixsource.OverlaySource) Expr {
	sum := sha256.Sum256([]byte(text))
	return Expr{Text: text, Hash: hex.EncodeToString(sum[:16]), Name: derivationName("nixbatch") + "-env",
		env: Env{Nixpkgs: nixpkgs, Overlays: overlays}}
}
