package nix

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// job is one call of a Nix program.
type job struct {
	phase   string
	program string
	args    []string
	stdin   io.Reader
	dir     string
	// log names the file of LogDir that gets the log if it fails; "": none.
	log string
	// plain keeps stderr as it is: no --log-format internal-json.
	plain bool
	bare  bool // no Wrapper: not a Nix program
}

type answer struct {
	stdout []byte
	stderr string // plain text
}

func (p Programs) instantiate() string { return or(p.Instantiate, "nix-instantiate") }
func (p Programs) store() string       { return or(p.Store, "nix-store") }
func (p Programs) git() string         { return or(p.Git, "git") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// dropped are the variables that would make an evaluation or a build depend on
// who runs it. What says where Nix is and how it reaches the network stays.
var dropped = []string{
	"NIXPKGS_CONFIG", "NIX_PATH", "NIX_BUILD_SHELL", "NIX_BUILD_CORES", "IN_NIX_SHELL", "NIX_PROFILES",
	"NIX_INDENT_MAKE", "NIX_SHOW_STATS", "NIX_COUNT_CALLS", "GC_INITIAL_HEAP_SIZE", "NIX_LOG_FD",
}

// cleanEnviron is the environment for Nix, with an empty NIX_PATH.
func cleanEnviron(environ []string) []string {
	out := make([]string, 0, len(environ)+1)
	for _, kv := range environ {
		k, _, _ := strings.Cut(kv, "=")
		if slices.Contains(dropped, k) || strings.HasPrefix(k, "NIXPKGS_ALLOW_") {
			continue
		}
		out = append(out, kv)
	}
	return append(out, "NIX_PATH=")
}

func (n *Nix) environ() []string {
	if n.Environ == nil {
		return cleanEnviron(os.Environ())
	}
	return cleanEnviron(n.Environ)
}

// getenv reads a variable of the environment Nix would get.
func (n *Nix) getenv(key string) string {
	if n.Environ == nil {
		return os.Getenv(key)
	}
	value := ""
	for _, kv := range n.Environ {
		if k, v, _ := strings.Cut(kv, "="); k == key {
			value = v
		}
	}
	return value
}

func (n *Nix) runner() proc.Runner {
	if n.Runner == nil {
		return proc.System{}
	}
	return n.Runner
}

// run runs one program to its end. A failure is an *Error.
func (n *Nix) run(ctx context.Context, j job) (answer, error) {
	c := proc.Cmd{Path: j.program, Args: j.args, Env: n.environ(), Dir: j.dir, Stdin: j.stdin,
		// git may ask for a password at the terminal; Nix does not.
		Own: !j.bare}
	if w := n.Programs.Wrapper; len(w) > 0 && !j.bare {
		c.Path, c.Args = w[0], append(append(append([]string{}, w[1:]...), j.program), j.args...)
	}
	var log *nixlog.LogReader
	if j.phase == "evaluate" || j.phase == "build" {
		log = nixlog.NewLogReader(n.Progress)
		c.Stderr = log
		if !j.plain {
			c.Args = append(c.Args, "--log-format", "internal-json")
		}
	}
	res, err := n.runner().Run(ctx, c)
	a := answer{stdout: res.Stdout, stderr: nixlog.AnsiRe.ReplaceAllString(string(res.Stderr), "")}
	var tails map[string][]string
	if log != nil {
		log.Close()
		a.stderr, tails = log.Text(), log.Tails()
	}
	if err == nil {
		return a, nil
	}
	e := explain(ctx, j.phase, a.stderr, tails, err)
	if j.log != "" && ctx.Err() == nil && a.stderr != "" {
		file, werr := n.writeLog(j.log, c.String()+"\n"+a.stderr)
		if werr == nil {
			e.LogFile = file
		}
	}
	return a, e
}

// writeLog keeps the log of a failure, under a name that the same failure has
// again.
func (n *Nix) writeLog(name, text string) (string, error) {
	dir := n.LogDir
	if dir == "" {
		dir = filepath.Join(n.Dir, "logs")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("log of Nix: %w", err)
	}
	file := filepath.Join(dir, name+".log")
	if err := renameio.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("log of Nix: %w", err)
	}
	return file, nil
}
