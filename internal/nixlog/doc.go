// Package nixlog reads what Nix reports while it works (its internal-json log,
// and plain lines between), and tells it as a few events.
//
// It promises never to fail: what it does not know is kept as text.
package nixlog
