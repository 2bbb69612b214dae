package slurm

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// FindByName returns this user's jobs of exactly this name: see Find.
func (c *Client) FindByName(ctx context.Context, name string) ([]JobID, error) {
	return c.Find(ctx, Query{Name: name}, "")
}

// FindByComment returns this user's jobs that have the token as a word of their
// comment: see Find.
func (c *Client) FindByComment(ctx context.Context, token string) ([]JobID, error) {
	return c.Find(ctx, Query{}, token)
}

// Find looks for jobs after a submission of unknown fate: in squeue, and in
// the accounting since q.Since, where there is any (a short job leaves squeue
// soon). token, if not "", has to be a word of the job's comment, words being
// split at spaces, commas, semicolons and equals signs. Ids come sorted, an
// array once.
//
// No id and no error means that neither knows the job. An accounting that is
// down is an error unless squeue found something; a site without accounting
// answers from squeue alone.
func (c *Client) Find(ctx context.Context, q Query, token string) ([]JobID, error) {
	if strings.ContainsAny(q.Name, ", ") {
		// Both commands would split such a name.
		return nil, errors.New("find: a name with commas or spaces cannot be looked up")
	}
	q.IDs = nil
	jobs, err := c.Queue(ctx, q)
	if err != nil {
		return nil, err
	}
	found := map[int64]bool{}
	note := func(id int64, name, comment string) {
		if (q.Name == "" || name == q.Name) && (token == "" || hasWord(comment, token)) {
			found[id] = true
		}
	}
	for _, j := range jobs {
		note(j.Array, j.Name, j.Comment)
	}
	acct, err := c.Accounting(ctx, q)
	if err != nil && !errors.Is(err, ErrNoAccounting) && len(found) == 0 {
		return nil, err
	}
	for _, j := range acct {
		note(j.Array, j.Name, j.Comment)
	}
	ids := make([]JobID, 0, len(found))
	for id := range found {
		ids = append(ids, JobID{ID: id})
	}
	slices.SortFunc(ids, func(a, b JobID) int { return int(a.ID - b.ID) })
	return ids, nil
}

func hasWord(s, word string) bool {
	return slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;=\t\n", r) }), word)
}
