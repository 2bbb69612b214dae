package nix

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixlog"
)

// What a binary cache has is fetched, told apart and sized; the events of the
// fetch arrive.
func TestCostOfFetching(t *testing.T) {
	ctx := context.Background()
	cache := t.TempDir()
	n, _ := testNix(t, "substituters = file://"+cache, "require-sigs = false")
	e := minipkgs(t, `final: prev:
	  let make = name: final.stdenv.mkDerivation { inherit name; unique = "`+cache+`"; buildCommand = "mkdir $out; seq 100000 > $out/numbers"; };
	  in { fetched = make "fetched"; built = make "built"; }`)
	e.Packages = []string{"fetched", "built"}
	ex, d := instantiate(t, n, e)
	g, err := n.Graph(d.Drv)
	if err != nil {
		t.Fatal(err)
	}
	for drv, node := range g.Nodes {
		if node.Name == "fetched" {
			mustRun(t, append(n.environ(), "NIX_CONFIG=substituters ="), "nix-store", "--realise", drv)
			mustRun(t, n.environ(), "nix", "--extra-experimental-features", "nix-command", "copy", "--to", "file://"+cache, node.Outputs["out"])
			mustRun(t, n.environ(), "nix-store", "--delete", node.Outputs["out"])
		}
	}
	cost, err := n.Cost(ctx, d.Drv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"built", "test-env"}, cost.BuildNames); diff != "" || cost.Fetch != 1 || cost.Present < 2 {
		t.Errorf("%+v\n%s", cost, diff)
	}
	if cost.FetchUnpacked < 500_000 || cost.FetchUnpacked > 700_000 || cost.FetchDownload <= 0 || cost.FetchDownload >= cost.FetchUnpacked {
		t.Errorf("%d bytes to fetch, %d unpacked; the file has 588895", cost.FetchDownload, cost.FetchUnpacked)
	}
	seen := map[string]bool{}
	n.Progress = func(e nixlog.Event) {
		if e.Kind == "start" || e.Kind == "done" {
			what := e.Kind + " building "
			if e.Fetch {
				what = e.Kind + " fetching "
			}
			seen[what+e.Name] = true
		}
		if e.Kind == "builds" && e.Done == 2 && e.Total == 2 {
			seen["all built"] = true
		}
	}
	if file := os.Getenv("NIXBATCH_RECORD"); file != "" {
		record(t, n, file)
	}
	if _, err := n.Realise(ctx, ex, d); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"start fetching fetched", "done fetching fetched", "start building built", "done building test-env", "all built"} {
		if !seen[want] {
			t.Errorf("no event %q among %v", want, seen)
		}
	}
}

// record keeps the stderr of the next program in a file: how testdata was made.
func record(t *testing.T, n *Nix, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	n.Runner = recorder{n.Runner, f}
}

// The words of other versions of Nix for the same.
func TestDryRunForms(t *testing.T) {
	const a, b = "/nix/store/00000000000000000000000000000000-a.drv", "/nix/store/00000000000000000000000000000000-b.drv"
	g := &nixgraph.Graph{Root: a, Nodes: map[string]nixgraph.Node{
		a: {Drv: a, Name: "a", Inputs: map[string][]string{b: {"out"}}},
		b: {Drv: b, Name: "b", Outputs: map[string]string{"out": "/nix/store/00000000000000000000000000000000-b"}},
	}}
	for _, c := range []struct {
		text string
		want Cost
	}{
		{"", Cost{Present: 1, FetchDownload: -1, FetchUnpacked: -1}},
		{"this derivation will be built:\n  " + a + "\n", Cost{1, 0, 1, -1, -1, []string{"a"}}},
		{"these derivations will be built:\n  " + a + "\n  " + b + "\n", Cost{0, 0, 2, -1, -1, []string{"a", "b"}}},
		{"these 2 derivations will be built:\n  " + b + "\n  " + a + "\nwarning: x\n", Cost{0, 0, 2, -1, -1, []string{"a", "b"}}},
		{"this derivation will be built:\n  " + a + "\nthis path will be fetched (0.50 MiB download, 2.00 MiB unpacked):\n  /nix/store/00000000000000000000000000000000-b\n",
			Cost{0, 1, 1, 524288, 2097152, []string{"a"}}},
		{"this derivation will be built:\n  " + a + "\nthese 2 paths will be fetched (1.5 KiB download, 1.0 GiB unpacked):\n  /nix/store/00000000000000000000000000000000-b\n  /nix/store/00000000000000000000000000000000-c\n",
			Cost{0, 2, 1, 1536, 1 << 30, []string{"a"}}},
		{"these paths will be fetched:\n  /nix/store/00000000000000000000000000000000-b\n", Cost{1, 1, 0, -1, -1, nil}},
	} {
		got, err := costOf(g, c.text)
		if err != nil || cmp.Diff(c.want, got) != "" {
			t.Errorf("%q: %v\n%s", c.text, err, cmp.Diff(c.want, got))
		}
	}
	if c, err := costOf(g, "this derivation will be built:\n  /nix/store/00000000000000000000000000000000-alien.drv\n"); err == nil {
		t.Errorf("a derivation from elsewhere was counted: %+v", c)
	}
}

func TestGraphErrors(t *testing.T) {
	n, _ := testNix(t)
	for _, bad := range []string{"", "/etc/passwd", "/nix/store/00000000000000000000000000000000-gone.drv", "/nix/store/../etc/x.drv", filepath.Join(t.TempDir(), "x.drv")} {
		if g, err := n.Graph(bad); err == nil {
			t.Errorf("%q: %v", bad, g)
		}
	}
}
