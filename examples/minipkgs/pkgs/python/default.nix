# An interpreter with a set of packages of its own, of the shape of nixpkgs' Python:
# the set is a fixed point, extended by pythonPackagesExtensions and packageOverrides.
# A module is a directory below lib/python, and the interpreter prints what it finds.
{ lib, stdenv, newScope, runtimeShell, pythonPackagesExtensions, self, packageOverrides ? (_: _: { }) }:
let
  modules = import ./modules.nix { inherit lib stdenv; python = self; };
  pkgs = lib.makeScope newScope (
    lib.extends (lib.composeManyExtensions ([ modules ] ++ pythonPackagesExtensions ++ [ packageOverrides ])) (_: {
      python = self;
    })
  );
in
stdenv.mkDerivation {
  pname = "minipython";
  version = "3.1";
  setupHook = ./setup-hook.sh;
  dontUnpack = true;
  installPhase = ''
    mkdir -p "$out/bin"
    printf '#!%s\nIFS=:\nfor dir in $PYTHONPATH; do cat "$dir"/*/says; done\n' ${runtimeShell} > "$out/bin/python3"
    chmod +x "$out/bin/python3"
  '';
  passthru = { inherit pkgs; };
}
