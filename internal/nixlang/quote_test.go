package nixlang_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixlang"
)

func TestQuoteString(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "a": `"a"`, `a"b\c`: `"a\"b\\c"`, "${x}": `"\${x}"`, "$${x}": `"\$\${x}"`, "\n\r\t": `"\n\r\t"`, "é''": `"é''"`,
	} {
		if got := nixlang.QuoteString(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestQuoteValue(t *testing.T) {
	for _, tc := range []struct {
		in   any
		want string
	}{
		{nil, "null"}, {true, "true"}, {7, "7"}, {int64(-7), "(-7)"}, {int64(math.MinInt64), "(-9223372036854775807 - 1)"},
		{0.1, "1.0e-01"}, {-2.5, "(-2.5e+00)"}, {"a", `"a"`}, {[]any{}, "[ ]"}, {map[string]any{}, "{ }"},
		{[]string{"a", "b"}, "[\n  \"a\"\n  \"b\"\n]"},
		{map[string]any{"b": 1, "a b": []any{-1}, "if": nil, "a-c'": false}, "{\n  \"a b\" = [\n    (-1)\n  ];\n  a-c' = false;\n  b = 1;\n  \"if\" = null;\n}"},
	} {
		if got, err := nixlang.QuoteValue(tc.in, ""); err != nil || got != tc.want {
			t.Errorf("%v: %s, %v; want %s", tc.in, got, err, tc.want)
		}
	}
	for _, bad := range []any{math.NaN(), math.Inf(-1), uint64(math.MaxUint64), "a\x00b", map[string]any{"\x00": 1}, []any{map[string]any{"x": struct{}{}}}} {
		if got, err := nixlang.QuoteValue(bad, ""); err == nil || got != "" {
			t.Errorf("%v: %s", bad, got)
		}
	}
	if _, err := nixlang.QuoteValue(map[string]any{"outer": map[string]any{"inner": math.NaN()}}, ""); err == nil || !strings.HasPrefix(err.Error(), "outer: inner: ") {
		t.Errorf("where it is: %v", err)
	}
}

func TestSplitAttr(t *testing.T) {
	for in, want := range map[string][]string{"a": {"a"}, "a.b-c": {"a", "b-c"}, `a."b.c".d`: {"a", "b.c", "d"}} {
		if got := nixlang.SplitAttr(in); !slices.Equal(got, want) {
			t.Errorf("%s: %q", in, got)
		}
	}
}
