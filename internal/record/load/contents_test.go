package load_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// The list that is written out by hand is the canonical form of what
// encoding/json makes of it.
func TestContentsAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(\x00|\n|"|\\|<|é|\xff|[a-z])*`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		file := rapid.Custom(func(t *rapid.T) load.Content {
			return load.Content{Role: text.Draw(t, "role"), Path: text.Draw(t, "path"), Size: rapid.Int64().Draw(t, "size"),
				SHA256: text.Draw(t, "sha256"), At: text.Draw(t, "at"), Absent: text.Draw(t, "absent")}
		})
		c := load.Contents{Schema: text.Draw(t, "schema"), RunID: text.Draw(t, "run"), Redacted: rapid.Bool().Draw(t, "redacted"),
			Files: rapid.OneOf(rapid.Just[[]load.Content](nil), rapid.SliceOf(file)).Draw(t, "files")}
		got, err := c.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		want := c
		want.Sum = ""
		head, err := canon.CanonicalOf(want)
		if err != nil {
			t.Fatal(err)
		}
		want.Sum = digest.Bytes(head)
		all, err := canon.CanonicalOf(want)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(all)+"\n" || c.Sum != want.Sum {
			t.Errorf("%s\nwant\n%s", got, all)
		}
	})
}
