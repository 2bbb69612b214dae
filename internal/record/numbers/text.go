package numbers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/nixbatch/nixbatch/internal/locate"
)

// lines reads the lines of a file that are in the sections asked for.
type lines struct {
	rows           *bufio.Scanner
	left           *io.LimitedReader
	section, until *regexp.Regexp // nil: everywhere; to the end
	inside         bool
}

func (f *finding) lines(in io.Reader) (*lines, error) {
	l := &lines{left: &io.LimitedReader{R: in, N: maxText}}
	l.rows = bufio.NewScanner(l.left)
	l.rows.Buffer(nil, maxRow)
	for _, p := range []struct {
		text string
		to   **regexp.Regexp
	}{{f.Section, &l.section}, {f.Until, &l.until}} {
		if p.text == "" {
			continue
		}
		re, err := regexp.Compile(p.text)
		if err != nil {
			return nil, err
		}
		*p.to = re
	}
	l.inside = l.section == nil
	return l, nil
}

// next is the next line of a section; begins says that a section begins with it.
// ok is false at the end of the file.
func (l *lines) next() (line string, begins, ok bool) {
	for l.rows.Scan() {
		line := l.rows.Text()
		switch {
		case l.section != nil && l.section.MatchString(line):
			l.inside, begins = true, true
		case l.section != nil && l.inside && l.until != nil && l.until.MatchString(line):
			l.inside = false
		case l.inside:
			return line, begins, true
		}
	}
	return "", false, false
}

// err is why the file was not read to its end.
func (l *lines) err() error {
	switch {
	case errors.Is(l.rows.Err(), bufio.ErrTooLong):
		return fmt.Errorf("it has a line of more than %d MiB", maxRow>>20)
	case l.rows.Err() == nil && l.left.N == 0:
		return errTooLarge
	}
	return l.rows.Err()
}

var errTooLarge = errors.New("the file is too large to look for numbers")

// inText looks for a pattern in each line.
func (f *finding) inText(in io.Reader) error {
	re, err := regexp.Compile(f.Pattern)
	if err != nil {
		return err
	}
	l, err := f.lines(in)
	if err != nil {
		return err
	}
	var due []int // how many lines further down the numbers of earlier matches are
	for {
		line, begins, ok := l.next()
		if !ok {
			break
		}
		if begins {
			due = nil // what lies in another section was not meant
		}
		if f.Line == 0 && f.Column == "" {
			for _, m := range re.FindAllStringSubmatch(line, -1) {
				if err := f.add(m[min(1, len(m)-1)]); err != nil {
					return err
				}
			}
			continue
		}
		if re.MatchString(line) {
			due = append(due, f.Line)
		}
		for i := range due {
			if due[i] == 0 {
				if err := f.onLine(line); err != nil {
					return err
				}
			}
			due[i]--
		}
		for len(due) > 0 && due[0] < 0 {
			due = due[1:]
		}
	}
	return l.err()
}

// onLine takes the field of a line that is asked for, or the first number on it.
func (f *finding) onLine(line string) error {
	fields := strings.Fields(line)
	if n, ok := locate.Number(f.Column); ok {
		if n > len(fields) {
			return fmt.Errorf("there is no field %d in %.60q", n, line)
		}
		return f.add(fields[n-1])
	}
	for _, text := range fields {
		if _, err := parse(text); err == nil {
			return f.add(text)
		}
	}
	return fmt.Errorf("there is no number in %.60q", line)
}
