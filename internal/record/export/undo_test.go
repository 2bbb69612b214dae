package export_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// attack tries to find what stands behind the tokens and hashes of a redacted
// export: with a small dictionary, all of which is in it, and with anything that
// was shipped as a key.
type attack struct {
	words []string // names, paths, values
	files []string // whole files that somebody could have made up
	keys  [][]byte
}

var (
	hexRE   = regexp.MustCompile(`[0-9a-f]{64}`)
	sriRE   = regexp.MustCompile(`sha256-[A-Za-z0-9+/]{43}=`)
	tokenRE = regexp.MustCompile(`redacted-[0-9a-f]{32}`)
)

// newAttack knows a dictionary, and takes every hash and every word of what was
// shipped for a key.
func newAttack(words, whole []string, shipped ...map[string]string) attack {
	a := attack{words: words, files: whole, keys: [][]byte{nil, make([]byte, 32)}}
	for _, all := range shipped {
		for _, text := range all {
			for _, h := range hexRE.FindAllString(text, -1) {
				if key, err := hex.DecodeString(h); err == nil {
					a.keys = append(a.keys, key, []byte(h))
				}
			}
		}
	}
	return a
}

// found is what it finds in an export.
func (a attack) found(all map[string]string) (out []string) {
	told := map[string]string{} // what a hash or token would stand for
	for _, text := range append(append([]string(nil), a.words...), a.files...) {
		for _, end := range []string{"", "\n"} {
			sum := sha256.Sum256([]byte(text + end))
			told[hex.EncodeToString(sum[:])] = text
			told["sha256-"+base64.StdEncoding.EncodeToString(sum[:])] = text
		}
	}
	for _, key := range a.keys {
		for _, text := range a.words {
			for _, kind := range []string{"value\x00", "file\x00", "fact\x00", ""} {
				h := hmac.New(sha256.New, key)
				fmt.Fprint(h, kind, text)
				sum := hex.EncodeToString(h.Sum(nil))
				told["redacted-"+sum[:32]], told[sum] = text, text
			}
		}
	}
	for name, text := range all {
		for _, re := range []*regexp.Regexp{hexRE, sriRE, tokenRE} {
			for _, h := range re.FindAllString(text, -1) {
				if behind, ok := told[h]; ok {
					out = append(out, fmt.Sprintf("%s: %s is %.60q", name, h, behind))
				}
			}
		}
	}
	return out
}

// Nothing that is shipped undoes a redaction, though host and user names come
// from small dictionaries: neither the redacted export alone, nor with the key
// that a full one of the same run has.
func TestUndoRedaction(t *testing.T) {
	run := sealed(t, recordtest.Options{Tasks: 2, Env: []facts.Var{{Name: "PIN", Value: "zq7", From: "job file"}, {Name: "TOKEN", Value: "hunter2-and-more", From: "job file"}}})
	words := []string{run.WorkDir, run.Project, run.Dir, "zq7", "hunter2-and-more", "/home/" + recordtest.User, recordtest.Host + ".example.org"}
	for _, w := range []string{recordtest.User, recordtest.Host, recordtest.Account, recordtest.Node, "n016", "n018", "n[016-018]"} {
		words = append(words, w, strings.ToUpper(w))
	}
	var whole []string
	for name, text := range files(t, run.Dir) {
		if name == private.PrivateFile {
			continue
		}
		whole = append(whole, text)
		if c, err := canon.Canonical([]byte(text)); err == nil {
			whole = append(whole, string(c))
		}
	}
	// What nothing private is in may be told by its hash.
	var guessed []string
	for _, text := range whole {
		if strings.Contains(text, recordtest.User) || strings.Contains(text, recordtest.Node) || strings.Contains(text, "zq7") || strings.Contains(text, run.WorkDir) {
			guessed = append(guessed, text)
		}
	}
	redacted, _ := write(t, run, export.Options{Format: "ro-crate", Redact: true})
	full, _ := write(t, run, export.Options{Format: "json"})
	ships := files(t, full)
	if _, ok := ships[private.PrivateFile]; ok || ships[private.KeyFile] == "" {
		t.Error("a full export has the key of the tokens, or not that of whole files")
	}
	out := files(t, redacted)
	if _, ok := out[private.KeyFile]; ok {
		t.Error("a redacted export has the key of whole files")
	}
	key := map[string]string{private.KeyFile: ships[private.KeyFile]}
	for _, found := range newAttack(words, guessed, out, key).found(out) {
		t.Error(found)
	}
	// With the salt the same attack finds them: it is one.
	var p private.Private
	data, err := os.ReadFile(filepath.Join(run.Dir, private.PrivateFile))
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Join(newAttack(words, guessed, map[string]string{"": p.Salt}).found(out), "\n")
	for _, w := range []string{recordtest.User, recordtest.Node, "zq7", run.WorkDir} {
		if !strings.Contains(told, fmt.Sprintf("is %.60q", w)) {
			t.Errorf("with the salt %s is not found", w)
		}
	}
}
