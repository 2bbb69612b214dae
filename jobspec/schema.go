package jobspec

import (
	"bytes"
	"encoding/json"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/options"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// schema is a JSON Schema.
type schema = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of the job file, for editors.
// It is made from the tables that the decoder reads by, so that they cannot
// differ in a name; what a schema cannot say (a pattern's syntax, a duplicate
// key, 010) only Parse tells. Its bytes are always the same.
func Schema() []byte {
	s := objectSchema(jobBlock())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://github.com/nixbatch/nixbatch/blob/main/jobspec/schema.json"
	s["title"] = "nixbatch job file"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return b.Bytes()
}

// shape makes the schema of a value. Nothing is made before it is asked for.
type shape func() schema

func objectSchema[T any](b block[T]) schema {
	props, required := schema{}, []any{}
	for _, k := range b.keys {
		p := schema{"description": k.doc}
		for name, v := range k.schema() {
			p[name] = v
		}
		props[k.name] = p
		if k.need {
			required = append(required, k.name)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// mapOf is a block.
func mapOf[T any](b func() block[T]) shape { return func() schema { return objectSchema(b()) } }

// single are the types that one value of YAML can have: text is kept as it is
// written, also where YAML sees a number.
var single = []any{"string", "number", "boolean"}

// textOf is a single value, not empty, that matches re unless re is nil.
func textOf(re *lazyre.Regexp) shape {
	return func() schema {
		s := schema{"type": single, "minLength": 1}
		if re != nil {
			s["pattern"] = re.String()
		}
		return s
	}
}

// enumOf is one of a few words.
func enumOf(words []string) shape {
	return func() schema {
		all := []any{}
		for _, w := range words {
			all = append(all, w)
		}
		return schema{"enum": all}
	}
}

// listOf is a list of values that differ, of least many.
func listOf(item shape, least int) shape {
	return func() schema {
		s := schema{"type": "array", "items": item(), "uniqueItems": true}
		if least > 0 {
			s["minItems"] = least
		}
		return s
	}
}

// countOf is a whole number above zero, which may be quoted.
func countOf() schema {
	return schema{"anyOf": []any{schema{"type": "integer", "minimum": 1}, schema{"type": "string", "pattern": "^[1-9][0-9]*$"}}}
}

// autoOrCount is auto, or a whole number above zero, which may be quoted.
func autoOrCount() schema {
	return schema{"anyOf": append([]any{schema{"const": "auto"}}, countOf()["anyOf"].([]any)...)}
}

// namesTo is a map of names to single values.
func namesTo(names *lazyre.Regexp) shape {
	return func() schema {
		return schema{"type": "object", "additionalProperties": schema{"type": single},
			"propertyNames": schema{"pattern": names.String()}}
	}
}

// pinMap is exactly one kind of source, with what fixes it.
func pinMap(b func() block[pinning]) shape {
	kind := func(required []any, without ...any) schema {
		no := []any{}
		for _, w := range without {
			no = append(no, schema{"required": []any{w}})
		}
		return schema{"required": required, "not": schema{"anyOf": no}}
	}
	return func() schema {
		s := objectSchema(b())
		s["oneOf"] = []any{
			kind([]any{"github", "rev", "hash"}, "url", "git", "path"),
			kind([]any{"git", "rev", "hash"}, "github", "url", "path"),
			kind([]any{"url", "hash"}, "github", "git", "path", "rev"),
			kind([]any{"path"}, "github", "git", "url", "rev"),
		}
		return s
	}
}

func archNames() schema {
	names := append([]string{"generic"}, cpuflags.ArchNames()...)
	less := schema{"type": "string", "pattern": "^[a-z0-9-]+-no-[a-z0-9_]+(-[a-z0-9_]+)*$"}
	return schema{"anyOf": []any{
		enumOf(append([]string{"auto"}, names...))(),
		less,
		listOf(func() schema { return schema{"anyOf": []any{enumOf(names)(), less}} }, 1)(),
	}}
}

func slurmOptions() schema {
	props := schema{}
	for _, info := range sbatch.Table() {
		if options.Managed(info.Name) != "" {
			continue
		}
		s := textOf(nil)()
		switch {
		case info.Kind == sbatch.Flag:
			s = schema{"const": true}
		case info.Optional:
			s = schema{"anyOf": []any{schema{"const": true}, schema{"type": []any{"string", "number"}, "minLength": 1}}}
		case options.TakesList(info.Kind):
			s = schema{"anyOf": []any{s, listOf(textOf(nil), 1)()}}
		}
		s["description"] = options.Meaning(info)
		props[info.Name] = s
	}
	return schema{"type": "object", "properties": props, "additionalProperties": false}
}
