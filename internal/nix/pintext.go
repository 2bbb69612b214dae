package nix

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nixlang"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/jobspec"
)

// NotASource says that something names no source tree.
type NotASource struct{ Given, Way string }

func (e *NotASource) Error() string { return fmt.Sprintf("%q names no source to pin", e.Given) }

// Hint is the way out.
func (e *NotASource) Hint() string { return e.Way }

const pinWay = "give github:OWNER/REPO/REV (a commit, a branch or a tag), the https:// address of a tarball, git+URL?rev=REV, or a directory"

var (
	githubRe = lazyre.New(`^github:([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)/(.+)$`)
	revRe    = lazyre.New(`^[0-9a-f]{40}$`)
)

// PinText fetches and hashes a source, as Nix would unpack it, and returns the
// lines that pin it in a job file. A directory is named as it was given.
// Addresses are fetched by Nix, git sources by git; a directory needs neither.
func (n *Nix) PinText(ctx context.Context, source string) (string, error) {
	if m := githubRe.FindStringSubmatch(source); m != nil {
		rev, err := n.commit(ctx, "https://github.com/"+m[1], m[2])
		if err != nil {
			return "", err
		}
		hash, err := n.fetchHash(ctx, "https://github.com/"+m[1]+"/archive/"+rev+".tar.gz")
		return fmt.Sprintf("github: %s\nrev: %s\nhash: %s\n", m[1], rev, hash), err
	}
	if rest, ok := strings.CutPrefix(source, "git+"); ok {
		addr, query, _ := strings.Cut(rest, "?")
		q, err := url.ParseQuery(query)
		name := q.Get("rev") + q.Get("ref")
		if err != nil || name == "" {
			return "", &NotASource{source, "name the commit: git+" + addr + "?rev=<40 hexadecimal digits>, or a branch or tag: ?ref=NAME"}
		}
		rev, err := n.commit(ctx, addr, name)
		if err != nil {
			return "", err
		}
		hash, err := n.gitHash(ctx, addr, rev)
		return fmt.Sprintf("git: %s\nrev: %s\nhash: %s\n", yamlText(addr), rev, hash), err
	}
	if u, err := url.Parse(source); err == nil && (u.Scheme == "https" || u.Scheme == "http" || u.Scheme == "file") {
		hash, err := n.fetchHash(ctx, source)
		return fmt.Sprintf("url: %s\nhash: %s\n", yamlText(source), hash), err
	}
	dir := strings.TrimPrefix(source, "path:")
	st, err := durable.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("the source %s: %w", source, err)
	}
	if st == nil || !st.IsDir() {
		return "", &NotASource{source, pinWay}
	}
	hash, err := nixtree.HashTree(dir)
	return fmt.Sprintf("path: %s\nhash: %s\n", yamlText(filepath.Clean(dir)), hash), err
}

// yamlText is s as a YAML scalar.
func yamlText(s string) string {
	if regexp.MustCompile(`^[A-Za-z0-9./][A-Za-z0-9./_+:?=&%@~-]*$`).MatchString(s) && !strings.HasSuffix(s, ":") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// fetchHash has Nix fetch and unpack a tarball, as it will for a job, and hashes
// the tree: a plan after it finds it in the store. A server that says nothing for
// half a minute is given up; what Nix remembers of an address is not believed.
func (n *Nix) fetchHash(ctx context.Context, addr string) (string, error) {
	a, err := n.run(ctx, job{
		phase:   "pin",
		program: n.Programs.instantiate(),
		args: []string{"--eval", "--read-write-mode", "--option", "tarball-ttl", "0", "--option", "connect-timeout", "30",
			"--option", "stalled-download-timeout", "30", "-E", "fetchTarball { name = \"source\"; url = " + nixlang.QuoteString(addr) + "; }"},
	})
	var e *Error
	if errors.As(err, &e) && e.Way == "" && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		return "", &Error{Phase: "pin", Message: "the source could not be fetched", Decisive: e.Decisive,
			Way: "is the address right, is it a tarball, and does this machine reach it?", Err: &FetchError{URL: addr, Err: e.Err}}
	}
	if err != nil {
		return "", err
	}
	return nixtree.HashTree(strings.Trim(lastLine(a.stdout), `"`))
}

// commit is the commit that a name stands for now: itself, or what the
// repository says of a branch or tag (an annotated tag's commit).
func (n *Nix) commit(ctx context.Context, addr, name string) (string, error) {
	if revRe.MatchString(name) {
		return name, nil
	}
	a, err := n.run(ctx, job{phase: "pin", program: n.Programs.git(), bare: true, args: []string{"ls-remote", "--", addr, name, name + "^{}"}})
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Way == "" && ctx.Err() == nil {
			e.Way = "is the address right, and does this machine reach it? With a whole commit in place of a branch or tag, git is not asked"
		}
		return "", err
	}
	// ls-remote matches the ends of names: "main" is also in "old/main".
	at := map[string]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(a.stdout)), "\n") {
		if f := strings.Fields(l); len(f) == 2 && revRe.MatchString(f[0]) {
			at[f[1]] = f[0]
		}
	}
	rev := ""
	for _, ref := range []string{name, "refs/heads/" + name, "refs/tags/" + name, "refs/tags/" + name + "^{}"} {
		if at[ref] != "" {
			rev = at[ref]
		}
	}
	if rev == "" {
		return "", &NotASource{addr + " " + name, "the repository has no branch, tag or commit of that name"}
	}
	return rev, nil
}

// gitHash is the hash of a commit's tree, without .git.
func (n *Nix) gitHash(ctx context.Context, addr, rev string) (string, error) {
	tmp, err := os.MkdirTemp("", "nixbatch-git-*")
	if err != nil {
		return "", fmt.Errorf("pin: %w", err)
	}
	defer os.RemoveAll(tmp)
	s := nixsource.Source{Kind: "git", Pin: jobspec.Pin{Kind: jobspec.Git, Git: addr, Rev: rev}}
	tree, err := n.checkout(ctx, s, tmp)
	if err != nil {
		return "", err
	}
	return nixtree.HashTree(tree)
}
