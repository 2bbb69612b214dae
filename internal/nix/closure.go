package nix

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/sri"
)

// Path is one path of a closure, as the store knows it.
type Path struct {
	Path       string   `json:"path"`
	NarHash    string   `json:"nar_hash"` // SRI
	NarSize    int64    `json:"nar_size"` // bytes
	References []string `json:"references"`
	Deriver    string   `json:"deriver"` // store path of a .drv; "" when not known
}

const dumpAtOnce = 1000 // paths an nix-store gets as arguments

// Closure is everything a store path needs at run time, itself included,
// sorted by path: from nix-store -qR, and --dump-db of those paths.
func (n *Nix) Closure(ctx context.Context, out string) ([]Path, error) {
	a, err := n.run(ctx, job{phase: "query", program: n.Programs.store(), args: []string{"--query", "--requisites", out}})
	if err != nil {
		return nil, err
	}
	names := strings.Fields(string(a.stdout))
	var paths []Path
	for len(names) > 0 {
		k := min(len(names), dumpAtOnce)
		a, err := n.run(ctx, job{phase: "query", program: n.Programs.store(), args: append([]string{"--dump-db"}, names[:k]...)})
		if err != nil {
			return nil, err
		}
		more, err := parseDump(strings.NewReader(string(a.stdout)))
		if err != nil {
			return nil, &Error{Phase: "query", Message: err.Error(), Err: err}
		}
		paths, names = append(paths, more...), names[k:]
	}
	sort.Slice(paths, func(i, j int) bool { return paths[i].Path < paths[j].Path })
	return paths, nil
}

// parseDump reads nix-store --dump-db: for each path its name, hash in base
// 16, size, deriver or nothing, the number of references, and those, a line
// each (nix: Store::makeValidityRegistration).
func parseDump(r io.Reader) ([]Path, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	next := func() (string, error) {
		if in.Scan() {
			return in.Text(), nil
		}
		if err := in.Err(); err != nil {
			return "", fmt.Errorf("dump of the store: %w", err)
		}
		return "", fmt.Errorf("dump of the store ends early")
	}
	var paths []Path
	for in.Scan() {
		p := Path{Path: in.Text(), References: []string{}}
		var line [4]string
		for i := range line {
			var err error
			if line[i], err = next(); err != nil {
				return nil, err
			}
		}
		digest, err := hex.DecodeString(line[0])
		if err != nil || len(digest) != 32 {
			return nil, fmt.Errorf("dump of the store: %q is no SHA-256 of %s", line[0], p.Path)
		}
		p.NarHash, p.Deriver = sri.Format(digest), line[2]
		if p.NarSize, err = strconv.ParseInt(line[1], 10, 64); err != nil {
			return nil, fmt.Errorf("dump of the store: size of %s: %w", p.Path, err)
		}
		count, err := strconv.Atoi(line[3])
		if err != nil {
			return nil, fmt.Errorf("dump of the store: references of %s: %w", p.Path, err)
		}
		for range count {
			ref, err := next()
			if err != nil {
				return nil, err
			}
			p.References = append(p.References, ref)
		}
		paths = append(paths, p)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("dump of the store: %w", err)
	}
	return paths, nil
}

func lastLines(s string, k int) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return lines[max(0, len(lines)-k):]
}
