package nixlog

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func events(t *testing.T, chunks ...string) (told []string, r *LogReader) {
	t.Helper()
	r = NewLogReader(func(e Event) {
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
