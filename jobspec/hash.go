package jobspec

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/nix-community/go-nix/pkg/nixbase32"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// sriRE is the shape of a SHA-256 in the notation of the W3C's Subresource
// Integrity, as Nix prints it.
var sriRE = lazyre.New(`^sha256-[A-Za-z0-9+/]{43}=$`)

// checkHash says what is wrong with a hash, and how to write it right.
func checkHash(s string) (problem, hint string) {
	if isSRI(s) {
		return "", ""
	}
	if sri := toSRI(s); sri != "" {
		return "is not written as sha256-…", "write " + sri
	}
	for _, other := range []string{"md5", "sha1", "sha512", "blake3"} {
		if strings.HasPrefix(s, other+"-") || strings.HasPrefix(s, other+":") {
			return "is a hash of another kind: a pin needs a SHA-256", ""
		}
	}
	if strings.HasPrefix(s, "sha256-") {
		return "is cut off or mistyped: after sha256- come 43 characters of base64 and a =", ""
	}
	return "is not a hash: expected sha256-…", ""
}

func isSRI(s string) bool {
	if !sriRE.MatchString(s) {
		return false
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(s[len("sha256-"):])
	return err == nil && len(sum) == 32
}

// toSRI converts the other ways in which a SHA-256 is written: hexadecimal,
// nix32 and base64, each with or without "sha256:" before it. It is "" if s is
// none of these.
func toSRI(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "sha256:"), "sha256-")
	var sum []byte
	var err error
	switch len(s) {
	case 64:
		sum, err = hex.DecodeString(s)
	case 52:
		sum, err = nixbase32.DecodeString(s)
	case 44:
		sum, err = base64.StdEncoding.Strict().DecodeString(s)
	}
	if err != nil || len(sum) != 32 {
		return ""
	}
	return "sha256-" + base64.StdEncoding.EncodeToString(sum)
}
