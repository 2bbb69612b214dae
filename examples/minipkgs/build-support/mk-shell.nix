# A derivation whose point is its environment, for nix-shell. It can be built
# too: the output then holds the environment, so that its closure can be kept.
{ lib }:
{ stdenv }:
{
  name ? "nix-shell",
  packages ? [ ],
  inputsFrom ? [ ],
  nativeBuildInputs ? [ ],
  ...
}@attrs:
let
  # The inputs of the packages in inputsFrom, less those packages themselves.
  merged =
    attr:
    (attrs.${attr} or [ ])
    ++ lib.subtractLists inputsFrom (lib.flatten (map (pkg: pkg.${attr} or [ ]) inputsFrom));
  rest = removeAttrs attrs [
    "name" "packages" "inputsFrom" "shellHook"
    "buildInputs" "nativeBuildInputs" "propagatedBuildInputs" "propagatedNativeBuildInputs"
  ];
in
stdenv.mkDerivation (
  {
    inherit name;
    buildInputs = merged "buildInputs";
    nativeBuildInputs = packages ++ merged "nativeBuildInputs";
    propagatedBuildInputs = merged "propagatedBuildInputs";
    propagatedNativeBuildInputs = merged "propagatedNativeBuildInputs";

    # The hooks of inputsFrom come first.
    shellHook = lib.concatStringsSep "\n" (
      builtins.filter (hook: hook != "") (map (pkg: pkg.shellHook or "") inputsFrom ++ [ (attrs.shellHook or "") ])
    );

    phases = [ "buildPhase" ];
    buildPhase = ''
      { echo "# what the build of this shell saw"; export; } > "$out"
    '';
    preferLocalBuild = true;
  }
  // rest
)
