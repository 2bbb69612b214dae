package lazyre

// What every job file is asked takes no expression: compiling one costs more
// than the whole file.

// Letter reports whether c is a letter of ASCII.
func Letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// Digit reports whether c is a digit of ASCII.
func Digit(c byte) bool { return '0' <= c && c <= '9' }

// Digits reports whether s is one to most digits and nothing else.
func Digits(s string, most int) bool {
	for _, c := range []byte(s) {
		if !Digit(c) {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// NixName reports whether s is an identifier of the Nix language, or one of its
// words.
func NixName(s string) bool {
	for i, c := range []byte(s) {
		if !Letter(c) && c != '_' && (i == 0 || !Digit(c) && c != '\'' && c != '-') {
			return false
		}
	}
	return s != ""
}
