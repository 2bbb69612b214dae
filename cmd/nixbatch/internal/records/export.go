package records

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/screen"
	"github.com/nixbatch/nixbatch/internal/ui"
)

func recordExport(s command.Streams) *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write a record for others", ArgsUsage: "[RUN|FILE]",
		Description: "Formats: json is the record itself with inputs, outputs and local pins; ro-crate the same as a Process Run\n" +
			"Crate; cyclonedx a bill of materials of each build; methods what a paper needs. json and ro-crate can be verified\n" +
			"and rerun. Exit codes: 0 done, 2 no such record, not sealed, or the name is taken.",
		Flags: []cli.Flag{command.JSONFlag(),
			&cli.StringFlag{Name: "format", Value: "json", Usage: strings.Join(export.Formats, ", ")},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`NAME` of a directory to make, or of a file that ends in .zip"},
			&cli.BoolFlag{Name: "redact", Usage: "leave out what names people, hosts, accounts and directories; it still verifies"},
			&cli.Int64Flag{Name: "max-file", Value: 100, Usage: "only name files larger than `MIB`"},
			&cli.StringFlag{Name: "author", Usage: "`NAME` of the author"}, &cli.StringFlag{Name: "orcid", Usage: "the author's `ORCID`"},
			&cli.StringFlag{Name: "affiliation", Usage: "`NAME` of the author's organisation"}, &cli.StringFlag{Name: "url", Usage: "its `URL`"},
			&cli.StringFlag{Name: "license", Usage: "SPDX `ID` of the licence, such as CC-BY-4.0"}},
		Action: func(c *cli.Context) error {
			name, err := One(c)
			if err != nil {
				return err
			}
			if f := c.String("format"); !slices.Contains(export.Formats, f) {
				return fault.New(fmt.Sprintf("there is no format %q", f), "formats are "+strings.Join(export.Formats, ", "))
			}
			if c.Int64("max-file") < 0 || c.Int64("max-file") > 1<<30 {
				return fault.New("--max-file needs a number of MiB", "--max-file=100")
			}
			r, err := Open(c.Context, s, name)
			if err != nil {
				return err
			}
			defer r.Close()
			o := export.Options{
				Format: c.String("format"), Redact: c.Bool("redact"), Out: c.String("output"), MaxFile: c.Int64("max-file") << 20, Tool: command.Tool(),
				People: export.People{Author: c.String("author"), ORCID: c.String("orcid"), Affiliation: c.String("affiliation"), URL: c.String("url"), License: c.String("license")},
			}
			if o.Out == "" {
				o.Out = r.RunID + "." + o.Format
			}
			list, err := export.Write(c.Context, r, o)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return ui.PrintJSON(s.Out, ui.Exported{Schema: ui.ExportedSchema, RunID: r.RunID, Format: o.Format, Output: o.Out, Contents: list})
			}
			screen.Printf(s.Out, "%s\n", o.Out)
			if list != nil {
				for _, f := range list.Files {
					if f.Absent != "" {
						screen.Printf(s.Err, "not in it: %s %s: %s\n", f.Role, f.Path, f.Absent)
					}
				}
			}
			return nil
		},
	}
}
