package slurm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/slurm"
)

func TestParseTime(t *testing.T) {
	h, m, s := time.Hour, time.Minute, time.Second
	for in, want := range map[string]time.Duration{
		"5": 5 * m, "1:2": m + 2*s, "1:2:3": h + 2*m + 3*s, "1-2": 26 * h, "1-2:3": 26*h + 3*m, "1-2:3:4": 26*h + 3*m + 4*s,
		"90:90": 91*m + 30*s, "0": slurm.Unlimited, "0:00": slurm.Unlimited, "UNLIMITED": slurm.Unlimited, "Infinite": slurm.Unlimited,
		"007": 7 * m, "24855-3": (24855*24 + 3) * h,
	} {
		if got, err := slurm.ParseTime(in); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "-", ":", "1 ", "-5", "1-", "1-2:3:4:5", "1:2:3:4", "٣", "1e3", "99999999999999999999", "999999-0", "2147483647"} {
		if got, err := slurm.ParseTime(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestParseTimeAgainstSbatch(t *testing.T) {
	o := newOracle(t)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[0-9]{0,4}(-[0-9]{0,3})?(:[0-9]{1,3}){0,3}`).Draw(t, "time")
		if in == "" || in[0] == '-' || strings.HasSuffix(in, "-") {
			return // "-1" and "1-" are refused on purpose
		}
		got, err := slurm.ParseTime(in)
		u := o.mustRead(t, []string{"#SBATCH --time=" + in})
		if (err != nil) != (u.complaint != "") {
			t.Fatalf("%q: %v, sbatch says %q", in, err, u.complaint)
		}
		if err != nil {
			return
		}
		theirs, err := slurm.ParseTime(u.options["time"])
		if err != nil {
			t.Fatal(err)
		}
		if got != slurm.Unlimited {
			got = (got + time.Minute - 1).Truncate(time.Minute)
		}
		if got != theirs {
			t.Errorf("%q: %v, sbatch has %v", in, got, u.options["time"])
		}
	})
}

func TestFormatTime(t *testing.T) {
	for in, want := range map[time.Duration]string{
		slurm.Unlimited: "UNLIMITED", 90 * time.Second: "0-00:01:30", 24 * time.Hour: "1-00:00:00", time.Millisecond: "0-00:00:01", 0: "0-00:00:00",
	} {
		if got := slurm.FormatTime(in); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, 1<<31-1).Draw(t, "s")) * time.Second
		if got, err := slurm.ParseTime(slurm.FormatTime(d)); err != nil || got != d {
			t.Errorf("%v became %v, %v", d, got, err)
		}
	})
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1": 1, "1000": 1000, "60G": 61440, "60g": 61440, "1T": 1 << 20, "1K": 1, "1024K": 1, "1025k": 2, "2M": 2, "1GB": 1024, "1kb": 1, "007": 7,
	} {
		if got, err := slurm.ParseSize(in); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "G", "B", "1B", "-1", "1.5G", "1P", "1 G", "1GiB", "1BG", "1KM", "0x1", "99999999999999999999", "9007199254740992T"} {
		if got, err := slurm.ParseSize(in); err == nil {
			t.Errorf("%q: %d", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<40).Draw(t, "MiB")
		if got, err := slurm.ParseSize(slurm.FormatSize(n)); err != nil || got != n {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	})
}

// sbatch shows a size in the largest unit that fits, but for what --mem writes
// as a question ("0?" for all memory).
func TestParseSizeAgainstSbatch(t *testing.T) {
	o := newOracle(t)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[1-9][0-9]{0,4}[kKmMgGtTbBpP]{0,2}`).Draw(t, "size")
		got, err := slurm.ParseSize(in)
		u := o.mustRead(t, []string{"#SBATCH --mem=" + in})
		if (err != nil) != (u.complaint != "") {
			t.Fatalf("%q: %v, sbatch says %q", in, err, u.complaint)
		}
		if err == nil {
			if theirs, err := slurm.ParseSize(u.options["mem"]); err != nil || theirs != got {
				t.Errorf("%q: %d, sbatch has %q", in, got, u.options["mem"])
			}
		}
	})
}

func TestExpandCounts(t *testing.T) {
	for in, want := range map[string]string{"72(x2),36": "[72 72 36]", "4": "[4]", "1(x3)": "[1 1 1]", "0": "[0]"} {
		if got, err := slurm.ExpandCounts(in); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", ",", "a", "1(x0)", "1(x", "1(2)", "(x2)", "1(x9999999999)", "-1", "1,", "1(x2)3"} {
		if got, err := slurm.ExpandCounts(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestExpandHosts(t *testing.T) {
	for in, want := range map[string]string{
		"n[01-03,7]": "n01 n02 n03 n7", "r[1-2]n[01-02]": "r1n01 r1n02 r2n01 r2n02", "n[9-11]": "n9 n10 n11", "n[098-101]": "n098 n099 n100 n101",
		"n[1-003]": "n1 n2 n3", "a,,b": "a b", "a b\nc": "a b c", "": "", ",": "", "n[1,1]": "n1 n1", "[1-2]": "1 2", "n{1}": "n{1}",
		"a,n[1-2],b": "a n1 n2 b", "n[00-1]": "n00 n01", "é[1-2]": "é1 é2",
	} {
		if got, err := slurm.ExpandHosts(in); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"n[3-1]", "n[]", "n[1", "n1]", "n[1-2]x", "n[a-b]", "n[1,2,]", "n[1-]", "n[-1]", "n[1-2-3]", "n[ 1-2]", "n[[1-2]]",
		"n[1-70000]", "[0-65535][0-65535]", "n[1][", "n[9999999999999999999]", "n[1x2]", "n[0-99999999999999999999]"} {
		if got, err := slurm.ExpandHosts(in); err == nil {
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

func TestExpandHostsAgainstScontrol(t *testing.T) {
	o := newOracle(t)
	rapid.Check(t, func(rt *rapid.T) {
		list := hostList(rt)
		got, err := slurm.ExpandHosts(list)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) > 20000 {
			return
		}
		out, err := o.command(t, "scontrol", "show", "hostnames", list)
		if err != nil {
			rt.Fatal(err)
		}
		if want := strings.Fields(out); !slices.Equal(got, want) {
			rt.Errorf("%s:\ngot  %v\nwant %v", list, got, want)
		}
	})
}

func TestCompressHosts(t *testing.T) {
	for in, want := range map[string]string{
		"n1 n2 n3": "n[1-3]", "n3 n1 n2 n1": "n[1-3]", "n9 n10": "n[9-10]", "n09 n10 n11": "n[09-11]", "a b a1": "a,a1,b", "n2 n n1": "n,n[1-2]",
		"r1n1 r1n2 r2n1": "r1n[1-2],r2n1", "n1 n3 n5 n6": "n[1,3,5-6]", "n1 n01": "n[1,01]", "": "", "n1x n2x": "n1x,n2x", "1 2": "[1-2]",
		"n99 n100 n099": "n[99-100,099]",
	} {
		if got := slurm.CompressHosts(strings.Fields(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// Whatever the names, scontrol expands the list to the same set; where the
// names of one prefix have one width, the list is scontrol's own.
func TestCompressHostsAgainstScontrol(t *testing.T) {
	o := newOracle(t)
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
		got := slurm.CompressHosts(names)
		slices.Sort(names)
		names = slices.Compact(names)

		out, err := o.command(t, "scontrol", "show", "hostnames", got)
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
		sorted, err := o.command(t, "scontrol", "show", "hostlistsorted", strings.Join(names, ","))
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

func BenchmarkExpandHosts(b *testing.B) {
	list := slurm.CompressHosts(names(10000))
	for b.Loop() {
		if got, err := slurm.ExpandHosts(list); err != nil || len(got) != 10000 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkCompressHosts(b *testing.B) {
	all := names(10000)
	for b.Loop() {
		if slurm.CompressHosts(all) == "" {
			b.Fatal("empty")
		}
	}
}
