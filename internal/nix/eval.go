package nix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/nixstore"
)

// Instantiate evaluates an expression to its derivation. The answer is
// remembered under Dir/eval by the text of the expression: as long as the .drv
// is in the store no process is started. What path and git pins name is put
// into the store first, the rest Nix fetches itself.
func (n *Nix) Instantiate(ctx context.Context, ex Expr) (Derivation, error) {
	if ex.err != nil {
		return Derivation{}, ex.err
	}
	if d, ok := n.instantiated(ex); ok {
		return d, nil
	}
	stdout, err := n.evaluate(ctx, ex, nil)
	if err != nil {
		return Derivation{}, n.suggest(ctx, ex, err)
	}
	return n.keepDrv(ex, lastLine(stdout))
}

// instantiated is the derivation of an expression that was evaluated before.
func (n *Nix) instantiated(ex Expr) (d Derivation, ok bool) {
	if ex.err != nil || !n.recall(ex.Hash, &d) {
		return d, false
	}
	_, err := os.Lstat(d.Drv)
	return d, err == nil
}

// keepDrv remembers what an expression was evaluated to.
func (n *Nix) keepDrv(ex Expr, path string) (d Derivation, err error) {
	d.Drv = path
	if !nixstore.IsPath(d.Drv) || !strings.HasSuffix(d.Drv, ".drv") {
		return Derivation{}, &Error{Phase: "evaluate", Message: fmt.Sprintf("nix-instantiate printed %q where a derivation was expected", d.Drv)}
	}
	drv, err := nixgraph.ReadDerivation(d.Drv)
	if err != nil {
		return Derivation{}, &Error{Phase: "evaluate", Message: err.Error(), Err: err}
	}
	d.Out = drv.Outputs["out"].Path
	return d, n.remember(ex.Hash, d)
}

var jsonArgs = []string{"--eval", "--strict", "--json"}

// evaluate gives the text to nix-instantiate and returns what it prints.
func (n *Nix) evaluate(ctx context.Context, ex Expr, args []string) ([]byte, error) {
	sources := ex.sources()
	if err := n.provide(ctx, sources, false); err != nil {
		return nil, err
	}
	call := func() (answer, error) {
		return n.run(ctx, job{
			phase:   "evaluate",
			program: n.Programs.instantiate(),
			args:    append([]string{"--pure-eval", "-"}, args...),
			stdin:   strings.NewReader(ex.Text),
			log:     "evaluate-" + ex.Hash,
		})
	}
	a, err := call()
	var fetch *FetchError
	if errors.As(err, &fetch) && strings.HasPrefix(fetch.URL, nixsource.Unfetchable) {
		// The tree lies in the store without being registered there, as an
		// interrupted copy leaves it. Adding it again mends that.
		if err := n.provide(ctx, sources, true); err != nil {
			return nil, err
		}
		a, err = call()
	}
	if err != nil {
		return nil, blame(sources, err)
	}
	return a.stdout, nil
}

func (ex Expr) sources() []nixsource.Source {
	all := []nixsource.Source{ex.env.Nixpkgs}
	for _, o := range ex.env.Overlays {
		all = append(all, o.Source)
	}
	return all
}

// blame names the pin in a hash error, where Nix names its URL.
func blame(sources []nixsource.Source, err error) error {
	var e *Error
	var he *nixsource.HashError
	if !errors.As(err, &e) || !errors.As(err, &he) {
		return err
	}
	for _, s := range sources {
		if s.Hash == he.Want {
			he.What = s.Pin.GitHub + s.Pin.URL + s.Pin.Git + s.Pin.Path
			e.Message = he.Error()
		}
	}
	return e
}

func lastLine(b []byte) string {
	s := strings.TrimSpace(string(b))
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// recall reads what was remembered for a text; a damaged memory is none.
func (n *Nix) recall(hash string, v any) bool {
	data, err := durable.ReadFile(n.memory(hash))
	return err == nil && json.Unmarshal(data, v) == nil
}

func (n *Nix) remember(hash string, v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(n.memory(hash)), 0o700)
	}
	if err == nil {
		err = renameio.WriteFile(n.memory(hash), append(data, '\n'), 0o600)
	}
	if err != nil {
		return &Error{Phase: "evaluate", Message: "result of the evaluation cannot be kept: " + err.Error(), Err: err,
			Way: "nixbatch keeps it in " + n.Dir}
	}
	return nil
}

func (n *Nix) memory(hash string) string { return filepath.Join(n.Dir, "eval", hash+".json") }
