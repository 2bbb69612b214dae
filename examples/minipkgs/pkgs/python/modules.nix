# The modules, and what makes one.
{ lib, stdenv, python }:
self: _: {
  buildPythonPackage =
    { pname, version, dependencies ? [ ], buildInputs ? [ ], passthru ? { } }:
    stdenv.mkDerivation {
      pname = "python3.1-${pname}";
      inherit version buildInputs passthru;
      propagatedBuildInputs = dependencies ++ [ python ];
      dontUnpack = true;
      buildPhase = "minipython_catchConflicts";
      installPhase = ''
        mkdir -p "$out/lib/python/${pname}"
        echo "${pname} for ''${NIX_CFLAGS_COMPILE_BEFORE:-any CPU}" > "$out/lib/python/${pname}/says"
      '';
    };

  numlib = self.callPackage ({ buildPythonPackage, blas }: buildPythonPackage {
    pname = "numlib";
    version = "1.0";
    buildInputs = [ blas ];
  }) { };

  scilib = self.callPackage ({ buildPythonPackage, numlib }: buildPythonPackage {
    pname = "scilib";
    version = "1.0";
    dependencies = [ numlib ];
  }) { };

  chemlib = self.callPackage ({ buildPythonPackage, numlib, scilib }: buildPythonPackage {
    pname = "chemlib";
    version = "1.0";
    dependencies = [ numlib scilib ];
  }) { };
}
