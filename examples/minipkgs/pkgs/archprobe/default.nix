# Prints what it was compiled for, from the compiler's predefined macros. Runs
# on any x86-64: all it does is write one constant string.
{ stdenv }:
stdenv.mkDerivation {
  pname = "archprobe";
  version = "1.0";
  src = ./src;

  # -O0 and no vectorised code whatever -march says; the macros are set all the same.
  buildPhase = "gcc -O0 -o archprobe archprobe.c";
  installPhase = ''mkdir -p "$out/bin" && cp archprobe "$out/bin/"'';
}
