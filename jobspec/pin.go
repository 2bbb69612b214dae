package jobspec

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/proc"
)

const unpinned = "an unpinned source is refused"

// loose are keys people know from elsewhere that name something which moves.
var loose = []string{"branch", "ref", "tag", "channel", "version"}

var pinInstead = map[string]string{
	"sha256":   "write hash: sha256-…",
	"narHash":  "write hash: sha256-…",
	"commit":   "did you mean rev?",
	"revision": "did you mean rev?",
	"owner":    "write github: OWNER/REPOSITORY",
	"repo":     "write github: OWNER/REPOSITORY",
	"file":     "file belongs to an overlay",
}

// pin reads a pinned source; an overlay's may name a file.
func (d *decoder) pin(where string, n *node, overlay bool) (Pin, bool) {
	before := len(d.problems)
	p := Pin{Pos: n.pos}
	if n.single() && n.kind != nothing {
		d.bare(where, n)
		return p, false
	}
	if n.kind != mapping {
		d.expected(where, "a pin", n, "write {github: OWNER/REPOSITORY, rev: …, hash: sha256-…}")
		return p, false
	}
	known := pinFields
	if overlay {
		known = overlayFields
		p.File = "default.nix"
	}
	tight, moving := n.without(loose)
	got, _ := d.block(where, tight, known, pinInstead)
	d.source(where, n, &p, got)
	command := p.command(got, moving)
	for _, m := range moving {
		d.add(m.key.pos, command, "%s: %s %s can change its meaning: %s", where, m.key.value, shown(m.value.value), unpinned)
	}
	d.fixed(where, n, &p, got, command, len(moving) > 0)
	if f, ok := got["file"]; ok && overlay {
		p.File, _ = d.inTree(dot(where, "file"), f.value)
	}
	return p, len(d.problems) == before
}

// without takes the named keys out of a mapping.
func (n *node) without(names []string) (rest *node, out []pair) {
	rest = &node{kind: n.kind, pos: n.pos}
	for _, p := range n.keys {
		if slices.Contains(names, p.key.value) {
			out = append(out, p)
		} else {
			rest.keys = append(rest.keys, p)
		}
	}
	return rest, out
}

// source reads where a pin's tree comes from.
func (d *decoder) source(where string, n *node, p *Pin, got map[string]pair) {
	for _, k := range []PinKind{GitHub, URL, Git, Path} {
		g, ok := got[k.String()]
		if !ok {
			continue
		}
		if p.Kind != 0 {
			d.add(g.key.pos, "keep one of them", "%s: %s and %s are two sources", where, p.Kind, k)
			continue
		}
		p.Kind = k
		at := dot(where, k.String())
		switch k {
		case GitHub:
			p.GitHub = d.github(at, g.value)
		case URL:
			p.URL = d.address(at, g.value, "https", "http", "file")
		case Git:
			p.Git = d.address(at, g.value, "https", "http", "ssh", "git", "file")
		case Path:
			p.Path, _ = d.localPath(at, g.value)
		}
	}
	if p.Kind == 0 && !slices.ContainsFunc(n.keys, func(p pair) bool { return pinInstead[p.key.value] == pinInstead["owner"] }) {
		d.add(n.pos, "name one of github, url, git, path", "%s: does not say where the source is", where)
	}
}

// fixed reads what makes a pin a pin: its commit and its hash.
func (d *decoder) fixed(where string, n *node, p *Pin, got map[string]pair, command string, told bool) {
	rev, hasRev := got["rev"]
	hash, hasHash := got["hash"]
	wantsRev := p.Kind == GitHub || p.Kind == Git
	if hasRev {
		switch v, ok := rev.value, rev.value.single() && rev.value.kind != nothing; {
		case !wantsRev && p.Kind != 0:
			d.add(rev.key.pos, "remove it", "%s: rev does not belong to a %s source", where, p.Kind)
		case !ok:
			d.expected(dot(where, "rev"), "a commit", v, command)
		case revRE.MatchString(v.value):
			p.Rev = v.value
		case revRE.MatchString(strings.ToLower(v.value)):
			d.add(v.pos, "write "+strings.ToLower(v.value), "%s: a commit is written in lower case", dot(where, "rev"))
		case abbreviated.MatchString(v.value):
			d.add(v.pos, command, "%s: %s is not a whole commit of 40 digits: %s", dot(where, "rev"), shown(v.value), unpinned)
		default:
			d.add(v.pos, command, "%s: %s is a branch or a tag, not a commit: %s", dot(where, "rev"), shown(v.value), unpinned)
		}
	}
	if hasHash {
		if v := hash.value; v.kind == nothing {
			hint := command
			if hasRev && rev.value.kind == nothing {
				hint = "" // told with rev: it prints both
			}
			d.expected(dot(where, "hash"), "a hash, sha256-…", v, hint)
		} else if s, ok := d.text(dot(where, "hash"), v, "a hash, sha256-…"); ok {
			if problem, hint := checkHash(s); problem != "" {
				d.add(hash.value.pos, hint, "%s: %s %s", dot(where, "hash"), shown(s), problem)
			} else {
				p.Hash = s
			}
		}
	}
	var lacks []string
	if wantsRev && !hasRev && !n.hasKey("commit") && !n.hasKey("revision") {
		lacks = append(lacks, "no rev")
	}
	// A rev that is no commit needs the same command, which prints the hash too.
	if !hasHash && !n.hasKey("sha256") && !n.hasKey("narHash") && p.Kind != Path && p.Kind != 0 && (!hasRev || p.Rev != "" || !wantsRev) {
		lacks = append(lacks, "no hash")
	}
	if len(lacks) > 0 && !told {
		d.add(n.pos, command, "%s: has %s: %s", where, strings.Join(lacks, " and "), unpinned)
	}
}

var abbreviated = regexp.MustCompile(`^[0-9a-fA-F]{4,64}$`)

// command is the hint that pins a source as far as it is known.
func (p *Pin) command(got map[string]pair, moving []pair) string {
	rev := ""
	if g, ok := got["rev"]; ok && g.value.single() {
		rev = g.value.value
	}
	ref := ""
	for _, m := range moving {
		if m.value.single() && ref == "" {
			ref = m.value.value
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

var release = regexp.MustCompile(`^(nixos|nixpkgs|release)-[a-z0-9.-]+$`)

// bare refuses a source that is only a word: nothing fixes what it means.
func (d *decoder) bare(where string, n *node) {
	s := n.value
	if u, err := url.Parse(s); err == nil {
		if _, secret := u.User.Password(); secret {
			s = u.Redacted() // a message may end up in a log
		}
	}
	hint := pinHint("github:NixOS/nixpkgs/REV")
	switch {
	case strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"), strings.HasPrefix(s, "/"):
		d.add(n.pos, "write {path: "+written(s)+"}", "%s: expected a pin, found the text %s", where, shown(s))
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
	d.add(n.pos, hint, "%s: %s does not fix the contents of a source: %s", where, shown(s), unpinned)
}

func (d *decoder) github(where string, n *node) string {
	s, ok := d.text(where, n, "owner/repository")
	if !ok || githubRE.MatchString(s) && !strings.HasSuffix(s, ".git") {
		return s
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
	d.add(n.pos, hint, "%s: expected owner/repository, found %s", where, shown(s))
	return ""
}

// scpLike is what git clone takes for ssh.
var scpLike = regexp.MustCompile(`^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^/]`)

// address reads a URL. A password in it would be copied into every record.
func (d *decoder) address(where string, n *node, schemes ...string) string {
	s, ok := d.text(where, n, "an address, "+schemes[0]+"://…")
	if !ok {
		return ""
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
		d.add(n.pos, hint, "%s: %s %s", where, shown(s), problem)
		return ""
	}
	return s
}

// inTree reads the path of a file within a source tree.
func (d *decoder) inTree(where string, n *node) (string, bool) {
	s, ok := d.text(where, n, "a file of the tree")
	if !ok {
		return "", false
	}
	if path.IsAbs(s) || slices.Contains(strings.Split(s, "/"), "..") || path.Clean(s) == "." {
		d.add(n.pos, "", "%s: %s is not a file within the tree", where, shown(s))
		return "", false
	}
	return path.Clean(s), true
}
