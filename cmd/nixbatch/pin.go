package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nix"
)

func pinCommand(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "pin", Usage: "print the pin of a source tree, to paste into a job file", ArgsUsage: "SOURCE",
		Description: "SOURCE is github:OWNER/REPO/REV, git+URL?rev=REV or ?ref=NAME, the https:// address of a tarball, or a directory.\n" +
			"REV is a commit of 40 hexadecimal digits; a branch or a tag works too: the commit that it stands for now is what\n" +
			"is printed (git is asked for that). An address is fetched by Nix, a git+URL by git; a directory needs neither.\n" +
			"Exit codes: 0 done, 2 not a source, 3 it could not be fetched.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fault.New(fmt.Sprintf("nixbatch pin takes one source, got %d arguments", c.NArg()), "nixbatch pin github:NixOS/nixpkgs/REV")
			}
			text, err := (&nix.Nix{Environ: os.Environ()}).PinText(c.Context, c.Args().First())
			if err != nil {
				return err
			}
			_, err = io.WriteString(s.Out, text)
			return err
		},
	}
}
