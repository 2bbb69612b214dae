package sbatch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/testbed/oracle"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
	"github.com/nixbatch/nixbatch/slurm/slurmtest"
)

func TestLines(t *testing.T) {
	got, err := sbatch.Options{{"nodes", "2"}, {"exclusive", ""}, {"exclusive", "user"}, {"hold", ""}, {"job-name", "water scf"},
		{"constraint", "[a|b]&c*2"}, {"comment", `say "hi"`}, {"x-plugin", "1"}}.Lines()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"#SBATCH --nodes=2", "#SBATCH --exclusive", "#SBATCH --exclusive=user", "#SBATCH --hold",
		`#SBATCH --job-name="water scf"`, "#SBATCH --constraint=[a|b]&c*2", `#SBATCH --comment="say \"hi\""`, "#SBATCH --x-plugin=1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLinesRefuses(t *testing.T) {
	for name, o := range map[string]sbatch.Option{
		"line break":      {"comment", "a\n#SBATCH --uid=0"},
		"carriage return": {"comment", "a\rb"},
		"NUL":             {"comment", "a\x00b"},
		"escape":          {"comment", "a\x1b[31m"},
		"tab":             {"comment", "a\tb"},
		"next line":       {"comment", "a\u0085b"},
		"line separator":  {"comment", "a\u2028b"},
		"not UTF-8":       {"comment", "a\xffb"},
		"empty name":      {"", "x"},
		"name with space": {"a b", "x"},
		"name with =":     {"a=b", "x"},
		"leading dash":    {"-a", "x"},
		"name, line":      {"a\nb", "x"},
		"missing value":   {"comment", ""},
		"flag with value": {"hold", "1"},
	} {
		if l, err := (sbatch.Options{o}).Lines(); err == nil {
			t.Errorf("%s: got %q", name, l)
		}
	}
}

// hostile are values that have broken scripts before.
var hostile = []string{
	`"`, `'`, `\`, `\\`, `\"`, `a'b"c\d`, "#", "a#b", "a #b", "$(touch x)", "`touch x`", "${HOME}", "a;b", "a|b", "&", "-v", "--uid=0",
	"=", "a=b", " ", " a", "a ", "a  b", "packjob", "my-PackJob", "packjobpackjob", "hetjob", "x packjob \" packjob", "ünïcödé ☃",
	"%j", "%", "!", "~", "*", "?", "[a", "{a,b}", "<", ">", ":", `\n`, `C:\dir`, strings.Repeat("long \"", 150),
}

func TestLinesAgainstSbatch(t *testing.T) {
	o := oracle.New(t)
	check(t, o, hostile)
	rapid.Check(t, func(t *rapid.T) {
		nasty := rapid.StringOfN(rapid.SampledFrom([]rune(`ab "'\#$=-; packjobPACKJOB`+"`é☃")), 1, 40, -1)
		other := rapid.StringN(1, 40, -1).Filter(func(s string) bool {
			_, err := sbatch.Options{{"comment", s}}.Lines()
			return err == nil
		})
		check(t, o, rapid.SliceOfN(rapid.OneOf(nasty, other), 1, 40).Draw(t, "values"))
	})
}

// check writes one line for each value and looks at the words that sbatch
// found, and at what the fake makes of the same lines.
func check(t oracle.Caller, o *oracle.Oracle, values []string) {
	t.Helper()
	var opts sbatch.Options
	var want []string
	for _, v := range values {
		opts = append(opts, sbatch.Option{Name: "comment", Value: v})
		want = append(want, "--comment="+v)
	}
	lines, err := opts.Lines()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, o.Read(t, lines...).Words); d != "" {
		t.Errorf("sbatch read other words:\n%s", d)
	}
	for i, l := range lines {
		got, err := slurmtest.SplitLine(strings.TrimPrefix(l, "#SBATCH "))
		if err != nil || len(got) != 1 || got[0] != want[i] {
			t.Errorf("the fake splits %q to %q, %v", l, got, err)
		}
	}
}

// The fake's splitting is sbatch's own, on lines of any kind.
func TestSplitLineAgainstSbatch(t *testing.T) {
	o := oracle.New(t)
	rapid.Check(t, func(t *rapid.T) {
		var lines, want []string
		for _, s := range rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune(`aé "'\#=`)), 0, 20, -1), 1, 40).Draw(t, "lines") {
			// Every word has to be an argument of an option.
			s = "--comment=" + s
			words, err := slurmtest.SplitLine(s)
			if err != nil || len(words) != 1 {
				continue
			}
			lines, want = append(lines, "#SBATCH "+s), append(want, words...)
		}
		if len(lines) == 0 {
			return
		}
		if d := cmp.Diff(want, o.Read(t, lines...).Words); d != "" {
			t.Errorf("%q:\n%s", lines, d)
		}
	})
}

func TestSplitLineUnmatched(t *testing.T) {
	o := oracle.New(t)
	for _, s := range []string{`--comment="`, `--comment='a"`, `--comment="a\"`} {
		if w, err := slurmtest.SplitLine(s); err == nil {
			t.Errorf("%q split to %q", s, w)
		}
		if u := o.Read(t, "#SBATCH "+s); u.Complaint == "" {
			t.Errorf("sbatch took %q: %+v", s, u)
		}
	}
}
