package nix

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/nixlang"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/jobspec"
)

// roundTrip has the real Nix read what quoteValue wrote.
func roundTrip(t testing.TB, n *Nix, v any) any {
	t.Helper()
	text, err := nixlang.QuoteValue(v, "")
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := n.evaluate(context.Background(), Expr{Text: text, Hash: "test"}, jsonArgs)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var got any
	d := json.NewDecoder(strings.NewReader(string(stdout)))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

var hostileStrings = []string{
	"", " ", "-n", "a\"b", "a'b", "''", "'''", "\\", "\\\\", "${x}", "$${x}", "\\${x}", "$", "$$", "${", "a$",
	"$(touch /tmp/never)", "`touch /tmp/never`", "line\nline", "\r\n", "\r", "\t", "\x01\x7f", "ünïcode ☃", "in", "rec",
	"*/", "# no comment", "/* */", "//", "''${", "''\\n", "\\n", "<nixpkgs>", "~/x", "a;b", "{", "}", "]", ")",
}

func TestHostileStrings(t *testing.T) {
	n, _ := testNix(t)
	set, list := map[string]any{}, []any{}
	for _, s := range hostileStrings {
		set[s] = s
		list = append(list, s)
	}
	if diff := cmp.Diff(any(map[string]any{"set": set, "list": list}), roundTrip(t, n, map[string]any{"set": set, "list": list})); diff != "" {
		t.Error(diff)
	}
}

func TestAnyStringSurvives(t *testing.T) {
	n, _ := testNix(t)
	part := rapid.SampledFrom([]string{"$", "{", "}", "\\", "\"", "'", "''", "\n", "\r", "n", "r", "t", "é", " ", "a", "${", "#", "`"})
	samples := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 12).Draw(rt, "parts"), "")
	}), 2000, 2000).Example(1)
	list := make([]any, len(samples))
	for i, s := range samples {
		list[i] = s
	}
	if diff := cmp.Diff(any(list), roundTrip(t, n, list)); diff != "" { // one process for all of them
		t.Error(diff)
	}
}

func TestValues(t *testing.T) {
	n, _ := testNix(t)
	in := map[string]any{
		"a": nil, "b": true, "c": int64(math.MinInt64), "d": int64(math.MaxInt64), "e": -3, "f": []any{}, "g": map[string]any{},
		"h": []any{-1, -1.5, []any{1}, map[string]any{"with": "x", "a b": 1}}, "i": 1e300, "j": 0.25, "k": 3.0,
	}
	want := `{"a":null,"b":true,"c":-9223372036854775808,"d":9223372036854775807,"e":-3,"f":[],"g":{},` +
		`"h":[-1,-1.5,[1],{"a b":1,"with":"x"}],"i":1e+300,"j":0.25,"k":3}`
	got, err := json.Marshal(roundTrip(t, n, in))
	if err != nil {
		t.Fatal(err)
	}
	if s := strings.ReplaceAll(string(got), "3.0", "3"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	for _, bad := range []any{math.NaN(), math.Inf(1), "a\x00b", map[string]any{"a\x00": 1}, struct{}{}, []any{uint64(math.MaxUint64)}} {
		if text, err := nixlang.QuoteValue(bad, ""); err == nil {
			t.Errorf("%v became %s", bad, text)
		}
	}
}

func pinned(url string) nixsource.Source {
	return nixsource.Source{URL: url, Hash: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
}

// The text is a function of the environment alone; each part of it that could
// change the derivation changes the text.
func TestExpressionText(t *testing.T) {
	base := func() Env {
		return Env{Name: "water scf", System: "x86_64-linux", Nixpkgs: pinned("https://example.org/a.tar.gz"),
			Config: map[string]any{"b": 1, "a": map[string]any{"y": 1, "x": 2}}, Packages: []string{"hello"},
			Arch: "haswell", Tune: "haswell", OptimizePackages: []string{"fftw"}, OptimizeConfig: "qchem-config.optArch"}
	}
	one := Expression(base())
	for range 20 {
		if Expression(base()).Text != one.Text {
			t.Fatal("the same environment gave another text")
		}
	}
	seen := map[string]string{one.Hash: "base"}
	for name, change := range map[string]func(*Env){
		"name": func(e *Env) { e.Name = "x" }, "system": func(e *Env) { e.System = "aarch64-linux" },
		"pin": func(e *Env) { e.Nixpkgs = pinned("https://example.org/b.tar.gz") }, "arch": func(e *Env) { e.Arch = "znver4" },
		"generic": func(e *Env) { e.Arch = "generic" }, "tune": func(e *Env) { e.Tune = "generic" },
		"packages": func(e *Env) { e.Packages = nil }, "optimize": func(e *Env) { e.OptimizePackages = []string{"blas"} },
		"option": func(e *Env) { e.OptimizeConfig = "a.z" }, "tests": func(e *Env) { e.NoTests = true },
		"config": func(e *Env) { e.Config["b"] = 2 }, "everywhere": func(e *Env) { e.Everywhere = true },
		"overlay": func(e *Env) { e.Overlays = []nixsource.OverlaySource{{Source: pinned("https://example.org/o")}} },
		"file": func(e *Env) {
			e.Overlays = []nixsource.OverlaySource{{Source: pinned("https://example.org/o"), File: "overlay.nix"}}
		},
	} {
		e := base()
		change(&e)
		h := Expression(e).Hash
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the text of %s", name, other)
		}
		seen[h] = name
	}
	if one.Name != "water-scf-env" {
		t.Errorf("name %q", one.Name)
	}
	if strings.Contains(Expression(Env{Nixpkgs: nixsource.Source{Tree: "/home/someone"}}).Text, "/home/someone") {
		t.Error("the text names a directory of this machine")
	}
	generic, none := base(), base()
	generic.Arch, none.Arch = "generic", ""
	generic.Tune, none.Tune = "", ""
	none.NoTests = true
	none.OptimizePackages = nil
	if Expression(generic).Text != Expression(none).Text {
		t.Error("without an arch the optimised packages still count")
	}
}

func TestConfigOption(t *testing.T) {
	config := map[string]any{"allowUnfree": true, "deep": map[string]any{"a": 1}}
	for _, c := range []struct{ option, want, err string }{
		{"optArch", `{"allowUnfree":true,"deep":{"a":1},"optArch":"znver3"}`, ""},
		{"qchem-config.optArch", `{"allowUnfree":true,"deep":{"a":1},"qchem-config":{"optArch":"znver3"}}`, ""},
		{"deep.b.c", `{"allowUnfree":true,"deep":{"a":1,"b":{"c":"znver3"}}}`, ""},
		{"allowUnfree.x", "", "config.allowUnfree is no set"},
		{"deep.a", "", "is set in environment.config too"},
	} {
		got, err := Env{Arch: "znver3", Config: config, OptimizeConfig: c.option}.config()
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v", c.option, err)
			}
			continue
		}
		js, _ := json.Marshal(got)
		if err != nil || string(js) != c.want {
			t.Errorf("%s: %s, %v", c.option, js, err)
		}
	}
	if js, _ := json.Marshal(config); string(js) != `{"allowUnfree":true,"deep":{"a":1}}` {
		t.Errorf("the caller's configuration was changed: %s", js)
	}
}

func TestDerivationName(t *testing.T) {
	for in, want := range map[string]string{
		"water-scf": "water-scf", "": "job", "...": "job", "Größe 1": "Gr-e-1", "a/b": "a-b", "$(x)": "x",
		strings.Repeat("x", 300): strings.Repeat("x", 100), "v1.2": "v1-2", "\n": "job",
	} {
		if got := derivationName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSplitAttr(t *testing.T) {
	for in, want := range map[string][]string{
		"hello": {"hello"}, "python3Packages.numpy": {"python3Packages", "numpy"}, `a."b.c".d`: {"a", "b.c", "d"},
	} {
		if diff := cmp.Diff(want, nixlang.SplitAttr(in)); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

// What cannot be written is an error of whoever evaluates, never a wrong text.
func TestUnwritable(t *testing.T) {
	n, c := testNix(t)
	e := Env{Name: "x", Config: map[string]any{"a": "b\x00c"}, Nixpkgs: nixsource.Source{Pin: jobspec.Pin{}}}
	if _, err := n.Instantiate(context.Background(), Expression(e)); err == nil {
		t.Error("a NUL byte was evaluated")
	}
	if _, err := n.Info(context.Background(), e); err == nil {
		t.Error("a NUL byte was evaluated")
	}
	if _, ok := n.Ready(Expression(e)); ok || c.count() > 0 {
		t.Error("a NUL byte is ready, or Nix was started")
	}
}
