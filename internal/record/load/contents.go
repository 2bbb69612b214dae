package load

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// ContentsFile says what an export holds beside the facts.
const (
	ContentsFile   = facts.ContentsFile
	ContentsSchema = facts.ContentsSchema
)

// Contents is that list.
type Contents struct {
	Schema   string    `json:"schema"`
	RunID    string    `json:"run_id"`
	Redacted bool      `json:"redacted"`
	Files    []Content `json:"files"`
	Sum      string    `json:"sum"` // SHA-256 of the rest in canonical form

	index map[named]int // of all files but logs, made by Find
	upTo  int           // files that are in it
}

type named struct{ role, path string }

// Content is one file of the run, or one pinned tree as a NAR.
type Content struct {
	Role   string `json:"role"` // "input", "output", "tree" or "log"
	Path   string `json:"path"` // as the record has it; of a tree its hash (SRI)
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	At     string `json:"at,omitempty"`     // its name in the export
	Absent string `json:"absent,omitempty"` // why it is not in the export
}

// Find finds a file, the first one of its role and path; no log.
func (c *Contents) Find(role, path string) (Content, bool) {
	if c.index == nil {
		c.index = map[named]int{}
	}
	for ; c.upTo < len(c.Files); c.upTo++ {
		f := &c.Files[c.upTo]
		if _, ok := c.index[named{f.Role, f.Path}]; !ok && f.Role != "log" {
			c.index[named{f.Role, f.Path}] = c.upTo
		}
	}
	if i, ok := c.index[named{role, path}]; ok {
		return c.Files[i], true
	}
	return Content{}, false
}

// Bytes is the list as a file, in canonical form, its Sum set anew. It is written
// out by hand: a list has as many files as a run has tasks.
func (c *Contents) Bytes() ([]byte, error) {
	b := make([]byte, 0, 256+128*len(c.Files))
	b = append(b, `{"files":`...)
	if c.Files == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, '[')
		for i := range c.Files {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.Files[i].append(b)
		}
		b = append(b, ']')
	}
	b = append(b, `,"redacted":`...)
	b = strconv.AppendBool(b, c.Redacted)
	b = member(b, `,"run_id":`, c.RunID)
	b = member(b, `,"schema":`, c.Schema)
	b = append(b, `,"sum":"`...)
	end := len(b)
	b = append(b, `"}`...)
	c.Sum = digest.Bytes(b)
	return append(append(b[:end], c.Sum...), "\"}\n"...), nil
}

// append appends the canonical form: keys in their order, without those that are
// empty.
func (c *Content) append(b []byte) []byte {
	b = append(b, '{')
	if c.Absent != "" {
		b = append(member(b, `"absent":`, c.Absent), ',')
	}
	if c.At != "" {
		b = append(member(b, `"at":`, c.At), ',')
	}
	b = member(b, `"path":`, c.Path)
	b = member(b, `,"role":`, c.Role)
	if c.SHA256 != "" {
		b = member(b, `,"sha256":`, c.SHA256)
	}
	b = append(b, `,"size":`...)
	return append(strconv.AppendInt(b, c.Size, 10), '}')
}

func member(b []byte, key, text string) []byte {
	if !utf8.ValidString(text) {
		text = string([]rune(text)) // each byte that is none becomes U+FFFD, as in encoding/json
	}
	return canon.AppendString(append(b, key...), text)
}

// intact checks that the list is as it was written.
func (r *Record) intact() error {
	data, err := source.ReadAll(r.Source, ContentsFile)
	if err != nil {
		return err
	}
	again, err := r.Contents.Bytes()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return &fault.Error{Message: ContentsFile + " was changed: its own hash is another", Way: "it was cut off or edited"}
	}
	return nil
}
