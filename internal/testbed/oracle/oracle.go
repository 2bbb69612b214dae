// Package oracle asks the installed sbatch what it makes of lines of a script.
//
// It promises that nothing is submitted, and that no cluster is needed. What
// imitates sbatch is compared with it in tests.
package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// Oracle is the installed sbatch itself: with -vvv it prints each word that
// it found in the script and then the options as it understood them, before it
// calls the controller. It gets a configuration of its own, whose controller is
// a socket of this test that never answers, and is interrupted once it has
// printed the options.
type Oracle struct {
	Env      []string     // of its commands
	listener net.Listener // stands for the controller
}

// Understood is what sbatch made of a script.
type Understood struct {
	Words     []string          // that it found, in order
	Options   map[string]string // by long name
	Complaint string            // its first error, "" for none
}

// New is one for a test. It needs Slurm to be installed.
func New(t testing.TB) *Oracle {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conf := filepath.Join(t.TempDir(), "slurm.conf")
	text := fmt.Sprintf("ClusterName=oracle\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=%d\nMessageTimeout=5\n"+
		"AuthType=auth/munge\nAllowSpecResourcesUsage=YES\nNodeName=n1 CPUs=1\nPartitionName=p Nodes=n1\n", l.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return &Oracle{Env: []string{"PATH=" + os.Getenv("PATH"), "SLURM_CONF=" + conf}, listener: l}
}

// Away makes it that nobody listens where the controller should be.
func (o *Oracle) Away() error { return o.listener.Close() }

// stopper cancels once the options have been printed.
type stopper struct {
	seen   bytes.Buffer
	cancel context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	s.seen.Write(p)
	if bytes.Contains(s.seen.Bytes(), []byte("end of defined options")) {
		s.cancel()
	}
	return len(p), nil
}

var (
	found  = lazyre.New(`(?m)^sbatch: debug2: Found in script, argument "(.*)"$`)
	option = lazyre.New(`(?m)^sbatch: ([a-z-]+) *: (.*)$`)
	bad    = lazyre.New(`(?m)^sbatch: (?:error: |fatal: )?((?:error|fatal|Invalid|invalid|unrecognized|option|Maximum|Bad).*)$|^sbatch: (?:error|fatal): (.*)$`)
)

// Caller is a test, or one draw of rapid's.
type Caller interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

// Read is what sbatch makes of the lines.
func (o *Oracle) Read(t Caller, lines ...string) Understood {
	t.Helper()
	u, err := o.tryRead(lines...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (o *Oracle) tryRead(lines ...string) (Understood, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	stop := &stopper{cancel: cancel}
	script := "#!/bin/sh\n" + strings.Join(lines, "\n") + "\ntrue\n"
	_, err := proc.System{}.Run(ctx, proc.Cmd{Path: "sbatch", Args: []string{"-vvv", "--test-only"}, Env: o.Env,
		Stdin: strings.NewReader(script), Stderr: stop})
	if proc.NotFound(err) || errors.Is(err, context.DeadlineExceeded) {
		return Understood{}, err
	}
	text := stop.seen.String()
	u := Understood{Options: map[string]string{}}
	if i := strings.Index(text, "sbatch: end of defined options"); i >= 0 {
		text = text[:i]
	}
	for _, m := range found.FindAllStringSubmatch(text, -1) {
		u.Words = append(u.Words, m[1])
	}
	if _, list, ok := strings.Cut(text, "sbatch: defined options\n"); ok {
		for _, m := range option.FindAllStringSubmatch(list, -1) {
			u.Options[m[1]] = m[2]
		}
	}
	if m := bad.FindStringSubmatch(text); m != nil {
		u.Complaint = m[1] + m[2]
	}
	if u.Complaint == "" && len(u.Options) == 0 {
		return u, fmt.Errorf("sbatch printed neither options nor an error:\n%s", stop.seen.String())
	}
	return u, nil
}

// Command runs another of Slurm's commands with the oracle's configuration.
func (o *Oracle) Command(t testing.TB, path string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	res, err := proc.System{}.Run(ctx, proc.Cmd{Path: path, Args: args, Env: o.Env})
	if proc.NotFound(err) {
		t.Fatal(err)
	}
	return string(res.Stdout), err
}
