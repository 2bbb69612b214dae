package export_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// graph is a crate's entities by their ids.
func graph(t testing.TB, dir string) map[string]map[string]any {
	t.Helper()
	var doc struct {
		Context []string         `json:"@context"`
		Graph   []map[string]any `json:"@graph"`
	}
	if err := json.Unmarshal([]byte(files(t, dir)[export.CrateFile]), &doc); err != nil {
		t.Fatal(err)
	}
	if want := []string{"https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"}; !slices.Equal(doc.Context, want) {
		t.Errorf("context %v", doc.Context)
	}
	out := map[string]map[string]any{}
	for _, e := range doc.Graph {
		id := e["@id"].(string)
		if out[id] != nil {
			t.Errorf("%s is there twice", id)
		}
		out[id] = e
	}
	return out
}

// ids are the entities that a property refers to.
func ids(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		return []string{v["@id"].(string)}
	case []any:
		for _, x := range v {
			out = append(out, ids(x)...)
		}
	}
	return out
}

func typed(g map[string]map[string]any, kind string) (out []map[string]any) {
	for _, e := range g {
		if e["@type"] == kind {
			out = append(out, e)
		}
	}
	return out
}

func has(t *testing.T, e map[string]any, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if v, ok := e[k]; !ok || v == "" {
			t.Errorf("%v has no %s", e["@id"], k)
		}
	}
}

// defined are the keys that the two contexts define, of those written here.
var defined = strings.Fields("@id @type about conformsTo name description datePublished license author publisher hasPart mentions version url affiliation " +
	"encodingFormat contentSize startTime endTime agent instrument object result actionStatus error environment resourceUsage value softwareVersion softwareRequirements")

// Every rule that the reference validator has, as far as the facts list them.
func TestCrateRules(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3, NoEnd: map[int]bool{2: true}, Outputs: []facts.File{{Path: "big.dat", Size: 1 << 50, SHA256: strings.Repeat("ab", 32)}},
		Edit: func(p *plan.Plan) {
			p.Pins = append(p.Pins, plan.Pin{Role: "overlay", Kind: "github", From: "Nix-QChem/NixOS-QChem", Rev: strings.Repeat("1", 40), Hash: recordtest.SRI("overlay")})
		}})
	run.Seal(t)
	dir, _ := write(t, run, export.Options{Format: "ro-crate"})
	g := graph(t, dir)
	on := files(t, dir)

	t.Run("descriptor", func(t *testing.T) {
		d := g["ro-crate-metadata.json"]
		if d["@type"] != "CreativeWork" || ids(d["conformsTo"])[0] != "https://w3id.org/ro/crate/1.1" || ids(d["about"])[0] != "./" {
			t.Errorf("%v", d)
		}
	})
	root := g["./"]
	t.Run("root", func(t *testing.T) {
		has(t, root, "name", "description", "datePublished", "license", "author", "publisher", "hasPart", "mentions", "conformsTo")
		profile := g[ids(root["conformsTo"])[0]]
		if ids(root["conformsTo"])[0] != "https://w3id.org/ro/wfrun/process/0.5" || profile["@type"] != "CreativeWork" {
			t.Errorf("%v", profile)
		}
		has(t, profile, "name", "version")
	})
	t.Run("files", func(t *testing.T) {
		parts := ids(root["hasPart"])
		for _, f := range typed(g, "File") {
			has(t, f, "name", "encodingFormat")
			if _, ok := on[f["@id"].(string)]; !ok {
				t.Errorf("%v is not on disk", f["@id"])
			}
			if !slices.Contains(parts, f["@id"].(string)) {
				t.Errorf("%v is not in hasPart", f["@id"])
			}
		}
		for name := range on {
			if name != export.CrateFile && !slices.Contains(parts, name) {
				t.Errorf("%s is not described", name)
			}
		}
	})
	actions := typed(g, "CreateAction")
	t.Run("actions", func(t *testing.T) {
		if len(actions) != 3 {
			t.Fatalf("%d actions", len(actions))
		}
		mentioned := ids(root["mentions"])
		for _, a := range actions {
			has(t, a, "name", "description", "startTime", "endTime", "instrument", "agent", "object", "result", "actionStatus", "environment")
			if !slices.Contains(mentioned, a["@id"].(string)) {
				t.Errorf("%v is not in mentions", a["@id"])
			}
			status, ok := a["actionStatus"].(string)
			if !ok || !strings.HasPrefix(status, "http://schema.org/") {
				t.Errorf("status %v", a["actionStatus"])
			}
			if _, failed := a["error"]; failed != (status == "http://schema.org/FailedActionStatus") {
				t.Errorf("%v: error with %s", a["@id"], status)
			}
			for _, i := range ids(a["instrument"]) {
				if !strings.HasPrefix(i, "https://") || g[i]["@type"] != "SoftwareApplication" {
					t.Errorf("instrument %s", i)
				}
			}
			for _, p := range append(ids(a["environment"]), ids(a["resourceUsage"])...) {
				if g[p]["@type"] != "PropertyValue" {
					t.Errorf("%s is no PropertyValue", p)
				}
				has(t, g[p], "name", "value")
			}
		}
	})
	t.Run("times", func(t *testing.T) {
		good := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$`)
		times := []any{root["datePublished"]}
		for _, a := range actions {
			times = append(times, a["startTime"], a["endTime"])
		}
		for _, s := range times {
			if !good.MatchString(s.(string)) {
				t.Errorf("%v", s)
			}
		}
	})
	t.Run("software", func(t *testing.T) {
		for _, s := range typed(g, "SoftwareApplication") {
			has(t, s, "name", "url")
			_, v := s["version"]
			_, sv := s["softwareVersion"]
			if v == sv {
				t.Errorf("%v has version: %v, softwareVersion: %v", s["@id"], v, sv)
			}
			for _, r := range ids(s["softwareRequirements"]) {
				if g[r]["@type"] != "SoftwareApplication" {
					t.Errorf("%s", r)
				}
			}
		}
		for _, a := range actions {
			if len(ids(g[ids(a["instrument"])[0]]["softwareRequirements"])) != 2 {
				t.Error("the pins are not required")
			}
		}
	})
	t.Run("people", func(t *testing.T) {
		for _, p := range typed(g, "Person") {
			has(t, p, "name", "affiliation")
		}
		for _, o := range typed(g, "Organization") {
			has(t, o, "name", "url")
		}
		l := g[ids(root["license"])[0]]
		if l["@type"] != "CreativeWork" {
			t.Errorf("%v", l)
		}
		has(t, l, "name", "description")
	})
	t.Run("keys", func(t *testing.T) {
		for _, e := range g {
			for k := range e {
				if !slices.Contains(defined, k) {
					t.Errorf("%v has the key %s, which no context defines", e["@id"], k)
				}
			}
		}
	})
	t.Run("references", func(t *testing.T) {
		for _, e := range g {
			for k, v := range e {
				for _, id := range ids(v) {
					if g[id] == nil && !(k == "conformsTo" && e["@id"] == "ro-crate-metadata.json") {
						t.Errorf("%v: %s refers to %s, which is not there", e["@id"], k, id)
					}
				}
			}
		}
	})
	t.Run("outputs that stay where they are", func(t *testing.T) {
		e := g["#output-big.dat"]
		if e["@type"] != "CreativeWork" || !slices.Contains(ids(root["mentions"]), "#output-big.dat") {
			t.Errorf("%v", e)
		}
	})
}

func TestCratePeople(t *testing.T) {
	run := sealed(t, recordtest.Options{})
	dir, _ := write(t, run, export.Options{Format: "ro-crate", People: export.People{Author: "A. Author", ORCID: "0000-0002-1825-0097",
		Affiliation: "University", URL: "https://example.org", License: "CC-BY-4.0"}})
	g := graph(t, dir)
	if p := g["https://orcid.org/0000-0002-1825-0097"]; p["name"] != "A. Author" || ids(p["affiliation"])[0] != "https://example.org" {
		t.Errorf("%v", p)
	}
	if l := ids(g["./"]["license"])[0]; l != "https://spdx.org/licenses/CC-BY-4.0" {
		t.Error(l)
	}
}
