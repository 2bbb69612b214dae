# Restricted Hartree-Fock over s and p Gaussians; its tests are published energies.
{ stdenv, minilinalg }:
stdenv.mkDerivation {
  pname = "rhf";
  version = "1.0";
  src = ./src;
  buildInputs = [ minilinalg ];
  enableParallelBuilding = true;
  doCheck = true;
  meta.mainProgram = "rhf";
}
