package private

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// encodings are ways in which programs write a value.
func encodings(s string) map[string]string {
	quoted, _ := json.Marshal(s)
	twice, _ := json.Marshal(string(quoted))
	percent, low, ascii, ansi := "", "", "", ""
	for i := range len(s) {
		percent += fmt.Sprintf("%%%02X", s[i])
		low += fmt.Sprintf("%%%02x", s[i])
		ansi += fmt.Sprintf(`\%03o`, s[i])
	}
	for _, r := range s {
		if r > 0xffff {
			ascii += fmt.Sprintf(`\u%04X\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		} else {
			ascii += fmt.Sprintf(`\u%04x`, r)
		}
	}
	wrapped := ""
	for i, c := range base64.StdEncoding.EncodeToString([]byte("x=" + s)) {
		if i%7 == 6 {
			wrapped += "\n"
		}
		wrapped += string(c)
	}
	return map[string]string{
		"plain": s, "within": "abc" + s + "9z", "json": string(quoted[1 : len(quoted)-1]), "json twice": string(twice), "json, ASCII": ascii,
		"query": url.QueryEscape(s), "path": url.PathEscape(s), "percent": percent, "query twice": url.QueryEscape(url.QueryEscape(s)), "path thrice": url.PathEscape(url.PathEscape(url.PathEscape(s))), "percent, lower": low, "shell": proc.Quote(s), "shell, escapes": ansi,
		"html": html.EscapeString(s), "hex": hex.EncodeToString([]byte(s)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(s))), "go": fmt.Sprintf("%q", s),
		"base64": base64.StdEncoding.EncodeToString([]byte(s)), "base64, 1": base64.StdEncoding.EncodeToString([]byte("u" + s + "zz")),
		"base64, 2": base64.URLEncoding.EncodeToString([]byte("u:" + s + ":")), "base64, raw": base64.RawURLEncoding.EncodeToString([]byte("usr:" + s)), "base64, lines": wrapped,
	}
}

func secret(t *rapid.T) string {
	return rapid.Custom(func(t *rapid.T) string {
		return rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019 ~!@#$%^&*()_+-=[]{}|;':\",./<>?\\\n\tüé水\U0001f600")), longValue, 60, -1).Draw(t, "s")
	}).Filter(func(s string) bool {
		return len(strings.TrimSpace(s)) >= longValue && utf8.ValidString(s) && !strings.Contains(s, "\x00")
	}).Draw(t, "secret")
}

// However a value is written, nothing of it is left.
func TestNoEncodingSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := secret(t)
		r, err := NewRedactor(Private{Salt: strings.Repeat("5a", 32), Values: []string{s}})
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range encodings(s) {
			for _, around := range []string{"", "x ", "KEY="} {
				got := string(r.Text([]byte(around + text + " tail")))
				if strings.Contains(got, text) || !strings.Contains(got, r.Token(s)) && !strings.Contains(got, r.Token(strings.TrimSpace(s))) {
					t.Fatalf("%s: %q is left as %q of %q", name, s, got, text)
				}
				if again := string(r.Text([]byte(got))); again != got {
					t.Fatalf("%s: %q becomes %q", name, got, again)
				}
			}
		}
	})
}

// Each line of a value that has several is private by itself.
func TestLinesOfValues(t *testing.T) {
	r, err := NewRedactor(Private{Salt: strings.Repeat("5a", 32), Values: []string{"-----BEGIN\n  MIIEvQIBADANBg\n  short\nkqhkiG9w0BAQEF\n"}})
	if err != nil {
		t.Fatal(err)
	}
	got := string(r.Text([]byte("a MIIEvQIBADANBg b kqhkiG9w0BAQEF c short d")))
	if strings.Contains(got, "MIIE") || strings.Contains(got, "kqhk") || !strings.Contains(got, " c short d") {
		t.Error(got)
	}
}

// Texts made to be slow are not.
func TestNoTextIsSlow(t *testing.T) {
	r, err := NewRedactor(Private{Salt: strings.Repeat("5a", 32), Values: []string{strings.Repeat(`\`, 200) + "x", strings.Repeat("'", 100)}})
	if err != nil {
		t.Fatal(err)
	}
	r.Text([]byte(strings.Repeat(strings.Repeat(`\`, 300)+"y", 20)))
}

func TestNamesInWords(t *testing.T) {
	r, err := NewRedactor(Private{Salt: strings.Repeat("5a", 32), Words: []string{"mmuster", "n017", "max", "root", "chem-42", "login7.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	tok := r.Token
	for in, want := range map[string]string{
		"job-mmuster": "job-" + tok("mmuster"), "mmuster_old": tok("mmuster") + "_old", "mmuster2": tok("mmuster") + "2", "2mmuster.txt": "2" + tok("mmuster") + ".txt",
		"MMuster-x": tok("mmuster") + "-x", "n017-ib0": tok("n017") + "-ib0", "n017_eth": tok("n017") + "_eth", "x.n017.y": "x." + tok("n017") + ".y",
		"n0171": "n0171", "n01": "n01", "mmustermann": "mmustermann", "x-chem-42-y": "x-" + tok("chem-42") + "-y", "chem-421": "chem-421",
		"--max-file": "--max-file", "max": tok("max"), "maximum": "maximum", "rootless": "rootless", "root-x": "root-x", "root": tok("root"),
		"login7.example.org-x": tok("login7.example.org") + "-x",
		// A name in a hash is chance.
		"x3n017a-hello": "x3n017a-hello",
	} {
		got := string(r.Text([]byte(in)))
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
		if again := string(r.Text([]byte(got))); again != got {
			t.Errorf("%s becomes %s", got, again)
		}
	}
}
