package prepare_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/prepare"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What an admin publishes, another user with nothing of their own knows; and
// where nothing was seen, the site's map of features tells.
func TestPublish(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	write(t, "etc/site.yaml", "features: {haswell: haswell, zen4: znver4}\n")
	if cs, _ := s.classes(); archs(cs) != "hsw[1-2] haswell feature; skx[1-2] ?; zen[1-2] znver4 feature" {
		t.Error(archs(cs))
	}
	if _, err := s.probe(ctx, "main", patience, nil); err != nil {
		t.Fatal(err)
	}
	conf, err := site.Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	k, err := prepare.Knowledge(ctx, s.client, s.project, conf)
	if err != nil {
		t.Fatal(err)
	}
	file, n, err := prepare.Publish(ctx, s.client, k)
	if err != nil || n != 3 || !strings.HasSuffix(file, "etc/nodes/testbed.json") {
		t.Fatal(file, n, err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "another"))
	s.project.Dir = filepath.Join(t.TempDir(), ".nixbatch")
	if cs, _ := s.classes(); archs(cs) != "hsw[1-2] haswell admin; skx[1-2] skylake-avx512 admin; zen[1-2] znver4 admin" {
		t.Error(archs(cs))
	}
}

func TestPublishWhereOneMayNot(t *testing.T) {
	s := newScene(t, testbed.ForTest(t))
	t.Setenv("NIXBATCH_SITE_DIR", "/proc/nowhere") // root may not either
	_, _, err := prepare.Publish(ctx, s.client, &cluster.Knowledge{})
	if err == nil || !strings.Contains(err.Error(), "/proc/nowhere") {
		t.Errorf("%v", err)
	}
	var pe *prepare.PublishError
	if errors.As(err, &pe) && pe.Hint() == "" {
		t.Error("no hint")
	}
}
