package cpuflags

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
)

// Schema is the name and version of Report's JSON.
const Schema = "nixbatch/cpu/v1"

// Report tells one CPU, the build chosen for it, and why not a better one. Its
// JSON is an interface: fields are only ever added.
type Report struct {
	Schema       string   `json:"schema"`
	Architecture string   `json:"architecture"`
	Vendor       string   `json:"vendor"`
	Family       int      `json:"family"`
	Model        int      `json:"model"`
	Stepping     int      `json:"stepping"`
	Name         string   `json:"name"`
	Processors   int      `json:"processors"`
	Source       string   `json:"source"`
	Level        string   `json:"level"`
	Arch         string   `json:"arch"`
	SoftMissing  []string `json:"soft_missing"`
	Not          []WhyNot `json:"not"`
	Flags        Set      `json:"flags"`
	// Compile is what GCC is given for the build; empty for Generic.
	Compile       []string       `json:"compile,omitempty"`
	Disagreements []Disagreement `json:"disagreements,omitempty"`
	Note          string         `json:"note,omitempty"`
}

// newest is a version above that of every GCC.
const newest = "999"

// NewReport chooses for a CPU under the limits, as Best does.
func NewReport(c CPU, l Limits) Report {
	ch := Best(c, l)
	r := Report{Schema: Schema, Architecture: c.Arch, Vendor: c.Vendor, Family: c.Family, Model: c.Model,
		Stepping: c.Stepping, Name: c.Name, Processors: c.Processors, Source: c.Source,
		Level: ch.Level, Arch: ch.Arch, SoftMissing: ch.SoftMissing, Not: ch.Not, Flags: c.Flags,
		Disagreements: c.Disagreements, Note: c.Note}
	if b, ok := ParseBuild(ch.Arch); ok && ch.Arch != Generic {
		r.Compile = []string{"-march=" + b.Base, "-mtune=" + ch.Tune}
		if c.Arch == AArch64 {
			r.Compile = []string{"-mcpu=" + b.Base}
		}
		if !l.Whole {
			r.Compile = append(r.Compile, b.Options(cmp.Or(l.GCC, newest))...)
		}
	}
	return r
}

// Text is the report for people: a few labelled lines, and a table of the
// better arches with what each lacks. It ends in a newline.
func (r Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	line("cpu", "%s", orUnknown(r.Name))
	if r.Architecture == AArch64 {
		line("vendor", "%s (%s)", orUnknown(r.Vendor), r.Architecture)
	} else {
		line("vendor", "%s, family %d, model %d", orUnknown(r.Vendor), r.Family, r.Model)
	}
	line("seen in", "%s, %d processors", r.Source, r.Processors)
	for _, k := range []struct {
		verb         string
		cpuid, taken bool
	}{{"hides, and the core has, so used: ", true, true}, {"hides, though the core has: ", true, false}, {"shows, and the core denies: ", false, false}} {
		if flags := r.disagree(k.cpuid, k.taken); flags != "" {
			line("kernel", "%s%s", k.verb, flags)
		}
	}
	if r.Note != "" {
		line("note", "%s", r.Note)
	}
	line("level", "%s", orNone(r.Level))
	build := orNone(r.Arch)
	if words := Words(r.Arch); words != r.Arch {
		build = fmt.Sprintf("%s (%s)", words, r.Arch)
	}
	line("build", "%s", build)
	if len(r.Compile) > 0 {
		line("compile", "%s", strings.Join(r.Compile, " "))
	}
	if len(r.SoftMissing) > 0 {
		line("masked", "%s (compilers never emit these by themselves)", strings.Join(r.SoftMissing, " "))
	}
	w.Flush()
	if len(r.Not) == 0 {
		b.WriteString("no better build is known for this CPU\n")
		return b.String()
	}
	b.WriteString("\nwhy not better:\n")
	for _, n := range r.Not {
		fmt.Fprintf(w, "  %s\t%s\n", n.Arch, n.Explain())
	}
	w.Flush()
	return b.String()
}

// disagree lists the flags of which CPUID and the kernel do not say the same.
func (r Report) disagree(cpuid, taken bool) string {
	var flags []string
	for _, d := range r.Disagreements {
		if d.CPUID == cpuid && d.Taken == taken {
			flags = append(flags, d.Flag)
		}
	}
	return strings.Join(flags, " ")
}

// Explain is one line: the reason, the flags, the soft flags apart.
func (n WhyNot) Explain() string {
	s := n.Reason
	if len(n.Missing) > 0 {
		s = "lacks " + strings.Join(n.Missing, " ")
	}
	if len(n.SoftMissing) > 0 {
		s += " (and, not needed: " + strings.Join(n.SoftMissing, " ") + ")"
	}
	return s
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func orNone(s string) string {
	if s == "" {
		return "none: not even the baseline"
	}
	return s
}
