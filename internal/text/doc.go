// Package text has the few words that are put together in more than one place.
package text
