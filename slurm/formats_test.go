package slurm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/testbed/oracle"
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
	o := oracle.New(t)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[0-9]{0,4}(-[0-9]{0,3})?(:[0-9]{1,3}){0,3}`).Draw(t, "time")
		if in == "" || in[0] == '-' || strings.HasSuffix(in, "-") {
			return // "-1" and "1-" are refused on purpose
		}
		got, err := slurm.ParseTime(in)
		u := o.Read(t, "#SBATCH --time="+in)
		if (err != nil) != (u.Complaint != "") {
			t.Fatalf("%q: %v, sbatch says %q", in, err, u.Complaint)
		}
		if err != nil {
			return
		}
		theirs, err := slurm.ParseTime(u.Options["time"])
		if err != nil {
			t.Fatal(err)
		}
		if got != slurm.Unlimited {
			got = (got + time.Minute - 1).Truncate(time.Minute)
		}
		if got != theirs {
			t.Errorf("%q: %v, sbatch has %v", in, got, u.Options["time"])
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
	o := oracle.New(t)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[1-9][0-9]{0,4}[kKmMgGtTbBpP]{0,2}`).Draw(t, "size")
		got, err := slurm.ParseSize(in)
		u := o.Read(t, "#SBATCH --mem="+in)
		if (err != nil) != (u.Complaint != "") {
			t.Fatalf("%q: %v, sbatch says %q", in, err, u.Complaint)
		}
		if err == nil {
			if theirs, err := slurm.ParseSize(u.Options["mem"]); err != nil || theirs != got {
				t.Errorf("%q: %d, sbatch has %q", in, got, u.Options["mem"])
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
