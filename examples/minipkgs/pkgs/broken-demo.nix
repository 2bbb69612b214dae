# Refused unless config.allowBroken is set, as nixpkgs does it.
{ stdenvNoCC }:
stdenvNoCC.mkDerivation {
  pname = "broken-demo";
  version = "1.0";
  dontUnpack = true;
  installPhase = ''mkdir -p "$out"'';
  meta.broken = true;
}
