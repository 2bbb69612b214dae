# A C++ program: molecular dynamics of a noble gas, which keeps its energy.
{ stdenv }:
stdenv.mkDerivation {
  pname = "ljmd";
  version = "1.0";
  src = ./src;
  doCheck = true;
  meta.mainProgram = "ljmd";
}
