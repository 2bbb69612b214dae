package screen

import (
	"io"
	"strings"
)

// Log shows what a job printed on a terminal: with its colours (SGR, ECMA-48
// 8.3.117) and its carriage returns, with which programs draw progress; all else
// that would steer the terminal is written out. Colours end where the log does.
type Log struct {
	to      io.Writer
	rest    []byte
	colours bool
}

// maxColour is the length in bytes above which what begins as a colour is none.
const maxColour = 64

// Write shows p.
func (l *Log) Write(p []byte) (int, error) {
	data := string(l.rest) + string(p)
	var b strings.Builder
	for len(data) > 0 {
		n, more := colour(data)
		if more {
			break
		}
		if n > 0 {
			l.colours = true
			b.WriteString(data[:n])
			data = data[n:]
			continue
		}
		if n = strings.IndexByte(data[1:], '\x1b') + 1; n == 0 {
			n = len(data) - unfinished([]byte(data))
		}
		if n == 0 {
			break
		}
		b.WriteString(plain(data[:n], logLayout))
		data = data[n:]
	}
	l.rest = []byte(data)
	if _, err := io.WriteString(l.to, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func logLayout(r rune) string {
	if r == '\r' {
		return "\r"
	}
	return layout(r)
}

// colour is the length of the colour that s begins with; more says that its end
// has not come yet.
func colour(s string) (n int, more bool) {
	if s[0] != '\x1b' {
		return 0, false
	}
	for i := 1; i < min(len(s), maxColour); i++ {
		switch c := s[i]; {
		case i == 1 && c != '[':
			return 0, false
		case i == 1, c >= '0' && c <= '9', c == ';', c == ':':
		case c == 'm':
			return i + 1, false
		default:
			return 0, false
		}
	}
	return 0, len(s) < maxColour
}

// Close writes what is left, and ends colours.
func (l *Log) Close() error {
	text := plain(string(l.rest), logLayout)
	if l.rest = nil; l.colours {
		text += "\x1b[m"
	}
	_, err := io.WriteString(l.to, text)
	return err
}

// Close ends what Raw began.
func Close(w io.Writer) error {
	if l, ok := w.(*Log); ok {
		return l.Close()
	}
	return nil
}
