# Every rank says where it is and what it may use: for tests of launchers.
{ stdenv, openmpi }:
stdenv.mkDerivation {
  pname = "mpiprobe";
  version = "1.0";
  src = ./src;
  buildInputs = [ openmpi ];
  buildPhase = "mpicc -std=c11 -O2 -Wall -Wextra -Werror -fopenmp -o mpiprobe mpiprobe.c";
  installPhase = ''mkdir -p "$out/bin" && cp mpiprobe "$out/bin/"'';
}
