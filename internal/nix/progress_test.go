package nix

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// recorder keeps what a program says.
type recorder struct {
	proc.Runner
	to io.Writer
}

func (r recorder) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	c.Stderr = io.MultiWriter(c.Stderr, r.to)
	return r.Runner.Run(ctx, c)
}

func events(t *testing.T, chunks ...string) (told []string, r *logReader) {
	t.Helper()
	r = newLogReader(func(e Event) {
		s := e.Kind + " " + e.Name
		switch e.Kind {
		case "start", "done":
			s += fmt.Sprintf(" fetch=%v", e.Fetch)
		case "builds", "copies":
			s += fmt.Sprintf("%d/%d", e.Done, e.Total)
		case "fetch":
			s += fmt.Sprintf(" %d/%d", e.Bytes, e.TotalBytes)
		default:
			s += " " + e.Text
		}
		told = append(told, strings.TrimSpace(s))
	})
	for _, c := range chunks {
		if _, err := io.WriteString(r, c); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	return told, r
}

// A real run of Nix 2.8.0: one package fetched from a cache, one built, then
// the environment.
func TestRecordedProgress(t *testing.T) {
	data, err := os.ReadFile("testdata/realise-2.8.0.log")
	if err != nil {
		t.Fatal(err)
	}
	told, r := events(t, string(data))
	var few []string
	for _, e := range told {
		if strings.HasPrefix(e, "start") || strings.HasPrefix(e, "done") || strings.HasPrefix(e, "phase") {
			few = append(few, e)
		}
	}
	want, err := os.ReadFile("testdata/realise-2.8.0.events")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.Join(few, "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.Contains(r.Text(), "these 2 derivations will be built:") || strings.Contains(r.Text(), "@nix") {
		t.Errorf("text:\n%s", r.Text())
	}
	// However the bytes arrive, the events are the same.
	var bytes []string
	for _, b := range data {
		bytes = append(bytes, string([]byte{b}))
	}
	again, _ := events(t, bytes...)
	if diff := cmp.Diff(told, again); diff != "" {
		t.Error(diff)
	}
}

func TestProgressForms(t *testing.T) {
	told, r := events(t, strings.Join([]string{
		`plain line`,
		`@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m it \u001b[35;1mbroke\u001b[0m"}`,
		`@nix {"action":"start","id":7,"type":105,"fields":["/nix/store/00000000000000000000000000000000-a-1.0.drv","",1,1]}`,
		`@nix {"action":"result","id":7,"type":101,"fields":["\u001b[1mcc\u001b[0m"]}`,
		`@nix {"action":"result","id":7,"type":104,"fields":["buildPhase"]}`,
		`@nix {"action":"start","id":8,"type":101,"fields":["https://x/y"]}`,
		`@nix {"action":"result","id":8,"type":105,"fields":[10,20,0,0]}`,
		`@nix {"action":"result","id":99,"type":105,"fields":["odd"]}`,
		`@nix {"action":"stop","id":8}`, `@nix {"action":"stop","id":8}`,
		`@nix {"action":"unknown"}`, `@nix not json`, ``,
		`@nix {"action":"stop","id":7}`,
	}, "\n"))
	want := []string{
		"message  plain line", "message  error: it broke", "start a-1.0 fetch=false", "log a-1.0 cc", "phase a-1.0 buildPhase",
		"start https://x/y fetch=true", "fetch https://x/y 10/20", "done https://x/y fetch=true", "message  @nix not json",
		"done a-1.0 fetch=false",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cc"}, r.Tails()["/nix/store/00000000000000000000000000000000-a-1.0.drv"]); diff != "" {
		t.Error(diff)
	}
}

func TestVersions(t *testing.T) {
	for in, want := range map[string][2]string{
		"nix (Nix) 2.8.0":                                {"Nix", "2.8.0"},
		"nix-instantiate (Nix) 2.18.9\n":                 {"Nix", "2.18.9"},
		"nix (Lix, like Nix) 2.91.1":                     {"Lix", "2.91.1"},
		"nix (Determinate Nix 3.4.1) 2.28.2":             {"Determinate Nix", "2.28.2"},
		"nix-instantiate (Nix) 2.25.0pre20240910_abcdef": {"Nix", "2.25.0"},
	} {
		v, err := ParseVersion(in)
		if err != nil || v.Flavour != want[0] || v.String() != want[1] {
			t.Errorf("%q: %+v, %v", in, v, err)
		}
	}
	for _, bad := range []string{"", "nix", "nix 2.8", "(Nix) x"} {
		if v, err := ParseVersion(bad); err == nil {
			t.Errorf("%q is %v", bad, v)
		}
	}
	v := Version{Parts: []int{2, 18, 1}}
	for min, want := range map[string]bool{"2.18": true, "2.18.1": true, "2.18.2": false, "2.9": true, "2.20": false, "3": false, "2": true, "x": false} {
		if v.AtLeast(min) != want {
			t.Errorf("2.18.1 at least %s: %v", min, !want)
		}
	}
	n, c := testNix(t)
	got, err := n.Version(context.Background())
	if err != nil || !got.AtLeast("2.3") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := n.Version(context.Background()); err != nil || c.count() != 1 {
		t.Errorf("asked %d times", c.count())
	}
}

// Nothing of the caller's Nix settings reaches an evaluation; where Nix is and
// how it reaches the network does.
func TestCleanEnviron(t *testing.T) {
	got := cleanEnviron([]string{"NIX_PATH=nixpkgs=/x", "NIXPKGS_CONFIG=/y", "NIXPKGS_ALLOW_UNFREE=1", "NIX_BUILD_SHELL=/z",
		"IN_NIX_SHELL=impure", "HOME=/h", "NIX_REMOTE=daemon", "NIX_CONF_DIR=/c", "SSL_CERT_FILE=/s", "https_proxy=p"})
	want := []string{"HOME=/h", "NIX_REMOTE=daemon", "NIX_CONF_DIR=/c", "SSL_CERT_FILE=/s", "https_proxy=p", "NIX_PATH="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The wrapper stands before Nix, and not before git.
func TestWrapper(t *testing.T) {
	n, c := testNix(t)
	n.Programs.Wrapper = []string{"env", "-u", "NOTHING"}
	if _, err := n.Version(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := "env -u NOTHING nix-instantiate --version"; c.lines[0] != want {
		t.Errorf("%q, want %q", c.lines[0], want)
	}
}
