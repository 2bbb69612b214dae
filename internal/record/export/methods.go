package export

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	texts "github.com/nixbatch/nixbatch/internal/text"
)

// methods writes what a paper needs: a paragraph, BibTeX, and CITATION.cff.
func methods(r *load.Record, root string, o Options) error {
	m, err := gather(r, o.Tool)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for name, text := range map[string]string{"methods.txt": m.paragraph(), "references.bib": m.bibtex(), "CITATION.cff": m.citation(o.People)} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

// method is what is said about a run.
type method struct {
	*load.Record
	tool     facts.Tool
	builds   []string // arches that ran
	cpus     []string
	threads  []string
	packages []Package // those asked for, with their versions
	overlay  string    // the commit of NixOS-QChem, or ""
	qchem    bool
}

func gather(r *load.Record, tool facts.Tool) (*method, error) {
	m := &method{Record: r, tool: tool}
	err := r.Attempts(func(a load.Attempt) error {
		if a.Start == nil {
			return nil
		}
		m.threads = texts.AddNew(m.threads, fmt.Sprint(a.Start.Threads))
		if arch := a.Start.Build.Arch; arch != "" {
			m.builds = texts.AddNew(m.builds, arch)
		}
		for _, n := range a.Start.Nodes {
			if cpu := n.CPUName(); cpu != "" {
				m.cpus = texts.AddNew(m.cpus, cpu)
			}
		}
		return nil
	})
	for _, p := range r.Plan.Pins {
		if strings.EqualFold(p.From, "Nix-QChem/NixOS-QChem") || strings.Contains(strings.ToLower(p.From), "nix-qchem/nixos-qchem") {
			m.qchem, m.overlay = true, p.Rev
		}
	}
	// The packages that were asked for are named by attributes; a package of the
	// closure with that name tells the version.
	for _, attr := range r.Plan.Packages {
		last := attr[strings.LastIndexByte(attr, '.')+1:]
		found := Package{Name: last}
		for _, b := range r.Plan.Builds {
			for _, p := range Packages(r.Envs[b.Arch]) {
				if p.Name == last || strings.HasSuffix(p.Name, "-"+last) && found.Version == "" {
					found = p
				}
			}
		}
		m.packages = append(m.packages, found)
	}
	return m, err
}

func (m *method) software() string {
	var names []string
	for _, p := range m.packages {
		names = append(names, strings.TrimSpace(p.Name+" "+p.Version))
	}
	return words(names)
}

func words(list []string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func (m *method) paragraph() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Computations were done with %s. ", m.software())
	for _, p := range m.Plan.Pins {
		from := p.From
		if from == "" {
			from = "a local package set"
		}
		switch {
		case p.Role == "overlay":
			fmt.Fprintf(&b, "The overlay %s", from)
		default:
			fmt.Fprintf(&b, "All software was built by the Nix package manager from %s", from)
		}
		if p.Rev != "" {
			fmt.Fprintf(&b, " at commit %s", p.Rev)
		}
		if p.Role == "overlay" {
			b.WriteString(" was applied")
		}
		fmt.Fprintf(&b, " (contents %s). ", p.Hash)
	}
	if m.Plan.Compiler != "" {
		fmt.Fprintf(&b, "The compiler was GCC %s. ", m.Plan.Compiler)
	}
	if len(m.builds) > 0 {
		var named []string
		for _, arch := range m.builds {
			if arch == "generic" {
				named = append(named, "without CPU-specific options")
			} else {
				named = append(named, "for "+cpuflags.Words(arch)+" ("+m.options(arch)+")")
			}
		}
		fmt.Fprintf(&b, "The performance-critical packages were built %s and ran on %s with %s threads for each task. ", words(named), words(m.cpus), words(m.threads))
	}
	fmt.Fprintf(&b, "Jobs were run by nixbatch %s; the record of run %s", m.Intent.Tool.Version, m.RunID)
	if m.Seal != nil {
		fmt.Fprintf(&b, " has the seal %s", m.Seal.ID)
	}
	b.WriteString(".")
	if m.qchem {
		b.WriteString(" NixOS-QChem is described by Kowalewski and Seeber, Int. J. Quantum Chem. 2022, e26872.")
	}
	return b.String() + "\n"
}

// options is what the compiler was told of a build.
func (m *method) options(arch string) string {
	base := arch
	if b, ok := cpuflags.ParseBuild(arch); ok {
		base = b.Base
	}
	words := []string{"-march=" + base}
	if b, ok := m.Plan.BuildFor(arch); ok {
		words = append(words, b.Options...)
	}
	return strings.Join(words, " ")
}

func (m *method) bibtex() string {
	var b strings.Builder
	for _, p := range m.Plan.Pins {
		if p.Kind != "github" {
			continue
		}
		_, name, _ := strings.Cut(p.From, "/")
		fmt.Fprintf(&b, "@misc{%s,\n  author = {{%s contributors}},\n  title = {{%s}},\n  howpublished = {\\url{https://github.com/%s/tree/%s}},\n  note = {commit %s},\n}\n\n",
			strings.ToLower(name), name, name, p.From, p.Rev, p.Rev)
	}
	if m.qchem {
		fmt.Fprintf(&b, "@article{nixosqchem,\n  author = {Kowalewski, Markus and Seeber, Phillip},\n  title = {Sustainable packaging of quantum chemistry software with the {Nix} package manager},\n"+
			"  journal = {Int. J. Quantum Chem.},\n  year = {2022},\n  pages = {e26872},\n  note = {overlay at commit %s},\n}\n\n", m.overlay)
	}
	fmt.Fprintf(&b, "@misc{nixbatch,\n  author = {{nixbatch contributors}},\n  title = {{nixbatch}},\n  howpublished = {\\url{%s}},\n  note = {version %s; run %s},\n}\n", projectURL, m.Intent.Tool.Version, m.RunID)
	return b.String()
}

func (m *method) citation(p People) string {
	var b strings.Builder
	q := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\n", " "), "'", "''") + "'"
	}
	fmt.Fprintf(&b, "cff-version: 1.2.0\nmessage: %s\ntype: dataset\ntitle: %s\n", q("If you use these results, please cite the run and the software it used."), q("Run "+m.RunID))
	name := p.Author
	if name == "" {
		name = "author not named"
	}
	fmt.Fprintf(&b, "authors:\n  - name: %s\n", q(name))
	if p.ORCID != "" {
		fmt.Fprintf(&b, "    orcid: %s\n", q("https://orcid.org/"+strings.TrimPrefix(p.ORCID, "https://orcid.org/")))
	}
	if m.Seal != nil {
		fmt.Fprintf(&b, "date-released: %s\nidentifiers:\n  - type: other\n    value: %s\n    description: %s\n", q(m.Seal.Time.Format("2006-01-02")), q(m.Seal.ID), q("seal of the record"))
	}
	b.WriteString("references:\n")
	for _, s := range m.packages {
		fmt.Fprintf(&b, "  - type: software\n    title: %s\n    authors:\n      - name: %s\n", q(s.Name), q(s.Name+" contributors"))
		if s.Version != "" {
			fmt.Fprintf(&b, "    version: %s\n", q(s.Version))
		}
	}
	for _, pin := range m.Plan.Pins {
		if pin.Kind == "github" {
			fmt.Fprintf(&b, "  - type: software-code\n    title: %s\n    authors:\n      - name: %s\n    repository-code: %s\n    commit: %s\n",
				q(pin.From), q(pin.From+" contributors"), q("https://github.com/"+pin.From), q(pin.Rev))
		}
	}
	if m.qchem {
		b.WriteString("  - type: article\n    title: 'Sustainable packaging of quantum chemistry software with the Nix package manager'\n    authors:\n      - family-names: 'Kowalewski'\n        given-names: 'Markus'\n" +
			"      - family-names: 'Seeber'\n        given-names: 'Phillip'\n    journal: 'Int. J. Quantum Chem.'\n    year: 2022\n    start: 'e26872'\n")
	}
	return b.String()
}
