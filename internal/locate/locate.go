// Package locate is how a job file says where in a file a number stands: by a
// pattern, a path into JSON, or a column of a table.
//
// It promises that what it lets through is read in one way, by those who check a
// job file and by those who look into the file. It looks at no file itself.
package locate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Pattern refuses what is no pattern (RE2), or finds a number in every line.
func Pattern(s string) (problem, hint string) {
	re, err := regexp.Compile(s)
	switch {
	case err != nil:
		_, why, _ := strings.Cut(err.Error(), "error parsing regexp: ")
		return "is not a pattern: " + why, "patterns are RE2's; put it between single quotes"
	case re.MatchString(""):
		return "fits anything", `write what stands before the number, such as 'energy *= *(\S+)'`
	}
	return "", ""
}

// JSONPathRE is a path into JSON: scf.energies[0], list[*].Value.
var JSONPathRE = lazyre.New(`^[^.\[\]]+(\[([0-9]+|\*)\])*(\.[^.\[\]]+(\[([0-9]+|\*)\])*)*$`)

// JSONPath refuses what is no path.
func JSONPath(s string) (problem, hint string) {
	if JSONPathRE.MatchString(s) {
		return "", ""
	}
	return "is not a path", "write names with dots between them, and [0] or [*] behind a list"
}

// Steps are the names and the elements of lists, * for all of one, that a path
// goes through.
func Steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// Column refuses a number that no column has.
func Column(s string) (problem, hint string) {
	if n, ok := Number(s); ok && (n < 1 || n > maxColumn) {
		return "is no column", "they are counted from 1"
	}
	return "", ""
}

const maxColumn = 100_000

// Number is the column that is named by its place, from 1; false for one that is
// named by its heading.
func Number(column string) (int, bool) {
	if !lazyre.Digits(column, 9) {
		return 0, false
	}
	n, err := strconv.Atoi(column)
	return n, err == nil
}

// Separators are what may stand between the columns of a table.
var Separators = []string{"comma", "semicolon", "tab", "blank"}

// Separator is what stands between the columns of a file: what is said of it,
// else what its name tells.
func Separator(said, file string) string {
	switch {
	case said != "":
		return said
	case strings.HasSuffix(strings.ToLower(file), ".csv"):
		return "comma"
	case strings.HasSuffix(strings.ToLower(file), ".tsv"):
		return "tab"
	}
	return "blank"
}

// Which of several numbers is meant.
var Which = []string{"all", "first", "last"}
