package jobspec

import (
	"bytes"
	"encoding/json"
	"regexp"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/slurm"
)

// schema is a JSON Schema.
type schema = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of the job file, for editors.
// It is made from the tables that the decoder reads by, so that they cannot
// differ in a name; what a schema cannot say (a pattern's syntax, a duplicate
// key, 010) only Parse tells. Its bytes are always the same.
func Schema() []byte {
	s := objectSchema(specFields)
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

func objectSchema(fields block) schema {
	props, required := schema{}, []any{}
	for _, f := range fields {
		p := schema{"description": f.meaning}
		for k, v := range f.schema {
			p[k] = v
		}
		props[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// single are the types that one value of YAML can have: text is kept as it is
// written, also where YAML sees a number.
var single = []any{"string", "number", "boolean"}

// textSchema is a single value, not empty, that matches re unless re is nil.
func textSchema(re *regexp.Regexp) schema {
	s := schema{"type": single, "minLength": 1}
	if re != nil {
		s["pattern"] = re.String()
	}
	return s
}

func enumSchema(words []string) schema {
	all := []any{}
	for _, w := range words {
		all = append(all, w)
	}
	return schema{"enum": all}
}

func listSchema(item schema, least int) schema {
	s := schema{"type": "array", "items": item, "uniqueItems": true}
	if least > 0 {
		s["minItems"] = least
	}
	return s
}

// countSchema is a whole number above zero, which may be quoted.
func countSchema() schema {
	return schema{"anyOf": []any{schema{"type": "integer", "minimum": 1}, schema{"type": "string", "pattern": "^[1-9][0-9]*$"}}}
}

func mapSchema(names *regexp.Regexp) schema {
	return schema{"type": "object", "additionalProperties": schema{"type": single},
		"propertyNames": schema{"pattern": names.String()}}
}

// pinSchema is exactly one kind of source, with what fixes it.
func pinSchema(fields block) schema {
	kind := func(required []any, without ...any) schema {
		no := []any{}
		for _, w := range without {
			no = append(no, schema{"required": []any{w}})
		}
		return schema{"required": required, "not": schema{"anyOf": no}}
	}
	s := objectSchema(fields)
	s["oneOf"] = []any{
		kind([]any{"github", "rev", "hash"}, "url", "git", "path"),
		kind([]any{"git", "rev", "hash"}, "github", "url", "path"),
		kind([]any{"url", "hash"}, "github", "git", "path", "rev"),
		kind([]any{"path"}, "github", "git", "url", "rev"),
	}
	return s
}

func archSchema() schema {
	names := append([]string{"generic"}, cpuflags.ArchNames()...)
	less := schema{"type": "string", "pattern": "^[a-z0-9-]+-no-[a-z0-9_]+(-[a-z0-9_]+)*$"}
	return schema{"anyOf": []any{
		enumSchema(append([]string{"auto"}, names...)),
		less,
		listSchema(schema{"anyOf": []any{enumSchema(names), less}}, 1),
	}}
}

func slurmSchema() schema {
	props := schema{}
	for _, name := range slurm.OptionNames() {
		info, _ := slurm.Lookup(name)
		s := textSchema(nil)
		switch {
		case info.Kind == slurm.Flag:
			s = schema{"const": true}
		case info.Optional:
			s = schema{"anyOf": []any{schema{"const": true}, schema{"type": []any{"string", "number"}, "minLength": 1}}}
		case takesList(info.Kind):
			s = schema{"anyOf": []any{s, listSchema(textSchema(nil), 1)}}
		}
		s["description"] = info.Meaning
		props[name] = s
	}
	return schema{"type": "object", "properties": props, "additionalProperties": false}
}
