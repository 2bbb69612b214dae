package jobspec_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/jobspec"
)

// A pin as "nixbatch init" leaves it is told how to be filled, once.
func TestEmptyPin(t *testing.T) {
	_, err := jobspec.Parse("x.yaml", []byte("name: x\nenvironment:\n  nixpkgs:\n    github: NixOS/nixpkgs\n    rev:\n    hash:\n  packages: [hello]\nrun: hello\n"))
	want := "x.yaml:5:9: environment.nixpkgs.rev: expected a commit, found nothing\n" +
		"  hint: nixbatch pin github:NixOS/nixpkgs/REV prints the pin to paste here\n" +
		"x.yaml:6:10: environment.nixpkgs.hash: expected a hash, sha256-…, found nothing"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
