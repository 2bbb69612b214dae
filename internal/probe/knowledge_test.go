package probe_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/probetest"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// What an admin publishes, another user with nothing of their own knows; and
// where nothing was seen, the site's map of features tells.
func TestPublish(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	probetest.Write(t, "etc/site.yaml", "features: {haswell: haswell, zen4: znver4}\n")
	if cs, _ := s.Classes(); archs(cs) != "hsw[1-2] haswell feature; skx[1-2] ?; zen[1-2] znver4 feature" {
		t.Error(archs(cs))
	}
	if _, err := s.Probe(probetest.Ctx, "main", probetest.Patience, nil); err != nil {
		t.Fatal(err)
	}
	conf, err := site.Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	k, err := probe.Knowledge(probetest.Ctx, s.Client, s.Project, conf)
	if err != nil {
		t.Fatal(err)
	}
	file, n, err := probe.Publish(probetest.Ctx, s.Client, k)
	if err != nil || n != 3 || !strings.HasSuffix(file, "etc/nodes/testbed.json") {
		t.Fatal(file, n, err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "another"))
	s.Project.Dir = filepath.Join(t.TempDir(), ".nixbatch")
	if cs, _ := s.Classes(); archs(cs) != "hsw[1-2] haswell admin; skx[1-2] skylake-avx512 admin; zen[1-2] znver4 admin" {
		t.Error(archs(cs))
	}
}

func TestPublishWhereOneMayNot(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	t.Setenv("NIXBATCH_SITE_DIR", "/proc/nowhere") // root may not either
	_, _, err := probe.Publish(probetest.Ctx, s.Client, &cluster.Knowledge{})
	if err == nil || !strings.Contains(err.Error(), "/proc/nowhere") {
		t.Errorf("%v", err)
	}
	if errors.Is(err, fs.ErrPermission) && fault.Hint(err) == "" {
		t.Error("no hint")
	}
}
