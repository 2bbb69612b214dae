package sbatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// Check says what is wrong with an option's value; nil if nothing is. It
// is never stricter than sbatch(1) about forms that have a meaning, and refuses
// what sbatch refuses, or takes for something else, as far as that can be told
// without the cluster. An unknown name gives ErrUnknownOption.
func Check(name, value string) error {
	info, ok := Lookup(name)
	if !ok {
		return ErrUnknownOption
	}
	if err := oneLine(value); err != nil {
		return err
	}
	if value == "" {
		if info.Kind == Flag || info.Optional {
			return nil
		}
		return fmt.Errorf("a value is missing (%s)", info.Meaning)
	}
	if strings.TrimSpace(value) != value {
		return fmt.Errorf("value %q begins or ends with a space", value)
	}
	if name == "comment" && len(value) > maxComment {
		return fmt.Errorf("it has %d bytes, and %d are the most", len(value), maxComment)
	}
	return checkKind(info, value)
}

// maxComment is the most bytes of a job's comment (slurm.h, MAX_COMMENT_LEN).
const maxComment = 1024

// forms are the kinds whose values a regular expression can tell, with what to
// say otherwise.
var forms = [...]struct {
	re   *lazyre.Regexp
	want string
}{
	Int:        {lazyre.New(`^[0-9]{1,9}$`), "a whole number"},
	Positive:   {lazyre.New(`^0*[1-9][0-9]{0,8}$`), "a whole number above zero"}, // most are told by checkKind alone
	Signed:     {lazyre.New(`^[+-]?[0-9]{1,9}$`), "a whole number"},
	List:       {lazyre.New(`^[^\s,]+(,[^\s,]+)*$`), "names with commas and no spaces between"},
	Signal:     {lazyre.New(`^([RB]{1,2}:)?[A-Za-z0-9+]+(@[0-9]{1,5})?$`), "a signal such as USR1@120 or B:TERM@300"},
	Constraint: {lazyre.New("^[^\\s'\"\\\\;$`]+$"), "features with & and |, without spaces"},
	Switches:   {lazyre.New(`^[0-9]{1,9}(@.+)?$`), "a number of switches, and @ with the time to wait"},
	Layout:     {lazyre.New(`^([0-9]+(-[0-9]+)?|\*)(:([0-9]+(-[0-9]+)?|\*)){0,2}$`), "sockets, or sockets:cores, or sockets:cores:threads"},
	Amount:     {lazyre.New(`^([A-Za-z0-9_.-]+:)?[0-9]{1,9}[kKmMgGtT]?(,[A-Za-z0-9_.-]+:[0-9]{1,9})*$`), "a number, or type:number"},
	Dependency: {lazyre.New(`^` + depPart + `((,` + depPart + `)*|(\?` + depPart + `)*)$`), "type:job id, such as afterok:1234, with commas (all) or question marks (any)"},
	Moment:     {lazyre.New(`(?i)^(` + now + `|` + day + `([T -]` + clock + `)?|` + clock + `( ` + day + `)?)$`), "a time such as 16:00, now+1hour or 2027-01-20T12:34:00"},
	Words:      {}, // so that every kind has a place
}

// Pieces of the forms above. The moments are what sbatch 22.05 reads, which is
// less than its manual page says: no 4pm, no now+1min.
const (
	now   = `now( ?[+-] ?[0-9]+ ?((second|minute|hour|day|week)s?)?)?`
	day   = `(today|tomorrow|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[/.][0-9]{1,2}([/.][0-9]{2,4})?|[0-9]{4}|[0-9]{6})`
	clock = `(midnight|noon|fika|teatime|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[ap]m)?)`

	depPart = `(singleton|((after|afterany|afterburstbuffer|aftercorr|afternotok|afterok|expand):)?[0-9]+(_([0-9]+|\*))?(\+[0-9]+)?(:[0-9]+(_([0-9]+|\*))?(\+[0-9]+)?)*)`
)

func checkKind(info OptionInfo, value string) error {
	if lazyre.Digits(value, 9) && value[0] != '0' && (info.Kind == Int || info.Kind == Positive || info.Kind == Signed) {
		return nil // the plain case, without an expression
	}
	if p := forms[info.Kind]; p.re != nil && !p.re.MatchString(value) {
		return fmt.Errorf("%q is not %s", value, p.want)
	}
	switch info.Kind {
	case Flag:
		return fmt.Errorf("it takes no value, but has %q", value)
	case Time:
		_, err := slurm.ParseTime(value)
		return err
	case Size:
		_, err := slurm.ParseSize(value)
		return err
	case Hosts:
		if strings.ContainsAny(value, "/ ") { // sbatch would read a file
			return fmt.Errorf("%q is not a list of nodes", value)
		}
		_, err := hostlist.Expand(value)
		return err
	case Signal:
		return checkSignal(value)
	case Switches:
		if _, wait, ok := strings.Cut(value, "@"); ok {
			_, err := slurm.ParseTime(wait)
			return err
		}
	case Count:
		_, _, err := slurm.ParseNodes(value)
		return err
	case Constraint:
		return checkBrackets(value)
	case Word:
		return checkWord(info, value)
	case Words:
		words := strings.Split(value, ",")
		for _, w := range words {
			if err := checkWord(info, w); err != nil {
				return err
			}
			if up := strings.ToUpper(w); len(words) > 1 && (up == "NONE" || up == "ALL" && info.Name != "mail-type") {
				return fmt.Errorf("%s cannot go with others", w)
			}
		}
	}
	return nil
}

func checkWord(info OptionInfo, w string) error {
	if info.Name == "propagate" && slices.Contains(info.Words, w) {
		return nil
	}
	// The one option whose words sbatch wants in capitals.
	if info.Name != "propagate" && slices.ContainsFunc(info.Words, func(x string) bool { return strings.EqualFold(x, w) }) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", w, strings.Join(info.Words, ", "))
}

// signals are the names that sbatch knows, besides numbers.
var signals = []string{"HUP", "INT", "QUIT", "ABRT", "KILL", "ALRM", "TERM", "USR1", "USR2", "URG", "CONT", "STOP", "TSTP", "TTIN", "TTOU"}

func checkSignal(value string) error {
	spec, at, timed := strings.Cut(value, "@")
	if i := strings.IndexByte(spec, ':'); i >= 0 {
		spec = spec[i+1:]
	}
	if n, err := strconv.ParseUint(spec, 10, 63); err == nil {
		if n < 1 || n > 64 {
			return fmt.Errorf("%d is not a signal's number", n)
		}
	} else if !slices.Contains(signals, strings.TrimPrefix(strings.ToUpper(spec), "SIG")) {
		return fmt.Errorf("signal %q is not one of %s, or a number", spec, strings.Join(signals, ", "))
	}
	if n, _ := strconv.ParseUint(at, 10, 63); timed && n > 65535 {
		return fmt.Errorf("%s seconds before the end is more than 65535", at)
	}
	return nil
}

func checkBrackets(s string) error {
	var open []rune
	for _, r := range s {
		switch r {
		case '[', '(':
			open = append(open, r)
		case ']', ')':
			want := map[rune]rune{']': '[', ')': '('}[r]
			if len(open) == 0 || open[len(open)-1] != want {
				return fmt.Errorf("%q has a %c too many", s, r)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%q has a %c that is not closed", s, open[len(open)-1])
	}
	return nil
}
