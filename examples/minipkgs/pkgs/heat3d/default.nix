# A Fortran program: Jacobi's iteration for heat in a box, whose answer is known.
{ stdenv }:
stdenv.mkDerivation {
  pname = "heat3d";
  version = "1.0";
  src = ./src;
  doCheck = true;
  meta.mainProgram = "heat3d";
}
