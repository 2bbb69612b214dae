package slurm

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	if strings.ContainsAny(q.Name, ", ") {
		// Both commands would split such a name.
		return nil, errors.New("find: a name with commas or spaces cannot be looked up")
	}
	q.IDs = nil
	jobs, err := c.Queue(ctx, q)
	if err != nil {
		return nil, err
	}
	found, open := map[int64]JobRef{}, map[int64]bool{}
	note := func(id int64, s Sight, state State) {
		if q.Name != "" && s.Name != q.Name || token != "" && !hasWord(s.Comment, token) && !hasWord(s.SubmitLine, token) {
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

func hasWord(s, word string) bool {
	return slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;=\t\n", r) }), word)
}
