package agent

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// printed is what this attempt prints, for the numbers that are looked for in it.
// Where the log is a file that the payload writes to by itself, it is the part of
// it that comes from now on. Where somebody else writes the log (a local run), the
// agent keeps a copy of what it passes on.
type printed struct {
	log  *os.File
	from int64 // in log

	copy     *os.File // has no name; nil where log tells
	in, out  *os.File // of a pipe, which the payload writes to
	to       io.Writer
	copied   chan struct{}
	unkept   error // why the copy is not whole
	unlooked error // why there is nothing to look into
}

// print begins to keep what is printed, if a number is looked for in it; nil if
// none is.
func (a *Agent) print() *printed {
	if !slices.ContainsFunc(a.plan.Compare, func(l facts.Look) bool { return l.Log }) {
		return nil
	}
	p := &printed{to: a.Stdout}
	if f, ok := a.Stdout.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			p.log, p.from = f, st.Size()
			return p
		}
	}
	if p.unlooked = p.pipe(a.Run.AttemptDir(a.task, a.attempt)); p.unlooked != nil {
		p.unlooked = fmt.Errorf("what the task prints could not be kept: %w", p.unlooked)
	}
	return p
}

func (p *printed) pipe(dir string) (err error) {
	if p.copy, err = os.CreateTemp(dir, ".printed-"); err != nil {
		return err
	}
	_ = os.Remove(p.copy.Name()) // one that stays is a few bytes too many
	if p.in, p.out, err = os.Pipe(); err != nil {
		return err
	}
	p.copied = make(chan struct{})
	go func() {
		defer close(p.copied)
		_, _ = io.Copy(p, p.in)
	}()
	return nil
}

// Write passes on what the payload prints, and keeps it. It takes all of it, also
// where nobody reads any more: the payload would wait for ever.
func (p *printed) Write(b []byte) (int, error) {
	if p.unkept == nil {
		_, p.unkept = p.copy.Write(b)
	}
	_, _ = p.to.Write(b)
	return len(b), nil
}

// instead is what the payload writes to; was is what it would be otherwise.
func (p *printed) instead(was io.Writer) io.Writer {
	if p == nil || p.out == nil {
		return was
	}
	return p.out
}

// started lets go of the payload's end of the pipe.
func (p *printed) started() {
	if p != nil && p.out != nil {
		p.out.Close()
	}
}

// over takes what is still in the pipe when the payload has ended. What it left
// behind may hold the other end for good, so that its end is not waited for.
func (p *printed) over() {
	if p == nil || p.in == nil {
		return
	}
	_ = p.in.SetReadDeadline(time.Unix(1, 0)) // a pipe has deadlines
	<-p.copied
	_ = p.in.SetReadDeadline(time.Time{})
	raw, err := p.in.SyscallConn()
	if err != nil {
		p.unkept = err
		return
	}
	buf := make([]byte, 64<<10)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.Read(int(fd), buf) // does not wait
			if n <= 0 && !errors.Is(err, unix.EINTR) {
				return true
			}
			_, _ = p.Write(buf[:max(n, 0)]) // unkept is told where it counts
		}
	})
	p.in.Close()
}

// open is what was printed, from its beginning.
func (p *printed) open() (io.ReadCloser, error) {
	switch {
	case p == nil:
		return nil, errors.New("nothing of it was kept")
	case p.unlooked != nil:
		return nil, p.unlooked
	case p.unkept != nil:
		return nil, p.unkept
	case p.log != nil:
		// Opened anew: the payload's own end may be for writing alone.
		f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", p.log.Fd()))
		if err == nil {
			_, err = f.Seek(p.from, io.SeekStart)
		}
		return f, err
	}
	// Each number reads it for itself.
	return io.NopCloser(io.NewSectionReader(p.copy, 0, math.MaxInt64)), nil
}
