// Package schemastest checks JSON against the published schemas, in tests.
//
// It promises that a document passes only under the schema that it names itself,
// by a validator that is not this program's.
package schemastest

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nixbatch/nixbatch/internal/schemas"
)

// Checker finds the schema that a document names.
type Checker map[string]*jsonschema.Schema

// New is one that knows all published schemas.
func New(t testing.TB) Checker {
	t.Helper()
	out := Checker{}
	for name, text := range schemas.All() {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		if out[doc.(map[string]any)["title"].(string)], err = c.Compile(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Check fails the test unless data is one JSON document that is as the schema
// says that it names, and returns that name.
func (c Checker) Check(t testing.TB, what string, data []byte) string {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, data)
	}
	top, _ := doc.(map[string]any)
	name, _ := top["schema"].(string)
	if c[name] == nil {
		t.Errorf("%s has the schema %q, which is not published", what, name)
		return name
	}
	if err := c[name].Validate(doc); err != nil {
		t.Errorf("%s: %v\n%s", what, err, data)
	}
	return name
}
