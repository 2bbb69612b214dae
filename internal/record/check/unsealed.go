package check

import (
	"errors"
	"iter"

	"github.com/nixbatch/nixbatch/internal/record/seal"
)

// unsealed finds files that tasks left after sealing. A seal has them in the
// order in which they are found: both lists are walked side by side, and only
// where they differ anything is kept.
type unsealed struct {
	next   func() (string, error, bool)
	cancel func()
	name   string // found, and not met in the seal yet
	found  bool
	err    error

	here []string        // found, and not where the seal has it
	odd  map[string]bool // sealed, and not where it was found
}

var errEnough = errors.New("no more names are wanted")

func (u *unsealed) begin(dir string) {
	u.next, u.cancel = iter.Pull2(func(yield func(string, error) bool) {
		err := seal.TaskFiles(dir, func(name string) error {
			if !yield(name, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield("", err)
		}
	})
	u.odd = map[string]bool{}
	u.advance()
}

func (u *unsealed) stop() {
	if u.cancel != nil {
		u.cancel()
	}
}

func (u *unsealed) advance() {
	var err error
	if u.name, err, u.found = u.next(); err != nil {
		u.err, u.found = err, false
	}
}

// sealed is told each name that the seal has, in its order.
func (u *unsealed) sealed(name string) {
	if u.next == nil {
		return
	}
	if u.found && u.name == name {
		u.advance()
		return
	}
	u.odd[name] = true
}

// names are those that the seal does not have.
func (u *unsealed) names() (out []string, err error) {
	for u.found {
		if !u.odd[u.name] {
			out = append(out, u.name)
		}
		u.advance()
	}
	return out, u.err
}
