package strictyaml

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// checkText refuses what is not text before YAML sees it, so that each such
// character is reported where it stands and lines are counted as an editor
// counts them. It returns the text without a byte order mark.
func (d *Reader) checkText(data []byte) ([]byte, bool) {
	start := Pos{1, 1}
	if len(data) > d.MaxSize {
		d.Add(start, d.TooLarge,
			"the file is larger than %d MiB, which is the most a %s may have", d.MaxSize>>20, d.What)
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		d.Add(start, "save it as UTF-8", "the file is UTF-16")
		return nil, false
	}
	at, before := start, len(d.problems)
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		last := i+size >= len(data)
		what, hint := "", ""
		switch {
		case r == utf8.RuneError && size == 1:
			what, hint = "a byte that is not UTF-8", "save the file as UTF-8"
		case r == 0:
			what, hint = "a NUL character", "remove it"
		case r == '\r' && (last || data[i+1] != '\n'):
			what, hint = "a carriage return that ends no line", "end lines with a line feed"
		case r == 0x85 || r == 0x2028 || r == 0x2029:
			// YAML 1.1 ends a line here, YAML 1.2 and editors do not.
			what = fmt.Sprintf("the line separator U+%04X", r)
			hint = fmt.Sprintf(`write "\u%04x" between double quotes`, r)
		case r < 0x20 && r != '\t' && r != '\n' && r != '\r',
			r >= 0x7f && r < 0xa0, r == 0xfeff, r == 0xfffe, r == 0xffff:
			what = fmt.Sprintf("the control character U+%04X", r)
			hint = fmt.Sprintf(`remove it, or write "\u%04x" between double quotes`, r)
		}
		if what != "" {
			d.Add(at, hint, "the file has %s here", what)
		}
		if r == '\n' {
			at = Pos{at.Line + 1, 1}
		} else {
			at.Column++
		}
		i += size
	}
	return data, len(d.problems) == before
}

// Read reads a text into nodes. It returns nil where there is nothing to look
// at, after having added what is wrong, if anything is.
func (d *Reader) Read(data []byte) *Node {
	if text, ok := d.checkText(data); ok {
		return d.tree(text)
	}
	return nil
}
