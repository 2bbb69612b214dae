package nixgraph

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
)

// Legend says what the derivations below an environment are called in the job file.
// environment.nix writes it into the derivation of an optimised environment.
type Legend struct {
	Packages []struct {
		Name string `json:"name"`
		Drv  string `json:"drv"`
	} `json:"packages"` // of the environment, in their order
	Optimize []struct {
		Name string `json:"name"`
		Is   string `json:"is"` // the derivation's name
	} `json:"optimize"` // what was named to be optimised
}

// legendAt is which argument of the environment's builder the legend is: the three
// before it are those of every environment.
const legendAt = 3

// Named is what became of one name.
type Named struct {
	Name  string   `json:"name"`
	Is    string   `json:"is"`    // the name of the derivation that it stands for
	Forms []string `json:"forms"` // names of the derivations below the environment that are made from it, sorted
	// Reaches are those packages of the environment, in their order, that are made
	// from it or with it.
	Reaches []string `json:"reaches"`
	Rebuilt []string `json:"rebuilt"` // names of the derivations that are made again on its account, sorted
	// Arguments are what it was given beside flags, as JSON; "" for nothing.
	Arguments string `json:"arguments,omitempty"`
}

// Reach is what the names of an optimised environment come to. Lists of derivations
// are of their names, sorted.
type Reach struct {
	Names []Named `json:"names"`
	// Rebuilt lies between the names and the environment: the first are in it, the
	// environment is not.
	Rebuilt []string `json:"rebuilt"`
	// Tested are those that run their tests, of Rebuilt and of what is told a CPU.
	Tested []string `json:"tested"`
	// March is what compilers are told as -march by the package set itself, not for the
	// names' sake, and in how many derivations.
	March map[string]int `json:"march"`
	// All are the names of all derivations below the environment but downloads.
	All []string `json:"-"`
}

// Twice is a package that is made again for some and used as it was by others: there
// are two copies of it below one environment.
type Twice struct {
	Name string   `json:"name"`
	By   []string `json:"by"` // who uses the generic one
}

// Reach reads what an environment says of itself. One that names nothing to be
// optimised has no Names.
func (g *Graph) Reach() (r Reach, err error) {
	d, err := ReadDerivation(g.Root)
	if err != nil {
		return r, err
	}
	var l Legend
	if len(d.Args) > legendAt {
		if err := json.Unmarshal([]byte(d.Args[legendAt]), &l); err != nil {
			return r, fmt.Errorf("derivation %s: what it says of itself: %w", g.Root, err)
		}
	}
	users := g.users()
	rebuilt := map[string]bool{}
	for _, o := range l.Optimize {
		var made []string
		n := Named{Name: o.Name, Is: o.Is, Forms: []string{}, Reaches: []string{}}
		for drv, node := range g.Nodes {
			if slices.Contains(node.Names, o.Name) {
				made = append(made, drv)
				n.Forms = append(n.Forms, node.Name)
				n.Arguments = max(n.Arguments, node.Arguments)
			}
		}
		above := g.above(made, users)
		for _, p := range l.Packages {
			if above[p.Drv] {
				n.Reaches = append(n.Reaches, p.Name)
			}
		}
		for drv := range above {
			if drv != g.Root {
				rebuilt[drv] = true
				n.Rebuilt = append(n.Rebuilt, g.Nodes[drv].Name)
			}
		}
		sort.Strings(n.Forms)
		sort.Strings(n.Rebuilt)
		r.Names = append(r.Names, n)
	}
	r.March = map[string]int{}
	for drv, node := range g.Nodes {
		if rebuilt[drv] {
			r.Rebuilt = append(r.Rebuilt, node.Name)
		}
		if node.March != "" && len(node.Names) == 0 {
			r.March[node.March]++
		}
		if node.Tests && (rebuilt[drv] || node.March != "") {
			r.Tested = append(r.Tested, node.Name)
		}
		if !node.Fixed && drv != g.Root {
			r.All = append(r.All, node.Name)
		}
	}
	for _, names := range []*[]string{&r.Rebuilt, &r.Tested, &r.All} {
		sort.Strings(*names)
	}
	r.All = slices.Compact(r.All)
	return r, nil
}

// users are, for each derivation, those that have it as an input.
func (g *Graph) users() map[string][]string {
	users := make(map[string][]string, len(g.Nodes))
	for drv, node := range g.Nodes {
		for in := range node.Inputs {
			users[in] = append(users[in], drv)
		}
	}
	return users
}

// above are some derivations and all that are made from them, the root included. A
// download stays what it is, whatever it is downloaded with.
func (g *Graph) above(some []string, users map[string][]string) map[string]bool {
	seen := map[string]bool{}
	for todo := slices.Clone(some); len(todo) > 0; {
		drv := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[drv] || g.Nodes[drv].Fixed {
			continue
		}
		seen[drv] = true
		todo = append(todo, users[drv]...)
	}
	return seen
}

// Twice finds packages of g of which the generic form is there too: what a changed
// derivation was in the graph of generic, by its place below the two environments,
// and g still has.
func (g *Graph) Twice(generic *Graph) (out []Twice) {
	var users map[string][]string
	changed := map[string]bool{}
	for _, node := range g.Diff(generic) {
		changed[node.Drv] = true
	}
	type pair struct{ is, was string }
	seen := map[pair]bool{}
	told := map[string]bool{}
	for todo := []pair{{g.Root, generic.Root}}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p] {
			continue
		}
		seen[p] = true
		if _, still := g.Nodes[p.was]; still && !told[p.was] {
			told[p.was] = true
			if users == nil {
				users = g.users()
			}
			t := Twice{Name: g.Nodes[p.was].Name}
			for _, user := range users[p.was] {
				t.By = append(t.By, g.Nodes[user].Name)
			}
			sort.Strings(t.By)
			out = append(out, t)
		}
		for is := range g.Nodes[p.is].Inputs {
			if !changed[is] {
				continue
			}
			for was := range generic.Nodes[p.was].Inputs {
				if _, same := g.Nodes[p.is].Inputs[was]; !same && g.Nodes[is].form() == generic.Nodes[was].form() {
					todo = append(todo, pair{is, was})
				}
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// form is what two forms of one package have in common.
func (n Node) form() string {
	outs := make([]string, 0, len(n.Outputs))
	for name := range n.Outputs {
		outs = append(outs, name)
	}
	sort.Strings(outs)
	text, _ := json.Marshal(append(outs, n.Name))
	return string(text)
}

// Astray says what is not as an optimised environment promises, compared with the
// generic one: that the derivations which differ are those that lie between a name
// and the environment, and no package is there as it was and made again.
func (g *Graph) Astray(generic *Graph) (problems []string, err error) {
	r, err := g.Reach()
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, node := range g.Diff(generic) {
		if node.Drv != g.Root {
			changed = append(changed, node.Name)
		}
	}
	// What a package makes of its arguments on the way to itself (a generator of its
	// code) is a part of it.
	inner := g.below(func(n Node) bool { return n.Arguments != "" })
	var own []string
	for drv := range inner {
		own = append(own, g.Nodes[drv].Name)
	}
	for _, name := range without(without(changed, r.Rebuilt), own) {
		problems = append(problems, name+" differs, and lies between no name and the environment")
	}
	for _, name := range without(r.Rebuilt, changed) {
		problems = append(problems, name+" lies between a name and the environment, and is as it was")
	}
	for _, t := range g.Twice(generic) {
		problems = append(problems, fmt.Sprintf("%s is there as it was, for %v, and made again", t.Name, t.By))
	}
	return problems, nil
}

// below are the inputs of some derivations, and theirs.
func (g *Graph) below(some func(Node) bool) map[string]bool {
	var todo []string
	for _, node := range g.Nodes {
		if some(node) {
			for in := range node.Inputs {
				todo = append(todo, in)
			}
		}
	}
	seen := map[string]bool{}
	for len(todo) > 0 {
		drv := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[drv] {
			continue
		}
		seen[drv] = true
		for in := range g.Nodes[drv].Inputs {
			todo = append(todo, in)
		}
	}
	return seen
}

// without is what some have beyond others, each as often.
func without(some, others []string) (out []string) {
	count := map[string]int{}
	for _, o := range others {
		count[o]++
	}
	for _, s := range some {
		if count[s]--; count[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}
