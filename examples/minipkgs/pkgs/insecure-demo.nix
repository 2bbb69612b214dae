# Refused unless config.permittedInsecurePackages names it, as nixpkgs does it.
{ stdenvNoCC }:
stdenvNoCC.mkDerivation {
  pname = "insecure-demo";
  version = "1.0";
  dontUnpack = true;
  installPhase = ''mkdir -p "$out"'';
  meta.knownVulnerabilities = [ "a hole for tests" ];
}
