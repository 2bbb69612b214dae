# Starts as many threads as it may see, and says how many: for tests of thread limits.
{ stdenv }:
stdenv.mkDerivation {
  pname = "greedy";
  version = "1.0";
  src = ./src;
  buildPhase = "gcc -std=c11 -O2 -Wall -Wextra -Werror -fopenmp -o greedy greedy.c";
  installPhase = ''mkdir -p "$out/bin" && cp greedy "$out/bin/"'';
}
