// Package facts is what a run leaves behind, as types: every JSON file of a run
// directory has its type here, with its schema's name.
//
// It promises that what may not leave the site without its owner's word (user,
// hosts, paths) stands below a key named "private", and nowhere else; and that a
// fact is only ever added to. It reads and writes nothing: see durable.
package facts
