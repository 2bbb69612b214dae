package nix

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Version is the version of a Nix.
type Version struct {
	Raw     string // what it printed, "nix-instantiate (Lix, like Nix) 2.91.1"
	Flavour string // "Nix", "Lix" or "Determinate Nix"
	Parts   []int  // 2, 91, 1: of the Nix interface, also for the others
}

// The three forms of --version: "nix (Nix) 2.8.0", "nix (Lix, like Nix) 2.91.1",
// "nix (Determinate Nix 3.4.1) 2.28.2"; a version may end in "pre2024_abc".
var versionRe = lazyre.New(`^\S+ \(([^)]*)\) (\d+(?:\.\d+)*)`)

// ParseVersion reads what a Nix program prints for --version.
func ParseVersion(s string) (Version, error) {
	s = strings.TrimSpace(s)
	m := versionRe.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("version of Nix %q is in no known form", s)
	}
	v := Version{Raw: s, Flavour: "Nix"}
	switch {
	case strings.HasPrefix(m[1], "Lix"):
		v.Flavour = "Lix"
	case strings.HasPrefix(m[1], "Determinate"):
		v.Flavour = "Determinate Nix"
	}
	for _, p := range strings.Split(m[2], ".") {
		n, err := strconv.Atoi(p)
		if err != nil {
			return Version{}, fmt.Errorf("version of Nix %q: %w", s, err)
		}
		v.Parts = append(v.Parts, n)
	}
	return v, nil
}

// String is the version's number, "2.8.0".
func (v Version) String() string {
	words := make([]string, len(v.Parts))
	for i, p := range v.Parts {
		words[i] = strconv.Itoa(p)
	}
	return strings.Join(words, ".")
}

// AtLeast reports whether v is min ("2.18") or newer; a min that is not a
// number with dots is taken as met by none.
func (v Version) AtLeast(min string) bool {
	for i, w := range strings.Split(min, ".") {
		want, err := strconv.Atoi(w)
		if err != nil {
			return false
		}
		have := 0
		if i < len(v.Parts) {
			have = v.Parts[i]
		}
		if have != want {
			return have > want
		}
	}
	return true
}

// Ping has Nix open its store, which starts one process: it is asked for a path
// that no store has. An error for which errors.Is(err,
// context.DeadlineExceeded) holds says that it did not answer in ctx's time.
func (n *Nix) Ping(ctx context.Context) error {
	_, err := n.run(ctx, job{phase: "query", program: n.Programs.store(),
		args: []string{"--check-validity", "--print-invalid", "/nix/store/00000000000000000000000000000000-nixbatch-ping"}})
	return err
}

// Version asks Nix which it is, once.
func (n *Nix) Version(ctx context.Context) (Version, error) {
	n.mu.Lock()
	known := n.version
	n.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	res, err := n.run(ctx, job{phase: "version", program: n.Programs.instantiate(), args: []string{"--version"}})
	if err != nil {
		return Version{}, err
	}
	v, err := ParseVersion(strings.SplitN(string(res.stdout), "\n", 2)[0])
	if err != nil {
		return Version{}, &Error{Phase: "version", Message: err.Error(), Err: err}
	}
	n.mu.Lock()
	n.version = &v
	n.mu.Unlock()
	return v, nil
}
