# A switch: programs take lapack, which has what its provider has.
{ stdenv, fastlin, isILP64 ? false, provider ? fastlin }:
let
  chosen = provider.override { blas64 = isILP64; };
in
stdenv.mkDerivation {
  pname = "lapack";
  version = "3";
  buildCommand = ''
    mkdir -p "$out/lib"
    cp "${chosen}/lib/liblin.so" "$out/lib/liblapack.so"
  '';
  passthru = {
    inherit isILP64;
    provider = chosen;
  };
}
