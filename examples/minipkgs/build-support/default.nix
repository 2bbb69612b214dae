# mkShell and the small builders.
{ lib, self }:
let
  inherit (self) stdenv stdenvNoCC;

  runWith =
    env: name: attrs: buildCommand:
    env.mkDerivation ({ inherit name buildCommand; } // attrs);
in
rec {
  mkShell = lib.makeOverridable (import ./mk-shell.nix { inherit lib; }) { inherit stdenv; };
  mkShellNoCC = mkShell.override { stdenv = stdenvNoCC; };

  runCommand = runWith stdenvNoCC;
  runCommandCC = runWith stdenv;
  runCommandLocal = name: attrs: runCommand name ({ preferLocalBuild = true; allowSubstitutes = false; } // attrs);

  # A file, or with `destination` a directory that holds it.
  writeTextFile =
    { name, text, executable ? false, destination ? "", checkPhase ? "" }:
    runCommandLocal name
      {
        inherit text executable destination checkPhase;
        passAsFile = [ "text" ];
      }
      ''
        target=$out$destination
        mkdir -p "$(dirname "$target")"
        cp "$textPath" "$target"
        if [ -n "$executable" ]; then chmod +x "$target"; fi
        eval "$checkPhase"
      '';
  writeText = name: text: writeTextFile { inherit name text; };
  writeScript = name: text: writeTextFile { inherit name text; executable = true; };
  writeShellScript = name: text: writeScript name "#!${self.runtimeShell}\n${text}\n";
  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = "#!${self.runtimeShell}\n${text}\n";
    };

  # One tree of links to what is in several; the first to have a file wins.
  symlinkJoin =
    { name, paths, postBuild ? "", ... }@args:
    runCommandLocal name ({ inherit paths postBuild; } // removeAttrs args [ "name" "paths" "postBuild" ]) ''
      mkdir -p "$out"
      for path in $paths; do
        (cd "$path" && find . -mindepth 1 -type d) | while read -r dir; do mkdir -p "$out/$dir"; done
        (cd "$path" && find . ! -type d) | while read -r file; do
          [ -e "$out/$file" ] || ln -s "$path/$file" "$out/$file"
        done
      done
      eval "$postBuild"
    '';
  buildEnv = symlinkJoin;
}
