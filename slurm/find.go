package slurm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// FindByName returns this user's jobs of exactly this name: see Find.
func (c *Client) FindByName(ctx context.Context, name string) ([]JobRef, error) {
	return c.Find(ctx, Query{Name: name}, "")
}

// FindByComment returns this user's jobs that have the token as a word of their
// comment: see Find.
func (c *Client) FindByComment(ctx context.Context, token string) ([]JobRef, error) {
	return c.Find(ctx, Query{}, token)
}

// Marks are what a job is known by whose number is not: its token, or else its
// second one.
type Marks struct {
	Token  string // a word of its comment, of the form scheme:name
	Output string // as in Wanted; "" is none
	// Since is when its submission began, by the clock of this machine, and Not are
	// numbers of other jobs with the same output: both narrow the second token.
	Since time.Time
	Not   []int64
}

// has reports whether a job bears a mark.
func (m Marks) has(id int64, s Sight) bool {
	return m.Token != "" && (hasWord(s.Comment, m.Token) || hasWord(s.SubmitLine, m.Token)) || m.may(id, s) && s.output(m.Output)
}

// may reports whether the second token decides about a job: no token of the
// scheme's stands in the places that are there for it.
func (m Marks) may(id int64, s Sight) bool {
	own, other := Wanted{Token: m.Token}.tokens(s.Comment + " " + s.SubmitLine)
	return m.Output != "" && !own && !other && !slices.Contains(m.Not, id) && !s.Submitted.Before(m.Since.Add(-clockSkew))
}

// FindMarked returns this user's jobs that bear a mark: see Find. One squeue more
// tells the second token, where there are jobs of which it may decide.
func (c *Client) FindMarked(ctx context.Context, m Marks) ([]JobRef, error) {
	return c.find(ctx, Query{Since: m.Since.Add(-clockSkew)}, m)
}

// Find looks for jobs after a submission of unknown fate: in squeue, and in
// the accounting since q.Since, where there is any (a short job leaves squeue
// soon). token, if not "", has to be a word of the job's comment, words being
// split at spaces, commas, semicolons and equals signs. Jobs that are not over
// come first, then they come by number, an array once.
//
// No id and no error means that neither knows the job. An accounting that is
// down is an error unless squeue found something; a site without accounting
// answers from squeue alone.
func (c *Client) Find(ctx context.Context, q Query, token string) ([]JobRef, error) {
	return c.find(ctx, q, Marks{Token: token})
}

func (c *Client) find(ctx context.Context, q Query, m Marks) ([]JobRef, error) {
	if strings.ContainsAny(q.Name, ", ") {
		// Both commands would split such a name.
		return nil, errors.New("find: a name with commas or spaces cannot be looked up")
	}
	q.IDs = nil
	jobs, err := c.Queue(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := c.secondTokens(ctx, jobs, m); err != nil {
		return nil, err
	}
	found, open := map[int64]JobRef{}, map[int64]bool{}
	note := func(id int64, s Sight, state State) {
		if q.Name != "" && s.Name != q.Name || (m.Token != "" || m.Output != "") && !m.has(id, s) {
			return
		}
		if have, ok := found[id]; !ok || s.Submitted.Before(have.Submitted) { // a requeue counts as a later one
			found[id] = JobRef{ID: id, Submitted: s.Submitted, User: s.User}
		}
		open[id] = open[id] || !state.Final()
	}
	for _, j := range jobs {
		note(j.Array, j.Sight(), j.State)
	}
	acct, err := c.Accounting(ctx, q)
	if err != nil && !errors.Is(err, ErrNoAccounting) && len(found) == 0 {
		return nil, err
	}
	for _, j := range acct {
		note(j.Array, j.Sight(), j.State)
	}
	return refs(found, open), nil
}

// secondTokens fills in the outputs of those jobs about which they may decide;
// none where the first token tells one.
func (c *Client) secondTokens(ctx context.Context, jobs []Job, m Marks) error {
	var at []int
	var some []Job
	for i, j := range jobs {
		switch {
		case m.has(j.Array, j.Sight()):
			return nil
		case m.may(j.Array, j.Sight()):
			at, some = append(at, i), append(some, j)
		}
	}
	err := c.Outputs(ctx, some)
	for k, i := range at {
		jobs[i] = some[k]
	}
	return err
}

func hasWord(s, word string) bool {
	return slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;=\t\n", r) }), word)
}
