package text_test

import (
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/text"
)

func TestShort(t *testing.T) {
	long := text.Short(strings.Repeat("wörd ", 100))
	if n := len([]rune(long)); n != 200 || !strings.HasSuffix(long, "…") {
		t.Errorf("%d characters: %s", n, long)
	}
	if got := text.Short(" two\n\tlines "); got != "two lines" {
		t.Errorf("%q", got)
	}
	for n, want := range map[int]string{0: "0 tasks", 1: "1 task", 2: "2 tasks"} {
		if got := text.Plural(n, "task"); got != want {
			t.Errorf("%q", got)
		}
	}
}
