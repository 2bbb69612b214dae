package export

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

type object = map[string]any

// cyclonedx writes a bill of materials for each build (CycloneDX 1.5), with the
// properties that nixpkgs documents (doc/interoperability/cyclonedx.md).
func cyclonedx(r *load.Record, root string, o Options) error {
	if len(r.Envs) == 0 {
		return fault.New("the record of "+r.RunID+" has no closure", "runs made before closures were recorded have none")
	}
	for _, b := range r.Plan.Builds {
		e, ok := r.Envs[b.Arch]
		if !ok {
			continue
		}
		if err := writeJSON(root, b.Arch+".cdx.json", bill(r, b.Arch, e, o.Tool)); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

func writeJSON(root, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, name), append(data, '\n'), 0o644)
}

func bill(r *load.Record, arch string, e facts.Environment, tool facts.Tool) object {
	components, deps := []object{}, []object{}
	for _, p := range e.Paths {
		refs := []string{}
		for _, ref := range p.References {
			if ref != p.Path {
				refs = append(refs, ref)
			}
		}
		deps = append(deps, object{"ref": p.Path, "dependsOn": refs})
		if p.Path == e.Out {
			continue
		}
		components = append(components, component(p, "library"))
	}
	main := component(facts.StorePath{Path: e.Out, Deriver: e.Drv, NarHash: narHash(e)}, "application")
	main["name"] = r.Plan.Name + " environment"
	main["description"] = "packages " + strings.Join(r.Plan.Packages, ", ") + "; build for " + arch
	// The same build gives the same bill.
	id := sha256.Sum256([]byte("nixbatch bill of materials " + e.Out))
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562: version 8, its variant
	return object{
		"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"serialNumber": fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]),
		"metadata": object{
			"timestamp": e.Time.UTC().Format("2006-01-02T15:04:05Z"),
			"tools":     object{"components": []object{{"type": "application", "name": "nixbatch", "version": tool.Version}}},
			"component": main,
		},
		"components": components, "dependencies": deps,
	}
}

func narHash(e facts.Environment) string {
	for _, p := range e.Paths {
		if p.Path == e.Out {
			return p.NarHash
		}
	}
	return ""
}

func component(p facts.StorePath, kind string) object {
	q := ParsePath(p)
	props := []object{{"name": "nix:store_path", "value": p.Path}}
	add := func(name, value string) {
		if value != "" {
			props = append(props, object{"name": name, "value": value})
		}
	}
	add("nix:narinfo:store_path", p.Path)
	add("nix:narinfo:nar_hash", p.NarHash)
	if p.NarSize > 0 {
		add("nix:narinfo:nar_size", strconv.FormatInt(p.NarSize, 10))
	}
	add("nix:narinfo:deriver", p.Deriver)
	add("nixbatch:output", q.Output)
	c := object{"type": kind, "bom-ref": p.Path, "name": q.Name, "properties": props}
	if q.Version != "" {
		c["version"] = q.Version
	}
	return c
}
