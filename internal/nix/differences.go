package nix

import "strings"

// Difference is one variable or function, or a family of them, in which sourcing an
// environment's activate differs from nix-shell --pure on the same shell.
type Difference struct {
	// Names are names of variables and functions, or shell patterns of them.
	Names  []string
	Reason string
}

// Differences are all of them. The dump leaves these variables out; the test of
// faithfulness compares everything else. Beside variables, two things differ:
// the options of the calling shell (set -o, shopt) stay as they were, and no
// EXIT trap is set, where nix-shell keeps those of $stdenv/setup. And for a shell
// with structured attributes nix-shell 2.8 has a placeholder where the shell's
// output path belongs; activate has the path.
var Differences = []Difference{
	{[]string{"HOME", "USER", "LOGNAME", "TERM", "DISPLAY", "LANG", "LC_*", "LOCALE_ARCHIVE"},
		"belongs to who runs the job, not to who built the environment"},
	{[]string{"TMP", "TMPDIR", "TEMP", "TEMPDIR", "NIX_BUILD_TOP", "PWD", "OLDPWD"},
		"directories of the build, gone when the job runs; the site's stay"},
	{[]string{"out", "prefix"}, "the output path of the shell, which never exists"},
	{[]string{"NIX_BUILD_CORES", "NIX_LOG_FD", "NIX_ATTRS_*", "NIX_SSL_CERT_FILE", "SSL_CERT_FILE"},
		"of the build: its cores, its log, its files, its certificates"},
	{[]string{"exitHooks", "failureHooks"}, "for the EXIT trap of $stdenv/setup, which activate does not set"},
	{[]string{"__json"}, "the text nix-shell reads structured attributes from"},
	{[]string{"NIX_ENFORCE_PURITY"}, "nix-shell unsets it too"},
	{[]string{"TZ"}, "nix-shell gives back the caller's, and so does activate"},
	{[]string{"XDG_RUNTIME_DIR"}, "names a directory of the login session, not there on a node"},
	{[]string{"NIX_BUILD_SHELL", "NIX_SHELL_PRESERVE_PROMPT", "NIX_RUN_FOR_SHELL", "_nix_shell_clean_tmpdir",
		"__ETC_PROFILE_SOURCED", "PAGER", "PS1", "PS2", "PS4"},
		"of nix-shell, or of somebody at a prompt"},
	{[]string{"allowSubstitutes", "args"}, "of the derivation that dumps: it is not looked for in caches"},
	{[]string{"BASHOPTS", "SHELLOPTS", "BASHPID", "BASH_*", "COMP_*", "DIRSTACK", "EPOCH*", "EUID", "FUNCNAME",
		"GROUPS", "HISTCMD", "HOSTNAME", "HOSTTYPE", "IFS", "LINENO", "MACHTYPE", "OPTARG", "OPTERR", "OPTIND",
		"OSTYPE", "PIPESTATUS", "PPID", "RANDOM", "READLINE_*", "SECONDS", "SHLVL", "SRANDOM", "UID", "_"},
		"set by bash itself, in each shell anew"},
}

// skipped are the patterns of the variables the dump leaves out.
func skipped() []string {
	var all []string
	for _, d := range Differences {
		all = append(all, d.Names...)
	}
	return all
}

// skipClause is the branch of a shell's case that matches them.
func skipClause() string { return strings.Join(skipped(), " | ") + ") return 0 ;;" }
