package screen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestValue(t *testing.T) {
	for in, want := range map[string]string{
		"plain, ünï ☃ 水 a\u0301 \u00a0\u3000": "plain, ünï ☃ 水 a\u0301 \u00a0\u3000",
		"a\nproved  b":                        `a\nproved  b`,
		"\x1b[2J\x1b]0;t\a\x7f\r\b":           `\x1b[2J\x1b]0;t\x07\x7f\r\x08`,
		"\u009b31m\u0085":                     `\u009b31m\u0085`,
		"\x9b31m\xff":                         `\x9b31m\xff`,
		"a\u202eb\u2066c\u200bd\ufeffe\u00ad": `a\u202eb\u2066c\u200bd\ufeffe\u00ad`,
		"\u2028\u2029\u034f\ufe0f\u3164":      `\u2028\u2029\u034f\ufe0f\u3164`,
		"\U000e0041\ue000":                    `\U000e0041\ue000`,
		"a\tb":                                "a b",
		"\ufffd":                              "\ufffd",
	} {
		if got := Value(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// steers tells whether a terminal would do anything but show the text.
func steers(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029)
	}) || !utf8.ValidString(s)
}

type words struct{ s string }

func (w words) String() string { return w.s }

type named string

// Whatever the values are and however they are formatted, the lines of a print
// are those of its format.
func TestPrintHasItsOwnLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"\x1b[A", "\u009bA", "\r\n", "\u202e", "\x1b]8;;x\a", "\xc2"})).Draw(t, "s")
		var b bytes.Buffer
		w := To(&b, &b)
		Printf(w, "%s|%-9s|%v|%q|%v|%s|%v|%*d\n", s, named(s), errors.New(s), s, []string{s}, words{s}, time.Second, 5, 3)
		text := b.String()
		if strings.Count(text, "\n") != 1 || strings.Contains(text, "\t") || steers(text) || strings.Contains(text, "%!") {
			t.Fatalf("%q", text)
		}
	})
}

// A print that forgot to make a value plain goes through the stream.
func TestWriter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		w := To(&b, &b)
		whole := ""
		for _, p := range rapid.SliceOf(rapid.SampledFrom([]string{"\x1b[2J", "\xe2\x80", "\xae", "é", "\xc3", "\xa9", "\r", "a\tb\n", "\u0085", "\xf0\x9f\x98", "\x80"})).Draw(t, "parts") {
			whole += p
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		got := b.String()
		if steers(got) || strings.Count(got, "\n") != strings.Count(whole, "\n") || strings.Count(got, "é") != strings.Count(whole, "é") {
			t.Fatalf("%q of %q", got, whole)
		}
	})
}

// What a program reads is what it would have read, and what a terminal shows
// moves nothing.
func TestJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var b bytes.Buffer
		if err := JSON(&b, map[string]string{"a": s}); err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || got["a"] != s || steers(b.String()) {
			t.Fatalf("%v: %q %q", err, b.String(), s)
		}
	})
	var b bytes.Buffer
	if err := JSON(&b, "\u009b<\u202e\U000e0041"); err != nil || b.String() != `"\u009b<\u202e\udb40\udc41"`+"\n" {
		t.Errorf("%s, %v", b.String(), err)
	}
}

// A log keeps its colours and its progress on a terminal, wherever the pieces
// are cut, and steers nothing else.
func TestLog(t *testing.T) {
	const in = "\x1b[1;31mred\x1b[0m 10%\r20%\n\x1b[2J\x1b]0;x\a\u009b1m\x1b[38:5:1mé\x1b[A\x1b"
	const want = "\x1b[1;31mred\x1b[0m 10%\r20%\n" + `\x1b[2J\x1b]0;x\x07\u009b1m` + "\x1b[38:5:1mé" + `\x1b[A\x1b` + "\x1b[m"
	for size := 1; size <= len(in); size++ {
		var b bytes.Buffer
		l := &Log{to: &b}
		for rest := in; rest != ""; {
			n := min(size, len(rest))
			fmt.Fprint(l, rest[:n])
			rest = rest[n:]
		}
		if err := l.Close(); err != nil || b.String() != want {
			t.Fatalf("in pieces of %d: %q, %v", size, b.String(), err)
		}
	}
}

func TestLines(t *testing.T) {
	if got := Lines("one\r\ntwo\x1b\n\n", "  "); got != "one\n  two\\x1b" {
		t.Errorf("%q", got)
	}
}
