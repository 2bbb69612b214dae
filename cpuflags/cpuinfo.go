package cpuflags

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	saveHint = "save it again on that machine: cat /proc/cpuinfo > FILE"
	// A line of flags is some 2 KiB; what is longer than this is no cpuinfo.
	maxLine = 1 << 20
)

// ParseCPUInfo reads the text of /proc/cpuinfo, of x86-64 or aarch64, from
// this machine or saved from another. The flags are those that all its
// processors have (the cores of a hybrid CPU differ); the labels are the first
// processor's.
//
// A text whose last line has no end, or whose last processor is cut off, is read
// from the processors that are whole, with a Note; a line of flags without its
// end counts only where another processor has the same. One that is empty, is no
// cpuinfo, or has no whole processor is an *Error: half a list of flags would
// silently mean a lesser CPU.
func ParseCPUInfo(r io.Reader) (CPU, error) {
	c, _, err := parseCPUInfo(r)
	return c, err
}

// parseCPUInfo says also whether all processors are alike, as far as is told.
func parseCPUInfo(r io.Reader) (c CPU, alike bool, err error) {
	p := parser{}
	br := bufio.NewReaderSize(r, 8<<10)
	for {
		line, err := readLine(br)
		if err == io.EOF {
			break
		}
		p.cut = errors.Is(err, errCut)
		if err != nil && !p.cut {
			return CPU{}, false, err
		}
		if err := p.line(line); err != nil {
			return CPU{}, false, err
		}
	}
	c, err = p.end()
	return c, !p.differ, err
}

// errCut comes with a last line that does not end.
var errCut = errors.New("the last line does not end")

// readLine returns the next line without its end; io.EOF after the last.
func readLine(br *bufio.Reader) (string, error) {
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		switch {
		case err == nil && long == nil:
			return string(part[:len(part)-1]), nil
		case err == nil:
			return string(append(long, part[:len(part)-1]...)), nil
		case errors.Is(err, bufio.ErrBufferFull):
			if long = append(long, part...); len(long) > maxLine {
				return "", &Error{What: "is no cpuinfo: a line of more than a mebibyte", Way: saveHint}
			}
		case err == io.EOF && len(part) == 0 && len(long) == 0:
			return "", io.EOF
		case err == io.EOF:
			return string(append(long, part...)), errCut
		default:
			return "", fmt.Errorf("read cpuinfo: %w", err)
		}
	}
}

// parser takes cpuinfo line by line. A stanza is one processor: it begins with
// "processor", wherever the blank lines are.
type parser struct {
	cpu       CPU
	open      bool // in a stanza
	flagged   bool // which has had its flags
	processor string
	vendor    string // the stanza's
	ours      bool   // the stanza has a line that x86-64 or aarch64 kernels print
	foreign   bool   // the stanza has another line
	// One stanza's flags equal the next one's nearly always: parse a text once.
	lastKey, lastText string
	lastSet           Set
	seen              bool // some text other than blank lines
	cut               bool // the line at hand is the last, and has no end
	note              string
	// What the first processor says of itself, to see whether the others say the
	// same.
	first, own [3]string
	differ     bool
}

func (p *parser) line(line string) error {
	key, value, ok := strings.Cut(line, ":")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if key != "" || ok {
		p.seen = true
	}
	if p.cut {
		p.note = "its last line does not end"
	}
	if !ok {
		return nil
	}
	if key == "processor" {
		if err := p.close(); err != nil {
			return err
		}
		p.open, p.flagged, p.processor, p.vendor = true, false, value, ""
		p.ours, p.foreign, p.own = false, false, [3]string{}
		return nil
	}
	if !p.open {
		return nil // headers of some kernels, before the first processor
	}
	switch key {
	case "flags", "Features":
		if p.flagged {
			return &Error{What: fmt.Sprintf("is no cpuinfo: processor %s has two lists of flags", p.processor), Way: saveHint}
		}
		return p.flags(key, value)
	case "vendor_id":
		p.vendor, p.ours = value, true
	case "cpu family", "BogoMIPS", "CPU implementer":
		p.ours = true
	default:
		p.foreign = true
	}
	if i := slices.Index(kinds[:], key); i >= 0 {
		p.own[i] = value
	}
	if p.cpu.Processors == 0 {
		p.label(key, value)
	}
	return nil
}

// kinds is the lines of which cores of one kind have the same.
var kinds = [3]string{"cpu family", "model", "stepping"}

// flags takes a stanza's list. The stanza counts from here on.
func (p *parser) flags(key, value string) error {
	if key == p.lastKey && value == p.lastText {
		p.flagged = true
		return nil
	}
	if p.cut { // who knows how the list goes on
		return nil
	}
	p.flagged = true
	if p.lastKey != "" && key != p.lastKey {
		return &Error{What: "is no cpuinfo: it mixes x86-64 and aarch64", Way: saveHint}
	}
	names := strings.Fields(value)
	set := Set{}
	if key == "flags" {
		set = Normalise(names)
	} else {
		set = NewSet(names...)
	}
	if p.lastKey == "" {
		p.lastSet = set
	} else {
		p.lastSet, p.differ = p.lastSet.Intersect(set), true
	}
	p.lastKey, p.lastText = key, value
	return nil
}

// close ends a stanza.
func (p *parser) close() error {
	if !p.open {
		return nil
	}
	if !p.flagged && p.foreign && !p.ours {
		return errForeign()
	}
	if !p.flagged {
		return &Error{What: fmt.Sprintf("is cut off: processor %s has no flags", p.processor), Way: saveHint}
	}
	if p.cpu.Processors == 0 {
		p.cpu.Vendor, p.first = p.vendor, p.own
	} else if p.vendor != p.cpu.Vendor {
		return &Error{What: fmt.Sprintf("has processors of two vendors, %q and %q", p.cpu.Vendor, p.vendor),
			Way: "keep one file for each machine"}
	}
	p.differ = p.differ || p.own != p.first
	p.cpu.Processors++
	p.open = false
	return nil
}

// label takes what the first stanza says about the CPU. Numbers that are none
// stay 0: they label only.
func (p *parser) label(key, value string) {
	number := func() int { n, _ := strconv.ParseInt(value, 0, 32); return int(n) }
	switch key {
	case "cpu family":
		p.cpu.Family = number()
	case "model":
		p.cpu.Model = number()
	case "stepping":
		p.cpu.Stepping = number()
	case "model name":
		p.cpu.Name = value
	case "microcode":
		p.cpu.Microcode = value
	case "CPU implementer":
		p.cpu.Implementer = number()
	case "CPU part":
		p.cpu.Part = number()
	}
}

// last ends the last stanza: one that is cut off is left out where another is
// whole.
func (p *parser) last() error {
	if p.open && !p.flagged && p.cpu.Processors > 0 && (p.ours || !p.foreign) {
		p.note = fmt.Sprintf("processor %s is cut off and left out", p.processor)
		p.open = false
	}
	if p.open && p.cut && p.own != p.first && p.cpu.Processors > 0 {
		p.own = p.first // the rest is not there to be compared
	}
	return p.close()
}

func (p *parser) end() (CPU, error) {
	if err := p.last(); err != nil {
		return CPU{}, err
	}
	switch {
	case !p.seen:
		return CPU{}, &Error{What: "is empty", Way: saveHint}
	case p.cpu.Processors == 0:
		return CPU{}, errForeign()
	}
	c := p.cpu
	c.Flags, c.Source, c.Note = p.lastSet, SourceCPUInfo, p.note
	if p.lastKey == "flags" {
		c.Arch = X86
		return c, nil
	}
	c.Arch, c.Vendor = AArch64, implementerName(c.Implementer)
	if c.Name == "" {
		c.Name = coreName(c)
	}
	return c, nil
}

func errForeign() error {
	return &Error{What: "is no cpuinfo of an x86-64 or aarch64 Linux: no processor with flags or Features", Way: saveHint}
}

func implementerName(code int) string {
	if n, ok := implementers[code]; ok || code == 0 {
		return n
	}
	return fmt.Sprintf("implementer 0x%02x", code)
}

// coreName is the -mcpu name of an aarch64 core, "" if the table has none.
func coreName(c CPU) string {
	for i := range archs {
		if archs[i].isCore(c) {
			return archs[i].Name
		}
	}
	return ""
}
