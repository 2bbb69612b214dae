# A package whose build fails as a compilation does: for tests of what is said then.
{ stdenv }:
stdenv.mkDerivation {
  pname = "failing";
  version = "1.0";
  dontUnpack = true;

  buildPhase = ''
    printf 'int main(void)\n{\n    return missing_symbol;\n}\n' > failing.c
    gcc -c failing.c
  '';
}
