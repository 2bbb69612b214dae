# A miniature package set with nixpkgs' interface, for tests and the first try.
# Evaluates under --pure-eval: nothing outside this folder is read.
args:
let
  needs = import ./lib/minver.nix;
in
if builtins.compareVersions builtins.nixVersion needs < 0 then
  abort "minipkgs: this set needs Nix ${needs} or newer, and this is Nix ${builtins.nixVersion}"
else
  import ./top-level.nix args
