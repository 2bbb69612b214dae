// Package schemas is the JSON Schemas of everything in a record, and of what every
// command prints with --json: docs/schemas.
//
// It promises that they are made from the types that are written and
// printed, so that the two cannot differ, and that their bytes are always the same. Fields may be
// added under the same name of a schema; so none forbids what it does not know.
package schemas

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/doctor"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/gc"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/results"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/runs"
	"github.com/nixbatch/nixbatch/internal/ui"
	"github.com/nixbatch/nixbatch/internal/why"
)

// recorded are the types of what lies in run directories and exports, by the
// name of the schema.
var recorded = map[string]any{
	facts.IntentSchema: facts.Intent{}, facts.SubmitSchema: facts.Submit{}, facts.StartSchema: facts.Start{}, facts.EndSchema: facts.End{},
	facts.EnvironmentSchema: facts.Environment{}, facts.InputsSchema: facts.Inputs{}, facts.AccountingSchema: facts.Accounting{}, facts.ResultSchema: facts.Result{},
	seal.SealSchema: seal.Seal{}, private.PrivateSchema: private.Private{}, private.KeySchema: private.KeyData{}, load.ContentsSchema: load.Contents{},
}

// printed are the types of what commands print. Two are also recorded: the plan,
// to which the command adds what its builds cost now, and the seal.
var printed = map[string]any{
	ui.CheckedSchema: ui.Checked{}, plan.Schema: ui.Plan{}, ui.MadeSchema: ui.Made{}, ui.SubmittedSchema: ui.Submitted{}, ui.ChainSchema: ui.Chain{},
	ui.StatusSchema: ui.StatusJSON{}, ui.NodesSchema: ui.Nodes{}, ui.RerunSchema: ui.Rerun{}, ui.RetriedSchema: ui.Retried{},
	ui.ExportedSchema: ui.Exported{}, ui.ErrorSchema: ui.Failure{}, cpuflags.Schema: cpuflags.Report{}, doctor.DoctorSchema: doctor.Health{},
	why.Schema: why.Why{}, gc.Schema: gc.Report{}, runs.ListSchema: runs.List{}, runs.Schema: runs.Report{}, show.Schema: show.Record{}, show.ListSchema: show.List{},
	results.Schema: results.Table{}, check.Schema: check.Report{}, compare.Schema: compare.Report{}, seal.SealSchema: seal.Seal{},
}

// Printed are the names of the schemas of what commands print, sorted.
func Printed() []string { return slices.Sorted(maps.Keys(printed)) }

// All is the schemas (draft 2020-12) by their file names: "nixbatch/seal/v1" is
// in seal-v1.json.
func All() map[string][]byte {
	out := map[string][]byte{}
	kinds := maps.Clone(recorded)
	maps.Copy(kinds, printed)
	for name, v := range kinds {
		s := of(reflect.TypeOf(v))
		s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		file := strings.ReplaceAll(strings.TrimPrefix(name, "nixbatch/"), "/", "-") + ".json"
		s["$id"] = "https://github.com/nixbatch/nixbatch/blob/main/docs/schemas/" + file
		s["title"] = name
		if p, ok := s["properties"].(map[string]any); ok {
			p["schema"] = map[string]any{"const": name}
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			panic(err) // maps of strings always encode
		}
		out[file] = b.Bytes()
	}
	return out
}

var special = map[reflect.Type]map[string]any{
	reflect.TypeFor[time.Time](): {"type": "string", "format": "date-time"},
	reflect.TypeFor[facts.Float](): {"anyOf": []any{map[string]any{"type": "number"}, map[string]any{"enum": []any{"NaN", "Infinity", "-Infinity"}}},
		"description": "JSON has neither NaN nor infinite numbers: they are strings"},
	reflect.TypeFor[cpuflags.Set](): {"type": "array", "items": map[string]any{"type": "string"}},
}

// of is the schema of a type.
func of(t reflect.Type) map[string]any {
	if s, ok := special[t]; ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{of(t.Elem()), map[string]any{"type": "null"}}}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": []any{"array", "null"}, "items": of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": []any{"object", "null"}, "additionalProperties": of(t.Elem())}
	case reflect.Struct:
		return object(t)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Interface:
		return map[string]any{}
	}
	return map[string]any{"type": "integer"}
}

func object(t reflect.Type) map[string]any {
	props, required := map[string]any{}, []any{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer:
				walk(f.Type.Elem())
				continue
			case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
				walk(f.Type)
				continue
			case !f.IsExported() || name == "-":
				continue
			case name == "":
				name = f.Name
			}
			props[name] = of(f.Type)
			if !strings.Contains(rest, "omitempty") && !strings.Contains(rest, "omitzero") {
				required = append(required, name)
			}
		}
	}
	walk(t)
	s := map[string]any{"type": "object", "properties": props}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
