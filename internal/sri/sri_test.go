package sri

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// The notations of a hash are those that Nix itself writes.
func TestHashNotationsAgainstNix(t *testing.T) {
	dir := t.TempDir()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NIX_CONF_DIR=" + dir}
	for i := range 4 {
		sum := sha256.Sum256(fmt.Appendf(nil, "tree %d", i))
		hexed := hex.EncodeToString(sum[:])
		res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: "nix-hash", Args: []string{"--type", "sha256", "--to-base32", hexed}, Env: env})
		if err != nil {
			t.Fatal(err)
		}
		nix32 := strings.TrimSpace(string(res.Stdout))
		want := "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
		for _, s := range []string{hexed, nix32, "sha256:" + nix32, "sha256:" + hexed, "sha256-" + hexed, strings.TrimPrefix(want, "sha256-")} {
			if got := Of(s); got != want {
				t.Errorf("toSRI(%q) = %q, want %q", s, got, want)
			}
			if problem, hint := Check(s); problem == "" || hint != "write "+want {
				t.Errorf("checkHash(%q) = %q, %q", s, problem, hint)
			}
		}
		if problem, _ := Check(want); problem != "" {
			t.Errorf("checkHash(%q) = %q", want, problem)
		}
	}
	// The last character carries two bits that have to be zero.
	if Is("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=") {
		t.Error("a hash with stray bits is taken")
	}
}
