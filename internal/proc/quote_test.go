package proc_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// TestMain keeps rapid from writing failure files into the checkout: it prints
// the seed that reproduces a failure as well.
func TestMain(m *testing.M) {
	beParent()
	flag.Parse()
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain-1.2_3/x:y@z%+,=": "'plain-1.2_3/x:y@z%+,='", "a.b/c": "a.b/c", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "-n": "-n", "~": "'~'", "é": "'é'", "a\nb": "'a\nb'",
	} {
		if got := proc.Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// shells are the real ones, each also in the C locale, where bytes above 127
// are no letters.
var shells = []struct {
	path string
	env  []string
}{
	{"bash", []string{"LC_ALL=C.UTF-8"}}, {"bash", []string{"LC_ALL=C"}}, {"dash", []string{"LC_ALL=C.UTF-8"}}, {"dash", []string{"LC_ALL=C"}},
}

// readBack has each shell print the quoted words again, a NUL after each.
func readBack(t interface {
	Helper()
	Fatalf(string, ...any)
}, words []string) {
	t.Helper()
	script := "printf '%s\\0'"
	for _, w := range words {
		script += " " + proc.Quote(w)
	}
	want := strings.Join(words, "\x00") + "\x00"
	for _, sh := range shells {
		res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: sh.path, Env: append([]string{"PATH=" + os.Getenv("PATH")}, sh.env...), Stdin: strings.NewReader(script + "\n")})
		if err != nil || string(res.Stdout) != want {
			t.Fatalf("%s %v: %q\ngot  %q\nwant %q (%v)", sh.path, sh.env, script, res.Stdout, want, err)
		}
	}
}

func TestQuoteAgainstShells(t *testing.T) {
	var bytes []string
	for b := 1; b < 256; b++ {
		bytes = append(bytes, string([]byte{byte(b)}), "a"+string([]byte{byte(b)})+"b")
	}
	readBack(t, bytes)
	readBack(t, []string{"", "-n", "-e", "--", "~", "~root", "a=b", "'", "''", `\`, `\'`, "$(id)", "`id`", "${x}", "!", "!!", "*", "{a,b}", "if", "\n", "\r\n", "a\n", " ", "\xff\xfe", "☃", "é'", "\u00a0", "\u2028"})
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.StringOfN(rapid.SampledFrom([]rune("a '\"\\$`!*?[]{}()<>|&;#~=%\n\t-é☃\u0085")), 0, 30, -1)
		raw := rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 30), func(b []byte) string { return string(b) })
		readBack(t, rapid.SliceOfN(rapid.OneOf(nasty, raw), 1, 20).Draw(t, "words"))
	})
}
