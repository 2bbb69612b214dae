package examples_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const tests = "minipkgs/pkgs/rhf/src/tests/"

// buildRHF builds the generic rhf; its own check phase runs as part of that.
func buildRHF(t *testing.T, n *nix) string {
	t.Helper()
	return n.build(set(t, "")+"assert p.rhf.doCheck; p.rhf") + "/bin/rhf"
}

// Sources of the published energies are in rhf's check.sh. Methane's was made
// with other last digits of carbon's exponents, hence its tolerance.
func TestPublishedEnergies(t *testing.T) {
	n := newNix(t)
	rhf := buildRHF(t, n)
	for _, c := range []struct {
		file              string
		energy, tolerance float64
		repulsion         string
	}{
		{tests + "water.xyz", -74.942079928192, 1e-10, "8.002367061811"},
		{"water/water.xyz", -74.942079928192, 1e-10, "8.002367061811"},
		{"qchem-standin/water.xyz", -74.942079928192, 1e-10, "8.002367061811"},
		{tests + "h2.xyz", -1.116714325063, 1e-10, "0.714285714286"},
		{tests + "lih.xyz", -7.863357621535, 1e-10, ""},
		{tests + "ch4.xyz", -39.726850324347, 2e-8, "13.497304462"},
	} {
		t.Run(c.file, func(t *testing.T) {
			out := n.must(rhf, c.file, "sto-3g")
			energy, err := strconv.ParseFloat(field(t, out, `energy  (\S+) hartree`), 64)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(energy-c.energy) > c.tolerance {
				t.Errorf("energy %.12f, published %.12f", energy, c.energy)
			}
			if got := field(t, out, `nuclear repulsion  (\S+) hartree`); !strings.HasPrefix(got, c.repulsion) {
				t.Errorf("nuclear repulsion %s, published %s", got, c.repulsion)
			}
			if got := field(t, out, `built for: (.*)`); got != "x86-64, with minilinalg for x86-64" {
				t.Errorf("the generic build says it is for %q", got)
			}
		})
	}
}

func TestThreadsChangeNoBit(t *testing.T) {
	n := newNix(t)
	rhf := buildRHF(t, n)
	env := n.env
	var first string
	for _, threads := range []string{"1", "2", "5"} {
		n.env = append(env[:len(env):len(env)], "OMP_NUM_THREADS="+threads)
		out := n.must(rhf, tests+"ch4.xyz", "sto-3g")
		if got := field(t, out, `threads (\d+)`); got != threads {
			t.Errorf("%s threads asked for, %s reported", threads, got)
		}
		out = regexp.MustCompile(`(?m)^threads .*`).ReplaceAllString(out, "")
		if first == "" {
			first = out
		}
		if out != first {
			t.Errorf("with %s threads:\n%s\nwith one:\n%s", threads, out, first)
		}
	}
}

func TestRHFRefuses(t *testing.T) {
	n := newNix(t)
	rhf := buildRHF(t, n)
	dir := t.TempDir()
	crowd := "999\n\n"
	for i := range 999 {
		crowd += "Ne 0 0 " + strconv.Itoa(3*i) + "\n"
	}
	for i, c := range []struct {
		content string // of the XYZ file; "" for the water of the tests
		args    []string
		code    int
		message string
	}{
		{"", []string{"--iterations", "3", "FILE", "sto-3g"}, 1, "rhf: not converged after 3 iterations"},
		{"", []string{"--charge", "1", "FILE", "sto-3g"}, 2, "9 electrons: restricted Hartree-Fock needs an even number"},
		{"", []string{"--charge", "10", "FILE", "sto-3g"}, 2, "0 electrons do not fit 7 basis functions"},
		{"", []string{"--charge", "-10", "FILE", "sto-3g"}, 2, "20 electrons do not fit 7 basis functions"},
		{"", []string{"--charge", "one", "FILE", "sto-3g"}, 2, "--charge needs a whole number, not one"},
		{"", []string{"FILE", "sto-3g", "--charge"}, 2, "--charge needs a whole number, not nothing"},
		{"", []string{"FILE", "cc-pvdz"}, 2, "unknown basis cc-pvdz"},
		{"", []string{"FILE"}, 2, "a file and a basis are needed"},
		{"", []string{"--fast", "FILE", "sto-3g"}, 2, "unexpected argument --fast"},
		{"", []string{"no-such-file.xyz", "sto-3g"}, 2, "cannot read no-such-file.xyz: No such file or directory"},
		{"", []string{".", "sto-3g"}, 2, ".:1: expected the number of atoms"},
		{"\n", []string{"FILE", "sto-3g"}, 2, "FILE:1: expected the number of atoms"},
		{"2 atoms\n\n", []string{"FILE", "sto-3g"}, 2, "FILE:1: expected the number of atoms"},
		{"2", []string{"FILE", "sto-3g"}, 2, "FILE:2: expected a comment line"},
		{"2\n\nH 0 0 0\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: the file ends after 1 of 2 atoms"},
		{"2\n\nH 0 0 0\nH 0 0\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: expected an element and three numbers"},
		{"2\n\nH 0 0 0\nH 0 0 nan\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: a coordinate is not a finite number"},
		{"2\n\nH 0 0 0\nXx 0 0 1\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: unknown element Xx"},
		{"2\n\nH 0 0 0\nH 0 0 0\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: this atom is at the place of the one in line 3"},
		{"1\n\nHe 0 0 0\nHe 0 0 9\n", []string{"FILE", "sto-3g"}, 2, "FILE:4: more lines than the 1 atoms of line 1"},
		{crowd, []string{"FILE", "sto-3g"}, 2, "the molecule is too large: no memory for 593903611 MB"},
	} {
		file := filepath.Join(dir, strconv.Itoa(i)+".xyz")
		if c.content == "" {
			c.content = read(t, tests+"water.xyz")
		}
		if err := os.WriteFile(file, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		args := strings.Split(strings.ReplaceAll(strings.Join(c.args, "\x00"), "FILE", file), "\x00")
		stdout, stderr, code := n.command(rhf, args...)
		if message := strings.ReplaceAll(c.message, "FILE", file); code != c.code || !strings.Contains(stderr, message) {
			t.Errorf("rhf %q: exit %d, %q; expected exit %d, %q", c.args, code, stderr, c.code, message)
		}
		if strings.Contains(stdout, "\nenergy") {
			t.Errorf("rhf %q refuses, and prints an energy:\n%s", c.args, stdout)
		}
	}
}

// The unit of a file: angstrom, unless the flag or the comment line says bohr.
func TestUnits(t *testing.T) {
	n := newNix(t)
	rhf := buildRHF(t, n)
	file := filepath.Join(t.TempDir(), "h2.xyz")
	for _, c := range []struct {
		comment, coordinate string
		args                []string
		repulsion           string
	}{
		{"", "0.529177210903", nil, "1.000000000000"},
		{"", "1.0", []string{"--bohr"}, "1.000000000000"},
		{"in Bohr.", "1.0", nil, "1.000000000000"},
		{"bohrium is another thing", "0.529177210903", nil, "1.000000000000"},
	} {
		text := "2\n" + c.comment + "\nH 0 0 0\nh 0 0 " + c.coordinate + "\n\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out := n.must(rhf, append(c.args, file, "STO-3G")...)
		if got := field(t, out, `nuclear repulsion  (\S+)`); got != c.repulsion {
			t.Errorf("comment %q, arguments %q: nuclear repulsion %s, expected %s", c.comment, c.args, got, c.repulsion)
		}
	}
}

// field returns what the pattern's group matches, at the start of a line.
func field(t *testing.T, text, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(text)
	if match == nil {
		match = regexp.MustCompile(`(?m)^` + pattern).FindStringSubmatch(text)
	}
	if match == nil {
		t.Fatalf("no line %q in:\n%s", pattern, text)
	}
	return match[1]
}
