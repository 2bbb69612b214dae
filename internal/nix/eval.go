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
	"github.com/nix-community/go-nix/pkg/storepath"

	"github.com/nixbatch/nixbatch/internal/durable"
)

// Instantiate evaluates an expression to its derivation. The answer is
// remembered under Dir/eval by the text of the expression: as long as the .drv
// is in the store no process is started. What path and git pins name is put
// into the store first, the rest Nix fetches itself.
func (n *Nix) Instantiate(ctx context.Context, ex Expr) (Derivation, error) {
	if ex.err != nil {
		return Derivation{}, ex.err
	}
	var d Derivation
	if n.recall(ex.Hash, &d) {
		if _, err := os.Lstat(d.Drv); err == nil {
			return d, nil
		}
	}
	stdout, err := n.evaluate(ctx, ex, nil)
	if err != nil {
		return Derivation{}, n.suggest(ctx, ex, err)
	}
	d.Drv = lastLine(stdout)
	if !storepath.PathRe.MatchString(d.Drv) || !strings.HasSuffix(d.Drv, ".drv") {
		return Derivation{}, &Error{Phase: "evaluate", Message: fmt.Sprintf("nix-instantiate printed %q where a derivation was expected", d.Drv)}
	}
	drv, err := readDrv(d.Drv)
	if err != nil {
		return Derivation{}, &Error{Phase: "evaluate", Message: err.Error(), Err: err}
	}
	d.Out = drv.Outputs["out"].Path
	return d, n.remember(ex.Hash, d)
}

// Info asks the pin of e about itself; the answer holds for every Arch and
// every set of packages, and is remembered. A Nix older than the pin asks for
// is refused before the pin is evaluated (*TooOld).
func (n *Nix) Info(ctx context.Context, e Env) (PinInfo, error) {
	bare := Env{System: e.System, Nixpkgs: e.Nixpkgs, Overlays: e.Overlays, Config: e.Config}
	ex := expression(bare, "about")
	if ex.err != nil {
		return PinInfo{}, ex.err
	}
	var info PinInfo
	if n.recall(ex.Hash, &info) {
		return info, nil
	}
	version, err := n.Version(ctx)
	if err != nil {
		return PinInfo{}, err
	}
	info = PinInfo{System: e.System, NixVersion: version.String()}
	if info.MinNix, err = n.minNix(ctx, e.Nixpkgs); err != nil {
		return PinInfo{}, err
	}
	if info.MinNix != "" && !version.AtLeast(info.MinNix) {
		old := &TooOld{Have: version.String(), Want: info.MinNix}
		return PinInfo{}, &Error{Phase: "version", Message: old.Error(), Err: old,
			Way: "use a newer Nix, or pin an older nixpkgs (its lib/minver.nix says what it needs)"}
	}
	stdout, err := n.evaluate(ctx, ex, jsonArgs)
	if err != nil {
		return PinInfo{}, err
	}
	var about struct {
		GCC    string   `json:"gcc"`
		Arches []string `json:"arches"`
	}
	if err := json.Unmarshal(stdout, &about); err != nil {
		return PinInfo{}, &Error{Phase: "evaluate", Message: "what the pin says about itself cannot be read: " + err.Error(), Err: err}
	}
	info.GCC, info.Arches = about.GCC, about.Arches
	return info, n.remember(ex.Hash, info)
}

var jsonArgs = []string{"--eval", "--strict", "--json"}

// minNix reads lib/minver.nix of a pin; "" when it has none.
func (n *Nix) minNix(ctx context.Context, s Source) (string, error) {
	ex := expression(Env{Nixpkgs: s}, "about") // for its name and its sources
	ex.Text = "let\n  tree = fetchTarball { name = \"source\"; url = " + quoteString(s.URL) + "; sha256 = " + quoteString(s.Hash) +
		"; };\nin\nif builtins.pathExists (tree + \"/lib/minver.nix\") then import (tree + \"/lib/minver.nix\") else \"\"\n"
	stdout, err := n.evaluate(ctx, ex, jsonArgs)
	if err != nil {
		return "", err
	}
	var min string
	if err := json.Unmarshal(stdout, &min); err != nil {
		return "", &Error{Phase: "evaluate", Message: "lib/minver.nix of the pin is no version: " + err.Error(), Err: err}
	}
	return min, nil
}

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
	if errors.As(err, &fetch) && strings.HasPrefix(fetch.URL, unfetchable) {
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

func (ex Expr) sources() []Source {
	all := []Source{ex.env.Nixpkgs}
	for _, o := range ex.env.Overlays {
		all = append(all, o.Source)
	}
	return all
}

// blame names the pin in a hash error, where Nix names its URL.
func blame(sources []Source, err error) error {
	var e *Error
	var he *HashError
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
