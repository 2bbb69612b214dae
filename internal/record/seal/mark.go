package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

// MarkSchema names what a project keeps of the last seal of a run, outside of the
// run's directory.
const MarkSchema = "nixbatch/mark/v1"

// Mark is that a run was sealed. It is written after the seal: of a seal that was
// removed before that, or with its mark, nothing tells that it was there.
type Mark struct {
	Schema string    `json:"schema"`
	RunID  string    `json:"run_id"`
	Seal   string    `json:"seal"`
	Time   time.Time `json:"time"` // of the seal
}

func (m Mark) String() string {
	return fmt.Sprintf("it was sealed on %s (%.16s…), and that seal is gone", m.Time.Format("2006-01-02 15:04:05 MST"), m.Seal)
}

// markFile is PROJECT/.nixbatch/seals/RUN.json.
func markFile(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	return filepath.Join(filepath.Dir(filepath.Dir(abs)), "seals", filepath.Base(abs)+".json"), err
}

// Remember keeps that a run in a project of the user's own was sealed.
func Remember(dir string, s *Seal) error {
	if !rundir.Own(dir, s.RunID) {
		return nil
	}
	file, err := markFile(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = durable.Replace(file, Mark{MarkSchema, s.RunID, s.ID, s.Time})
	}
	if err != nil {
		return fmt.Errorf("the run is sealed, but that it is could not be noted: %w", err)
	}
	return nil
}

// Lost is the mark of a seal that a run has no more, nor among those that were
// superseded; nil if nothing is missing, or if nothing tells.
func Lost(dir, runID string) (*Mark, error) {
	if !rundir.Own(dir, runID) {
		return nil, nil
	}
	file, err := markFile(dir)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	var m Mark
	if there, err := durable.ReadIf(file, &m); err != nil || !there || m.Schema != MarkSchema {
		return nil, err
	}
	src, err := source.Open(dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	s, err := Read(src)
	switch {
	case err == nil && s.ID == m.Seal:
		return nil, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, nil // it is there, and broken: verifying tells
	}
	kept, err := Kept(src)
	if err != nil {
		return nil, err
	}
	if kept[m.Seal] != nil || s != nil && s.Supersedes == m.Seal {
		return nil, nil
	}
	return &m, nil
}
