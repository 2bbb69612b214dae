package sri_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/sri"
)

func TestParse(t *testing.T) {
	const hash = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" // of abc
	sum, err := sri.Parse(hash)
	if err != nil || sri.Format(sum) != hash {
		t.Errorf("%x, %v", sum, err)
	}
	for _, bad := range []string{"", "sha256:x", "sha256-x", "sha1-" + hash[7:], hash[:len(hash)-5] + "="} {
		if sum, err := sri.Parse(bad); err == nil {
			t.Errorf("%q: %x", bad, sum)
		}
	}
}
