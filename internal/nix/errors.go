package nix

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// Error is anything that went wrong with Nix or a pin; its Kind is the exit code
// (130 where it wraps context.Canceled).
type Error struct {
	Phase    string // "version", "pin", "evaluate", "build", "query"
	Message  string // what went wrong, in one line
	Decisive string // the line of Nix, or of the build, that decides; may be ""
	LogFile  string // where all of it was written; may be ""
	Way      string // the way out, see Hint; may be ""
	// Err is the cause: *nixsource.HashError, *MissingPackage, *FetchError, *TooOld,
	// *BuildError, *proc.Error, a context's error.
	Err error
}

func (e *Error) Error() string {
	s := e.Message
	if e.Decisive != "" && !strings.Contains(s, e.Decisive) {
		s += ": " + e.Decisive
	}
	return s
}

// Hint is the way out, or "".
func (e *Error) Hint() string { return e.Way }

// Kind is Nix, but where this machine refused what nixbatch itself did: to keep
// an answer on a full disk, to fill a directory.
func (e *Error) Kind() fault.Kind {
	if fault.IsSystem(e.Err) {
		return fault.System
	}
	return fault.Nix
}

func (e *Error) Unwrap() error { return e.Err }

// MissingPackage is a name that the package set does not have.
type MissingPackage struct {
	Name        string
	Suggestions []string // near names that exist, nearest first; may be empty
	// NotPackage says that the name exists, and is a set or a function.
	NotPackage bool
}

func (e *MissingPackage) Error() string {
	if e.NotPackage {
		return fmt.Sprintf("%q exists in the pinned packages, but is no package", e.Name)
	}
	return fmt.Sprintf("no package %q in the pinned packages", e.Name)
}

// Hint is the way out, or "".
func (e *MissingPackage) Hint() string {
	if len(e.Suggestions) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(e.Suggestions, ", ") + "?"
}

// FetchError is a pin that could not be fetched.
type FetchError struct {
	URL string
	Err error
}

func (e *FetchError) Error() string { return fmt.Sprintf("cannot fetch %s", e.URL) }
func (e *FetchError) Unwrap() error { return e.Err }

// TooOld is a Nix older than the pin asks for.
type TooOld struct{ Have, Want string }

func (e *TooOld) Error() string {
	return fmt.Sprintf("the pinned nixpkgs needs Nix %s or newer, this is Nix %s", e.Want, e.Have)
}

// BuildError is a derivation that failed to build.
type BuildError struct {
	Drv  string   // store path of the derivation
	Tail []string // the last lines of its log
}

// Name is the derivation's name, as a person knows it.
func (e *BuildError) Name() string { return nixlog.DrvName(e.Drv) }

func (e *BuildError) Error() string { return fmt.Sprintf("build of %s failed", e.Name()) }

var (
	specifiedRe   = lazyre.New(`(?m)^\s*(?:specified|wanted|expected):\s*(\S+)`)
	gotRe         = lazyre.New(`(?m)^\s*(?:got|actual):\s*(\S+)`)
	mismatchRe    = lazyre.New(`hash mismatch (?:in|importing) [^'\n]*'([^']*)'`)
	downloadRe    = lazyre.New(`unable to download '([^']*)'`)
	builderRe     = lazyre.New(`(?:builder for|[Cc]annot build) '(/nix/store/[^']*\.drv)'`)
	deniedRe      = lazyre.New(`(/[^\s']*/daemon-socket/socket)'?: Permission denied`)
	fullRe        = lazyre.New(`(?m)^.*(?:No space left on device|database or disk is full).*$`)
	argumentRe    = lazyre.New(`nixbatch: no argument "([^"\n]*)" of "([^"\n]*)": ([^\n]*)`)
	missingRe     = lazyre.New(`nixbatch: (no package|not a package) "([^"\n]*)"`)
	interruptedRe = lazyre.New(`(?m)^(?:error: )?interrupted by the user$`)
	refusedRe     = lazyre.New(`[Pp]ackage ‘[^’]*’ .*, refusing to evaluate`)
)

// explain turns the failure of a Nix program into what went wrong. stderr is
// plain text; tails are the last lines of each build's log.
func explain(ctx context.Context, phase, stderr string, tails map[string][]string, err error) *Error {
	e := &Error{Phase: phase, Err: err, Decisive: decisive(stderr)}
	switch cerr := ctx.Err(); {
	case cerr == nil && stopped(err, stderr):
		// The terminal tells Nix at the same time as us, and it was quicker.
		cerr = context.Canceled
		fallthrough
	case cerr != nil:
		e.Message, e.Decisive, e.Err = phaseVerb(phase)+" interrupted", "", cerr
		return e
	case proc.NotFound(err):
		var pe *proc.Error
		program := "nix-instantiate"
		if errors.As(err, &pe) {
			program, _, _ = strings.Cut(pe.Line, " ")
		}
		e.Message, e.Decisive = "no Nix on this machine: "+program+" was not found", ""
		e.Way = "install Nix (https://nixos.org/download) or run this where it is installed; nixbatch doctor tells what it found"
		if strings.HasSuffix(program, "git") {
			e.Message, e.Way = "git was not found", "a git pin is fetched with git: install it, or pin a github or url source"
		}
		return e
	}
	if m := deniedRe.FindStringSubmatch(stderr); m != nil {
		e.Message, e.Decisive = "this user may not use Nix's daemon: "+m[1]+": permission denied", ""
		e.Way = "ask the admin of this machine to allow you to (Debian: the group nix-users; elsewhere: allowed-users in nix.conf)"
		return e
	}
	if m := missingRe.FindStringSubmatch(stderr); m != nil {
		mp := &MissingPackage{Name: m[2], NotPackage: m[1] == "not a package"}
		e.Message, e.Decisive, e.Err = mp.Error(), "", mp
		return e
	}
	if m := argumentRe.FindStringSubmatch(stderr); m != nil {
		e.Message, e.Decisive = fmt.Sprintf("optimize.packages: %s takes no argument %q", m[2], m[1]), ""
		e.Way = "it takes " + strings.Join(strings.Fields(m[3]), ", ")
		return e
	}
	if m := mismatchRe.FindStringSubmatch(stderr); m != nil {
		want, got := specifiedRe.FindStringSubmatch(stderr), gotRe.FindStringSubmatch(stderr)
		if want != nil && got != nil {
			he := &nixsource.HashError{Want: nixtree.ToSRI(want[1]), Got: nixtree.ToSRI(got[1]), What: m[1]}
			e.Message, e.Decisive, e.Way, e.Err = he.Error(), "", he.Hint(), he
			return e
		}
	}
	if m := fullRe.FindString(stderr); m != "" {
		e.Message, e.Decisive = phaseVerb(phase)+" stopped: no space left on the disk", strings.TrimSpace(m)
		e.Way = "free space where /nix and TMPDIR are (nix-collect-garbage drops what no run needs)"
		return e
	}
	if m := downloadRe.FindStringSubmatch(stderr); m != nil && phase == "evaluate" {
		fe := &FetchError{URL: m[1], Err: err}
		e.Message, e.Err = fe.Error(), fe
		e.Way = "is the address right, and does this machine reach it?"
		return e
	}
	if m := builderRe.FindStringSubmatch(stderr); m != nil && phase == "build" {
		be := &BuildError{Drv: m[1], Tail: tails[m[1]]}
		e.Message, e.Err = be.Error(), be
		e.Decisive = decisiveOfBuild(be.Tail, stderr)
		e.Way = "its whole log: nix-store --read-log " + m[1]
		return e
	}
	if m := refusedRe.FindString(stderr); m != "" {
		e.Decisive = m
		e.Way = "environment.config in the job file can allow it, for instance config: {allowUnfree: true}"
	}
	e.Message = phaseVerb(phase) + " failed"
	if e.Decisive == "" && err != nil {
		e.Decisive = err.Error() // Nix said nothing: how it ended is all there is
	}
	return e
}

// stopped reports whether a program ended because it was interrupted.
func stopped(err error, stderr string) bool {
	var pe *proc.Error
	if !errors.As(err, &pe) {
		return false
	}
	return pe.Signal == syscall.SIGINT.String() || pe.ExitCode > 0 && interruptedRe.MatchString(stderr)
}

func phaseVerb(phase string) string {
	switch phase {
	case "evaluate":
		return "evaluating the environment"
	case "build":
		return "building the environment"
	case "pin":
		return "getting the pinned source"
	}
	return "asking Nix"
}

// decisive is the line of Nix's own stderr that decides: Nix prints the cause
// after its last "error:", which may end the line.
func decisive(stderr string) string {
	lines := strings.Split(stderr, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if !strings.Contains(l, "error:") {
			continue
		}
		if strings.HasSuffix(l, "error:") && i+1 < len(lines) {
			if next := strings.TrimSpace(lines[i+1]); next != "" {
				return "error: " + next
			}
		}
		return l
	}
	return proc.Decisive([]byte(stderr))
}

// decisiveOfBuild is the first line of a build's log that says error: (what
// follows is mostly its consequence), else the last line.
func decisiveOfBuild(tail []string, stderr string) string {
	for _, l := range tail {
		low := strings.ToLower(l)
		if strings.Contains(low, "error:") || strings.Contains(low, "fatal:") {
			return strings.TrimSpace(l)
		}
	}
	for i := len(tail) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(tail[i]); l != "" {
			return l
		}
	}
	return decisive(stderr)
}
