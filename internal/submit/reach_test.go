package submit

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/jobspec"
)

// A name that reaches nothing is told with what to write instead, as far as the
// derivations show it.
func TestUnreached(t *testing.T) {
	for _, c := range []struct {
		named, is, reach string
		all              []string
		message, hint    string
	}{
		{"openblas", "openblas-0.3.28", jobspec.ReachRebuild, []string{"hello-2", "mkl-2023.1"},
			"optimize.packages: openblas reaches nothing of the environment: orca is made without openblas-0.3.28",
			"its BLAS is mkl-2023.1: name mkl"},
		{"fftwFloat", "fftw-single-3.3.10", jobspec.ReachRebuild, []string{"fftw-single-3.3.10"},
			"optimize.packages: fftwFloat reaches nothing of the environment: orca is made without fftw-single-3.3.10",
			"its FFT library is fftw-single-3.3.10: name fftw"},
		{"python311Packages.numpy", "python3.11-numpy-1.26.4", jobspec.ReachRebuild, []string{"python3.12-numpy-1.26.4", "numpydoc-1"},
			"optimize.packages: python311Packages.numpy reaches nothing of the environment: orca is made without python3.11-numpy-1.26.4, and with python3.12-numpy-1.26.4",
			"name it by the set that this comes from, such as python3Packages; or remove it"},
		{"hello", "hello-2", jobspec.ReachRebuild, []string{"bash-5"},
			"optimize.packages: hello reaches nothing of the environment: orca is made without hello-2",
			"remove it from optimize.packages, or add what uses it to environment.packages"},
		{"openblas", "openblas-0.3.28", jobspec.ReachNamed, []string{"mkl-2023.1"},
			"optimize.packages: openblas reaches nothing of the environment: orca is made without openblas-0.3.28",
			"reach: named gives a package to those alone that are named too, and take it under its name; reach: rebuild gives it to all that depend on it"},
	} {
		j := &Planned{Loaded: &Loaded{Spec: &jobspec.Spec{Environment: jobspec.Environment{Packages: []string{"orca"}}, Optimize: jobspec.Optimize{Reach: c.reach}}}}
		err := j.unreached(nixgraph.Named{Name: c.named, Is: c.is}, nixgraph.Reach{All: c.all})
		if err.Error() != c.message || fault.Hint(err) != c.hint || fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v\n%s", c.named, err, fault.Hint(err))
		}
	}
}
