# Refused unless config.allowUnsupportedSystem is set, as nixpkgs does it.
{ stdenvNoCC }:
stdenvNoCC.mkDerivation {
  pname = "unsupported-demo";
  version = "1.0";
  dontUnpack = true;
  installPhase = ''mkdir -p "$out"'';
  meta.platforms = [ "riscv64-linux" ];
}
