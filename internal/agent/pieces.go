package agent

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// pieceSize keeps a line below what slurmstepd hands to srun at once (1,024
// bytes, MAX_MSG_LEN in Slurm's slurmd/slurmstepd/io.c; seen on 22.05.8): of a
// longer line, parts of other tasks' lines come in between. Base 64 makes 800 of
// these bytes.
const pieceSize = 600

// writePieces writes v as lines "NODE TEXT", and a last one "NODE": the JSON is
// their texts, joined, in base 64.
func writePieces(w io.Writer, node string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b strings.Builder
	for len(data) > 0 {
		n := min(pieceSize, len(data))
		fmt.Fprintf(&b, "%s %s\n", node, base64.StdEncoding.EncodeToString(data[:n]))
		data = data[n:]
	}
	b.WriteString(node + "\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// readPieces reads what several nodes wrote, their lines mixed, in the order in
// which they came to their last line.
func readPieces(r io.Reader) ([]Seen, error) {
	texts := map[string][]byte{}
	var out []Seen
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		node, text, more := strings.Cut(lines.Text(), " ")
		if more {
			piece, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("node %s: %w", node, err)
			}
			texts[node] = append(texts[node], piece...)
			continue
		}
		var s Seen
		if err := json.Unmarshal(texts[node], &s); err != nil {
			return nil, fmt.Errorf("node %s: %w", node, err)
		}
		delete(texts, node)
		out = append(out, s)
	}
	return out, lines.Err()
}
