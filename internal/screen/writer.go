package screen

import (
	"bytes"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Writer is a stream to a person. It makes plain what passes, so that a print
// that forgot to cannot steer a terminal; line ends and tabs are layout.
type Writer struct {
	mu   sync.Mutex
	to   io.Writer
	file *os.File // what is behind to, if it is a file
	rest []byte   // the beginning of a character
}

// To is a stream to a file; through is what is written to, which may be
// something in front of the file.
func To(file, through io.Writer) *Writer {
	w := &Writer{to: through}
	w.file, _ = file.(*os.File)
	return w
}

// Write makes p plain and writes it.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := p
	if len(w.rest) > 0 {
		data = append(w.rest, p...)
	}
	whole := len(data) - unfinished(data)
	w.rest = bytes.Clone(data[whole:])
	if _, err := io.WriteString(w.to, plain(string(data[:whole]), layout)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func layout(r rune) string {
	if r == '\n' || r == '\t' {
		return string(r)
	}
	return ""
}

// unfinished is how many bytes at the end are the beginning of a character.
func unfinished(p []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(p)); n++ {
		if b := p[len(p)-n:]; utf8.RuneStart(b[0]) {
			if utf8.FullRune(b) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Terminal is the terminal behind a stream, nil if there is none.
func Terminal(w io.Writer) *os.File {
	f, _ := w.(*os.File)
	if s, ok := w.(*Writer); ok {
		f = s.file
	}
	if f != nil && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Steer writes to a terminal what moves its cursor: nixbatch's own, with values
// in it that are plain already.
func Steer(w io.Writer, t Text) {
	if s, ok := w.(*Writer); ok {
		w = s.to
	}
	_, _ = io.WriteString(w, string(t))
}

// Raw is the stream for what is not nixbatch's to change, such as the bytes of a
// log: as they are to a file or a pipe; to a terminal as Log shows them.
func Raw(w io.Writer) io.Writer {
	s, ok := w.(*Writer)
	switch {
	case !ok:
		return w
	case Terminal(w) != nil:
		return &Log{to: s.to}
	}
	return s.to
}
