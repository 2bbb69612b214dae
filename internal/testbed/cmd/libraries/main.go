// Command libraries does nothing, with the libraries that nixbatch is built on
// linked into it: what they cost a program before its first line. The
// benchmarks have it between an empty program and nixbatch.
package main

import (
	_ "archive/zip"
	_ "debug/elf"
	_ "encoding/json"
	_ "regexp"

	_ "github.com/klauspost/cpuid/v2"
	_ "github.com/nix-community/go-nix/pkg/nar"
	_ "github.com/nix-community/go-nix/pkg/nixhash"
	_ "github.com/urfave/cli/v2"
	_ "gopkg.in/yaml.v3"
)

func main() {}
