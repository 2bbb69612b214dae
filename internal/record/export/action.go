package export

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

// file is an input or output of an action: a File that is here, or something
// that is named only.
func (b *crateBuilder) file(role string, f facts.File) (id string, err error) {
	c, ok := b.Contents.Find(role, f.Path)
	if ok && c.At != "" {
		return encode(c.At), nil
	}
	id = "#" + role + "-" + url.PathEscape(f.Path)
	if b.known[id] {
		return id, nil
	}
	why := c.Absent
	if why == "" {
		why = "not in this crate"
	}
	about := fmt.Sprintf("%s of the run, %d bytes, %s", role, f.Size, why)
	if f.SHA256 != "" {
		about += ", sha256 " + f.SHA256
	}
	b.others = append(b.others, id)
	return b.add(thing(id, "CreativeWork", text("name", f.Path), text("description", about)))
}

// files is the ids of several.
func (b *crateBuilder) files(ids []string, role string, all []facts.File) ([]string, error) {
	for _, f := range all {
		id, err := b.file(role, f)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// software is the environment of a build, and what it was made from.
func (b *crateBuilder) software(arch string) (string, error) {
	build, _ := b.Plan.BuildFor(arch)
	at := projectURL + "#environment-" + build.Key
	if b.known[at] {
		return at, nil
	}
	var needs []string
	for _, p := range b.Plan.Pins {
		at := projectURL + "#pin-" + url.PathEscape(p.Hash)
		version := p.Hash
		if p.Kind == "github" {
			at, version = "https://github.com/"+p.From+"/tree/"+p.Rev, p.Rev
		}
		name := p.From
		if name == "" {
			name = p.Role + " (a local tree)"
		}
		id, err := b.add(thing(at, "SoftwareApplication", text("name", name), text("url", at), text("softwareVersion", version)))
		if err != nil {
			return "", err
		}
		needs = append(needs, id)
	}
	e := thing(at, "SoftwareApplication", text("name", strings.Join(b.Plan.Packages, ", ")+" (build for "+arch+")"), text("url", at), text("softwareVersion", build.Key))
	if len(needs) > 0 {
		e = append(e, refs("softwareRequirements", needs...))
	}
	return b.add(e)
}

// value writes a PropertyValue of an action.
func (b *crateBuilder) value(id, name, value string) error {
	return b.graph.put(thing(id, "PropertyValue", text("name", name), text("value", value)))
}

// action writes what one attempt of a task did, and before it what it refers to.
func (b *crateBuilder) action(a load.Attempt, agent string) error {
	me := doing{a.Task, a.Attempt}
	id, s := me.id(), a.Start
	instrument, err := b.software(s.Build.Arch)
	if err != nil {
		return err
	}
	objects, err := b.files([]string{facts.JobFile, facts.LinesFile}, "input", s.Inputs)
	if err != nil {
		return err
	}
	about := fmt.Sprintf("%s with the build for %s, %d threads", strings.Join(b.Plan.Packages, ", "), s.Build.Arch, s.Threads)
	e := thing(id, "CreateAction", text("name", fmt.Sprintf("task %d, attempt %d of %s", a.Task, a.Attempt, b.RunID)),
		text("startTime", stamp(s.Time)), ref("agent", agent), ref("instrument", instrument), refs("object", objects...))
	env, err := b.environment(id, s.Vars)
	if err != nil {
		return err
	}
	if len(env) > 0 {
		e = append(e, refs("environment", env...))
	}
	if a.End == nil {
		// It began and left no end: that is not a failure, and not a result.
		e = append(e, text("endTime", stamp(b.Seal.Time)), refs("result", seal.TasksFile),
			text("description", about+"; incomplete: it left no end, the end time is that of the seal"), text("actionStatus", "http://schema.org/PotentialActionStatus"))
	} else {
		e = append(e, text("description", about))
		if e, err = b.ended(e, id, a.End); err != nil {
			return err
		}
	}
	b.actions = append(b.actions, me)
	return b.graph.put(e)
}

// environment writes the variables of an action. One that is set twice has one
// entity.
func (b *crateBuilder) environment(id string, vars []facts.Var) (ids []string, err error) {
	for _, v := range vars {
		at := id + "-env-" + url.PathEscape(v.Name)
		if !slices.Contains(ids, at) {
			if err := b.value(at, v.Name, v.Value); err != nil {
				return nil, err
			}
		}
		ids = append(ids, at)
	}
	return ids, nil
}

// ended adds to an action what its end tells.
func (b *crateBuilder) ended(e entity, id string, end *facts.End) (entity, error) {
	results, err := b.files(nil, "output", end.Outputs)
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		results = []string{seal.TasksFile}
	}
	e = append(e, text("endTime", stamp(end.Time)), refs("result", results...))
	if end.ExitCode != 0 {
		e = append(e, text("actionStatus", "http://schema.org/FailedActionStatus"), text("error", strings.TrimPrefix(end.Reason+fmt.Sprintf(", exit code %d", end.ExitCode), ", ")))
	} else {
		e = append(e, text("actionStatus", "http://schema.org/CompletedActionStatus"))
	}
	usage := []struct{ id, name, value string }{
		{id + "-elapsed", "elapsed seconds", fmt.Sprintf("%.3f", end.Elapsed)},
		{id + "-cpu", "CPU seconds", fmt.Sprintf("%.3f", end.UserTime+end.SysTime)},
		{id + "-memory", "memory of the largest process, KiB", fmt.Sprint(end.MaxRSS)},
	}
	var ids []string
	for _, u := range usage {
		if err := b.value(u.id, u.name, u.value); err != nil {
			return nil, err
		}
		ids = append(ids, u.id)
	}
	return append(e, refs("resourceUsage", ids...)), nil
}
