package jobspec

import (
	"slices"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/variables"
)

var envRE = lazyre.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// What execve(2) takes: MAX_ARG_STRLEN is 32 pages for one string, NAME=VALUE and
// a NUL; all strings share a quarter of the stack's limit, 2 MiB as a rule, with
// the arguments and the environment's own variables.
const (
	maxEnvVar = 32*4096 - 1
	maxEnv    = 1 << 20
)

// env reads the environment variables.
func (d *decoder) env(where string, n *node) []EnvVar {
	if !d.IsMapping(where, n) {
		return nil
	}
	var vars []EnvVar
	total := 0
	for _, p := range n.Keys {
		name := p.Key.Value
		at := dot(where, name)
		if !envRE.MatchString(name) {
			d.Add(p.Key.Pos, "use letters, digits and _, the first not a digit", "env: %s cannot be the name of a variable", shown(name))
			continue
		}
		if i := slices.IndexFunc(variables.Reserved, func(r variables.Family) bool { return r.Matches(name) }); i >= 0 {
			d.Add(p.Key.Pos, variables.Reserved[i].Hint, "env: %s cannot be set here: %s", name, variables.Reserved[i].Reason)
			continue
		}
		hint := ""
		if p.Value.Kind == nothing {
			hint = `write "" for an empty value`
		}
		if !p.Value.Single() || p.Value.Kind == nothing {
			d.Expected(at, "text", p.Value, hint)
			continue
		}
		if s, ok := d.AnyText(at, p.Value, "text"); ok {
			if len(name)+1+len(s) > maxEnvVar {
				d.Add(p.Value.Pos, "write it to a file, and name that in inputs", "env: %s has %d bytes; Linux starts no program with a variable of more than %d", name, len(s), maxEnvVar)
				continue
			}
			total += len(name) + 2 + len(s)
			vars = append(vars, EnvVar{name, s})
		}
	}
	if total > maxEnv {
		d.Add(n.Pos, "write the values to a file, and name that in inputs", "env: its variables have %d bytes together; more than %d leave no room for arguments", total, maxEnv)
	}
	return vars
}
