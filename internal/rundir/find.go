package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// Remember notes where the project is, for commands about all of a user's
// projects. The note can be lost: the next submission makes it again.
func (p Project) Remember(stateDir string) {
	if stateDir == "" {
		return
	}
	dir := filepath.Join(stateDir, "projects")
	file := filepath.Join(dir, digest.Bytes([]byte(p.Dir))[:24])
	if there, err := durable.There(file); there || err != nil || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	_ = durable.WriteBytes(file, []byte(p.Dir+"\n"), 0o600)
}

// Projects are those of the user that are still there, sorted by directory.
// Notes of others are removed.
func Projects(stateDir string) ([]Project, error) {
	dir := filepath.Join(stateDir, "projects")
	if stateDir == "" {
		return nil, nil
	}
	entries, err := durable.List(dir)
	if err != nil {
		return nil, fmt.Errorf("projects: %w", err)
	}
	var out []Project
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		text, err := durable.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed at this moment
		}
		if err != nil {
			return nil, fmt.Errorf("projects: %w", err)
		}
		p := Project{Dir: strings.TrimSuffix(string(text), "\n")}
		st, err := durable.Stat(p.Dir)
		switch {
		case err != nil:
			return nil, fault.New(fmt.Sprintf("project: %v", err), "to have it forgotten: rm "+file).Because(err)
		case st == nil:
			_ = os.Remove(file)
		case st.IsDir():
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Project) int { return strings.Compare(a.Dir, b.Dir) })
	return out, nil
}

// Time is when the run was made, to the second; zero for one whose id does not
// tell.
func (r Run) Time() time.Time {
	stamp := idTime(r.ID)
	if len(stamp) < len("20060102-150405") {
		return time.Time{}
	}
	t, err := time.Parse("20060102-150405", stamp[:len("20060102-150405")])
	if err != nil {
		return time.Time{}
	}
	return t
}

// Relative is the run directory as seen from dir, if that is shorter.
func (r Run) Relative(dir string) string {
	if rel, err := filepath.Rel(dir, r.Dir); err == nil && len(rel) < len(r.Dir) {
		return rel
	}
	return r.Dir
}
