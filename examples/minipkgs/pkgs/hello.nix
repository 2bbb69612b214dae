# A shell script that greets: the smallest package, and one without a compiler.
{ stdenvNoCC, runtimeShell }:
stdenvNoCC.mkDerivation {
  pname = "hello";
  version = "1.0";
  dontUnpack = true;

  installPhase = ''
    mkdir -p "$out/bin"
    printf '#!%s\necho "hello from minipkgs"\n' ${runtimeShell} > "$out/bin/hello"
    chmod +x "$out/bin/hello"
  '';
}
