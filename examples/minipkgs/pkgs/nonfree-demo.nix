# Refused unless config.allowUnfree is set, as nixpkgs does it.
{ lib, stdenvNoCC }:
stdenvNoCC.mkDerivation {
  pname = "nonfree-demo";
  version = "1.0";
  dontUnpack = true;
  installPhase = ''
    mkdir -p "$out/share"
    echo "you may not pass this on" > "$out/share/licence"
  '';
  meta.license = lib.licenses.unfree;
}
