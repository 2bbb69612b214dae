package facts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Ticket is what a batch job is told of its call of sbatch, in words that stand
// behind the run directory on the agent's command line: round=1 offset=1000.
type Ticket struct{ Round, Call, Calls, Offset, Attempt int }

// TicketOf is the ticket of a round's call.
func TicketOf(in Intent, call int) Ticket {
	t := Ticket{Round: in.Round, Call: call}
	if len(in.Calls) > 0 {
		t.Calls, t.Offset, t.Attempt = len(in.Calls), in.Calls[call].Offset, in.Calls[call].Attempt
	}
	return t
}

// Words is the ticket as it is written; "" for the one call of a plain job.
func (t Ticket) Words() string {
	calls := t.Calls
	if calls == 1 {
		calls = 0
	}
	var words []string
	for _, w := range []struct {
		name string
		n    int
	}{{"round", t.Round}, {"call", t.Call}, {"calls", calls}, {"offset", t.Offset}, {"attempt", t.Attempt}} {
		if w.n != 0 {
			words = append(words, fmt.Sprintf("%s=%d", w.name, w.n))
		}
	}
	return strings.Join(words, " ")
}

// ParseTicket reads what Words writes.
func ParseTicket(words []string) (t Ticket, ok bool) {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		to := map[string]*int{"round": &t.Round, "call": &t.Call, "calls": &t.Calls, "offset": &t.Offset, "attempt": &t.Attempt}[name]
		n, err := strconv.Atoi(value)
		if to == nil || err != nil || n < 0 {
			return Ticket{}, false
		}
		*to = n
	}
	return t, true
}

// Asked are the options that a call gave to sbatch beside those in the script.
func (c Call) Asked() sbatch.Options {
	var out sbatch.Options
	for _, o := range c.Options {
		name, value, _ := strings.Cut(strings.TrimPrefix(o, "--"), "=")
		out = append(out, sbatch.Option{Name: name, Value: value})
	}
	return out
}

// Arguments are options as sbatch takes them and as a Call keeps them.
func Arguments(o sbatch.Options) []string {
	var out []string
	for _, x := range o {
		word := "--" + x.Name
		if x.Value != "" {
			word += "=" + x.Value
		}
		out = append(out, word)
	}
	return out
}
