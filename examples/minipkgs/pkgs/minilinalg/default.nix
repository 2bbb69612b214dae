# Dense linear algebra for rhf: a library of its own, so that "rebuild only
# these packages, and let them use each other" has something to show.
{ stdenv }:
stdenv.mkDerivation {
  pname = "minilinalg";
  version = "1.0";
  src = ./src;
  setupHook = ./setup-hook.sh;
  enableParallelBuilding = true;
  doCheck = true;
}
