package jobspec

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/sri"
)

var (
	githubRE = lazyre.New(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	revRE    = lazyre.New(`^[0-9a-f]{40}$`)
)

const unpinned = "an unpinned source is refused"

// loose are keys people know from elsewhere that name something which moves.
var loose = []string{"branch", "ref", "tag", "channel", "version"}

func pinInstead() map[string]string {
	return map[string]string{
		"sha256":   "write hash: sha256-…",
		"narHash":  "write hash: sha256-…",
		"commit":   "did you mean rev?",
		"revision": "did you mean rev?",
		"owner":    "write github: OWNER/REPOSITORY",
		"repo":     "write github: OWNER/REPOSITORY",
		"file":     "file belongs to an overlay",
	}
}

// pinning is a pin that is being read.
type pinning struct {
	Pin
	where  string
	node   *node
	moving []pair // keys that name something which moves
	rev    *node  // nil where there is none
}

// pinBlock lists the sources before what fixes them, which depends on them.
func pinBlock() block[pinning] {
	return block[pinning]{[]key[pinning]{
		{"github", optional, "owner/repository on GitHub", textOf(githubRE), source(GitHub, (*decoder).github)},
		{"url", optional, "address of an archive (http, https or file)", textOf(nil), source(URL, (*decoder).archive)},
		{"git", optional, "address of a Git repository (https, http, ssh, git or file)", textOf(nil), source(Git, (*decoder).repository)},
		{"path", optional, "directory, relative to the job file or absolute", textOf(nil), source(Path, (*decoder).localPath)},
		{"rev", optional, "commit, 40 hexadecimal digits", textOf(revRE), (*decoder).commit},
		{"hash", optional, "hash of the unpacked tree, sha256-… (SRI)", textOf(sri.Form), (*decoder).hash},
	}, pinInstead()}
}

// overlayBlock is a pin that may name a file.
func overlayBlock() block[pinning] {
	b := pinBlock()
	b.keys = append(b.keys, key[pinning]{"file", optional, "file of the tree that holds the overlay; default default.nix", textOf(nil),
		into((*decoder).inTree, func(p *pinning) *string { return &p.File })})
	return b
}

// pin reads a pinned source. file is the one that is meant where none is named.
func (d *decoder) pin(where string, n *node, known block[pinning], file string) (Pin, bool) {
	before := d.Count()
	p := &pinning{Pin: Pin{Pos: Pos(n.Pos), File: file}, where: where, node: n}
	if n.Single() && n.Kind != nothing {
		d.bare(where, n)
		return p.Pin, false
	}
	if n.Kind != mapping {
		d.Expected(where, "a pin", n, "write {github: OWNER/REPOSITORY, rev: …, hash: sha256-…}")
		return p.Pin, false
	}
	var tight *node
	tight, p.moving = n.Without(loose)
	if i := slices.IndexFunc(tight.Keys, func(p pair) bool { return p.Key.Value == "rev" }); i >= 0 {
		p.rev = tight.Keys[i].Value
	}
	got, _ := known.read(d, where, tight, p)
	owner := pinInstead()["owner"]
	if p.Kind == 0 && !slices.ContainsFunc(n.Keys, func(p pair) bool { return pinInstead()[p.Key.Value] == owner }) {
		d.Add(n.Pos, "name one of github, url, git, path", "%s: does not say where the source is", where)
	}
	for _, m := range p.moving {
		d.Add(m.Key.Pos, p.command(), "%s: %s %s can change its meaning: %s", where, m.Key.Value, shown(m.Value.Value), unpinned)
	}
	d.whole(p, got)
	return p.Pin, d.Count() == before
}

// source reads where a pin's tree comes from: one of several.
func source(kind PinKind, read func(d *decoder, at string, n *node) (string, bool)) func(*decoder, string, pair, *pinning) {
	return func(d *decoder, at string, g pair, p *pinning) {
		if p.Kind != 0 {
			d.Add(g.Key.Pos, "keep one of them", "%s: %s and %s are two sources", p.where, p.Kind, kind)
			return
		}
		p.Kind = kind
		*map[PinKind]*string{GitHub: &p.GitHub, URL: &p.URL, Git: &p.Git, Path: &p.Path}[kind], _ = read(d, at, g.Value)
	}
}

// wantsRev tells whether the source is fixed by a commit, too.
func (p *pinning) wantsRev() bool { return p.Kind == GitHub || p.Kind == Git }

// commit reads rev.
func (d *decoder) commit(at string, rev pair, p *pinning) {
	switch v, ok := rev.Value, rev.Value.Single() && rev.Value.Kind != nothing; {
	case !p.wantsRev() && p.Kind != 0:
		d.Add(rev.Key.Pos, "remove it", "%s: rev does not belong to a %s source", p.where, p.Kind)
	case !ok:
		d.Expected(at, "a commit", v, p.command())
	case revRE.MatchString(v.Value):
		p.Rev = v.Value
	case revRE.MatchString(strings.ToLower(v.Value)):
		d.Add(v.Pos, "write "+strings.ToLower(v.Value), "%s: a commit is written in lower case", at)
	case abbreviated.MatchString(v.Value):
		d.Add(v.Pos, p.command(), "%s: %s is not a whole commit of 40 digits: %s", at, shown(v.Value), unpinned)
	default:
		d.Add(v.Pos, p.command(), "%s: %s is a branch or a tag, not a commit: %s", at, shown(v.Value), unpinned)
	}
}

// hash reads the hash of the tree.
func (d *decoder) hash(at string, hash pair, p *pinning) {
	v := hash.Value
	if v.Kind == nothing {
		hint := p.command()
		if p.rev != nil && p.rev.Kind == nothing {
			hint = "" // told with rev: it prints both
		}
		d.Expected(at, "a hash, sha256-…", v, hint)
		return
	}
	s, ok := d.Text(at, v, "a hash, sha256-…")
	if !ok {
		return
	}
	if problem, hint := sri.Check(s); problem != "" {
		d.Add(v.Pos, hint, "%s: %s %s", at, shown(s), problem)
		return
	}
	p.Hash = s
}

// whole checks that a pin has all that fixes it.
func (d *decoder) whole(p *pinning, got map[string]pair) {
	_, hasRev := got["rev"]
	_, hasHash := got["hash"]
	n := p.node
	var lacks []string
	if p.wantsRev() && !hasRev && !n.HasKey("commit") && !n.HasKey("revision") {
		lacks = append(lacks, "no rev")
	}
	// A rev that is no commit needs the same command, which prints the hash too.
	if !hasHash && !n.HasKey("sha256") && !n.HasKey("narHash") && p.Kind != Path && p.Kind != 0 && (!hasRev || p.Rev != "" || !p.wantsRev()) {
		lacks = append(lacks, "no hash")
	}
	if len(lacks) > 0 && len(p.moving) == 0 {
		d.Add(n.Pos, p.command(), "%s: has %s: %s", p.where, strings.Join(lacks, " and "), unpinned)
	}
}

var abbreviated = lazyre.New(`^[0-9a-fA-F]{4,64}$`)

// command is the hint that pins a source as far as it is known.
func (p *pinning) command() string {
	rev := ""
	if p.rev != nil && p.rev.Single() {
		rev = p.rev.Value
	}
	ref := ""
	for _, m := range p.moving {
		if m.Value.Single() && ref == "" {
			ref = m.Value.Value
		}
	}
	switch {
	case p.Kind == GitHub && p.GitHub != "":
		return pinHint("github:" + p.GitHub + "/" + firstOf(rev, ref, "REV"))
	case p.Kind == URL && p.URL != "":
		return pinHint(p.URL)
	case p.Kind == Git && p.Git != "":
		query := "?rev=" + firstOf(rev, "REV")
		if rev == "" && ref != "" || rev != "" && !abbreviated.MatchString(rev) {
			query = "?ref=" + firstOf(rev, ref)
		}
		return pinHint("git+" + p.Git + query)
	}
	return pinHint("github:OWNER/REPOSITORY/REV")
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// pinHint names the command that pins ref. What a file says may go into it, so
// it is quoted to be pasted, and not repeated if it is not printable.
func pinHint(ref string) string {
	if len(ref) > 300 || strings.ContainsFunc(ref, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		ref = "github:OWNER/REPOSITORY/REV"
	}
	return "nixbatch pin " + proc.Quote(ref) + " prints the pin to paste here"
}

var release = lazyre.New(`^(nixos|nixpkgs|release)-[a-z0-9.-]+$`)

// bare refuses a source that is only a word: nothing fixes what it means.
func (d *decoder) bare(where string, n *node) {
	s := n.Value
	if u, err := url.Parse(s); err == nil {
		if _, secret := u.User.Password(); secret {
			s = u.Redacted() // a message may end up in a log
		}
	}
	hint := pinHint("github:NixOS/nixpkgs/REV")
	switch {
	case strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"), strings.HasPrefix(s, "/"):
		d.Add(n.Pos, "write {path: "+written(s)+"}", "%s: expected a pin, found the text %s", where, shown(s))
		return
	case strings.HasPrefix(s, "github:") && strings.Count(s, "/") == 1:
		hint = pinHint(s + "/REV")
	case strings.HasPrefix(s, "github:"), strings.Contains(s, "://"):
		hint = pinHint(s)
	case release.MatchString(s), revRE.MatchString(s):
		hint = pinHint("github:NixOS/nixpkgs/" + s)
	case githubRE.MatchString(s):
		hint = pinHint("github:" + s + "/REV")
	}
	d.Add(n.Pos, hint, "%s: %s does not fix the contents of a source: %s", where, shown(s), unpinned)
}

func (d *decoder) github(where string, n *node) (string, bool) {
	s, ok := d.Text(where, n, "owner/repository")
	if !ok || githubRE.MatchString(s) && !strings.HasSuffix(s, ".git") {
		return s, ok
	}
	hint := ""
	short := s
	for _, start := range []string{"https://", "http://", "github.com/", "github:"} {
		short = strings.TrimPrefix(short, start)
	}
	if parts := strings.Split(short, "/"); len(parts) >= 2 {
		short = parts[0] + "/" + strings.TrimSuffix(parts[1], ".git")
		if short != s && githubRE.MatchString(short) {
			hint = "write " + short
		}
	}
	d.Add(n.Pos, hint, "%s: expected owner/repository, found %s", where, shown(s))
	return "", false
}

// scpLike is what git clone takes for ssh.
var scpLike = lazyre.New(`^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^/]`)

func (d *decoder) archive(where string, n *node) (string, bool) {
	return d.address(where, n, "https", "http", "file")
}

func (d *decoder) repository(where string, n *node) (string, bool) {
	return d.address(where, n, "https", "http", "ssh", "git", "file")
}

// address reads a URL. A password in it would be copied into every record.
func (d *decoder) address(where string, n *node, schemes ...string) (string, bool) {
	s, ok := d.Text(where, n, "an address, "+schemes[0]+"://…")
	if !ok {
		return "", false
	}
	u, err := url.Parse(s)
	problem, hint := "", ""
	switch {
	case strings.HasPrefix(s, "github:"):
		problem, hint = "is a source on GitHub", "write github: OWNER/REPOSITORY"
	case strings.HasPrefix(s, "git+"):
		problem, hint = "is not an address", "write git: "+s[len("git+"):]
	case scpLike.MatchString(s):
		problem, hint = "is not an address", "write ssh://"+strings.Replace(s, ":", "/", 1)
	case strings.HasPrefix(s, "<"):
		problem, hint = "does not fix the contents of a source", pinHint("github:NixOS/nixpkgs/REV")
	case err != nil || u.Scheme == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problem = "is not an address: expected " + schemes[0] + "://…"
	case !slices.Contains(schemes, u.Scheme):
		problem = "begins with " + u.Scheme + ":, expected one of " + strings.Join(schemes, ", ")
	case u.Scheme == "file" && (u.Host != "" || !path.IsAbs(u.Path)):
		problem, hint = "is not an absolute path", "write file:///…"
	case u.Scheme != "file" && (u.Hostname() == "" || strings.HasPrefix(u.Host, "-")):
		problem = "names no host"
	case strings.HasPrefix(u.User.Username(), "-"):
		problem = "names no user"
	default:
		if _, secret := u.User.Password(); secret {
			s = u.Redacted() // a message may end up in a log
			problem, hint = "has a password in it, which would go into the record", "put it into ~/.netrc"
		}
	}
	if problem != "" {
		d.Add(n.Pos, hint, "%s: %s %s", where, shown(s), problem)
		return "", false
	}
	return s, true
}

// inTree reads the path of a file within a source tree.
func (d *decoder) inTree(where string, n *node) (string, bool) {
	s, ok := d.Text(where, n, "a file of the tree")
	if !ok {
		return "", false
	}
	if path.IsAbs(s) || slices.Contains(strings.Split(s, "/"), "..") || path.Clean(s) == "." {
		d.Add(n.Pos, "", "%s: %s is not a file within the tree", where, shown(s))
		return "", false
	}
	return path.Clean(s), true
}
