// Package text puts together the few words that are needed in more than one place:
// a reason behind a state, a number and its noun, a list without repetitions.
//
// It promises that what it shortens is one line of at most 200 characters, which
// shows that something is left out. It makes nothing plain for a terminal: that
// is what package screen does.
package text
