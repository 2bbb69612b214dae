package hostlist_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/testbed/oracle"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"n[01-03,7]": "n01 n02 n03 n7", "r[1-2]n[01-02]": "r1n01 r1n02 r2n01 r2n02", "n[9-11]": "n9 n10 n11", "n[098-101]": "n098 n099 n100 n101",
		"n[1-003]": "n1 n2 n3", "a,,b": "a b", "a b\nc": "a b c", "": "", ",": "", "n[1,1]": "n1 n1", "[1-2]": "1 2", "n{1}": "n{1}",
		"a,n[1-2],b": "a n1 n2 b", "n[00-1]": "n00 n01", "é[1-2]": "é1 é2",
	} {
		if got, err := hostlist.Expand(in); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"n[3-1]", "n[]", "n[1", "n1]", "n[1-2]x", "n[a-b]", "n[1,2,]", "n[1-]", "n[-1]", "n[1-2-3]", "n[ 1-2]", "n[[1-2]]",
		"n[1-70000]", "[0-65535][0-65535]", "n[1][", "n[9999999999999999999]", "n[1x2]", "n[0-99999999999999999999]"} {
		if got, err := hostlist.Expand(in); err == nil {
			t.Errorf("%q: %d names", in, len(got))
		}
	}
}

func hostList(t *rapid.T) string {
	bracket := rapid.Custom(func(t *rapid.T) string {
		var parts []string
		for range rapid.IntRange(1, 3).Draw(t, "ranges") {
			lo := rapid.IntRange(0, 120).Draw(t, "lo")
			width := rapid.IntRange(0, 4).Draw(t, "width")
			part := fmt.Sprintf("%0*d", width, lo)
			if rapid.Bool().Draw(t, "range") {
				part += fmt.Sprintf("-%0*d", rapid.IntRange(0, 4).Draw(t, "width of the end"), lo+rapid.IntRange(0, 12).Draw(t, "more"))
			}
			parts = append(parts, part)
		}
		return "[" + strings.Join(parts, ",") + "]"
	})
	prefix := rapid.StringMatching(`[a-zA-Z][a-z0-9.-]{0,4}`)
	one := rapid.Custom(func(t *rapid.T) string {
		s := prefix.Draw(t, "prefix")
		for range rapid.IntRange(0, 2).Draw(t, "brackets") {
			s += bracket.Draw(t, "bracket")
			if rapid.Bool().Draw(t, "between") {
				s += "-n" + bracket.Draw(t, "bracket")
			}
		}
		return s
	})
	return strings.Join(rapid.SliceOfN(one, 1, 20).Draw(t, "lists"), ",")
}

func TestExpandAgainstScontrol(t *testing.T) {
	o := oracle.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		list := hostList(rt)
		got, err := hostlist.Expand(list)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) > 20000 {
			return
		}
		out, err := o.Command(t, "scontrol", "show", "hostnames", list)
		if err != nil {
			rt.Fatal(err)
		}
		if want := strings.Fields(out); !slices.Equal(got, want) {
			rt.Errorf("%s:\ngot  %v\nwant %v", list, got, want)
		}
	})
}

func TestCompress(t *testing.T) {
	for in, want := range map[string]string{
		"n1 n2 n3": "n[1-3]", "n3 n1 n2 n1": "n[1-3]", "n9 n10": "n[9-10]", "n09 n10 n11": "n[09-11]", "a b a1": "a,a1,b", "n2 n n1": "n,n[1-2]",
		"r1n1 r1n2 r2n1": "r1n[1-2],r2n1", "n1 n3 n5 n6": "n[1,3,5-6]", "n1 n01": "n[1,01]", "": "", "n1x n2x": "n1x,n2x", "1 2": "[1-2]",
		"n99 n100 n099": "n[99-100,099]",
	} {
		if got := hostlist.Compress(strings.Fields(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// Whatever the names, scontrol expands the list to the same set; where the
// names of one prefix have one width, the list is scontrol's own.
func TestCompressAgainstScontrol(t *testing.T) {
	o := oracle.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(-1, 4).Draw(rt, "width") // -1: mixed
		name := rapid.Custom(func(t *rapid.T) string {
			w := width
			if w < 0 {
				w = rapid.IntRange(0, 4).Draw(t, "own width")
			}
			return fmt.Sprintf("%s%0*d", rapid.SampledFrom([]string{"n", "node-", "r1n", "r01n", "x."}).Draw(t, "prefix"), w, rapid.IntRange(0, 130).Draw(t, "number"))
		})
		names := rapid.SliceOfN(name, 1, 200).Draw(rt, "names")
		got := hostlist.Compress(names)
		slices.Sort(names)
		names = slices.Compact(names)

		out, err := o.Command(t, "scontrol", "show", "hostnames", got)
		if err != nil {
			rt.Fatal(err)
		}
		back := strings.Fields(out)
		slices.Sort(back)
		if !slices.Equal(back, names) {
			rt.Errorf("%s:\ngot  %v\nwant %v", got, back, names)
		}
		if width < 0 {
			return
		}
		sorted, err := o.Command(t, "scontrol", "show", "hostlistsorted", strings.Join(names, ","))
		if err != nil {
			rt.Fatal(err)
		}
		if theirs := strings.TrimSpace(sorted); theirs != got {
			rt.Errorf("got %s, scontrol has %s", got, theirs)
		}
	})
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("r%02dn%04d", i%40, i/40)
	}
	return out
}
