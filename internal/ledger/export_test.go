package ledger

import "time"

// AskAgain sets the pauses between the questions whose a number is, and returns
// what puts them back.
func AskAgain(pauses ...time.Duration) (back func()) {
	was := askAgain
	askAgain = pauses
	return func() { askAgain = was }
}
