package canon

import (
	"errors"
	"fmt"
)

// MaxValues is how many values a document may have.
const MaxValues = 5_000_000

// What values cost in memory, in bytes: an object up to that much where it
// becomes a fact. A document may cost as much as free, and perByte for each of
// its bytes, which is more than any real one needs: an accounting of jobs has
// 100 bytes an object, a sweep of a million tasks 7 a task.
const (
	valueCost  = 80
	objectCost = 512
	free       = 64 << 20
	perByte    = 16
)

// Bounded reports, without building anything, whether JSON is nested deeper or
// has more values than may be built from it. What is not JSON may pass; whoever
// parses it tells.
func Bounded(data []byte) error {
	depth, values, objects := 0, 1, 0
	text := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		if text {
			if c == '\\' {
				i++
			}
			text = c != '"'
			continue
		}
		switch c {
		case '"':
			text = true
		case '{', '[':
			depth++
			values++
			if c == '{' {
				objects++
			}
		case ']', '}':
			depth--
		case ',':
			values++
		}
		switch {
		case depth > maxDepth:
			return errDeep
		case values > MaxValues:
			return fmt.Errorf("it has more than %d values", MaxValues)
		case values*valueCost+objects*objectCost > free+perByte*len(data):
			return errors.New("it would need far more memory than it has bytes")
		}
	}
	return nil
}

var errDeep = errors.New("it is nested too deep")
