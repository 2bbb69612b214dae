# The fixed point: stages below, packages in pkgs/, then the overlays, each
# seeing the final set and the one before it.
{
  localSystem ? { inherit (args) system; },
  system ? localSystem.system,
  config ? { },
  overlays ? [ ],
  ...
}@args:
let
  lib = import ./lib;

  platform = lib.systems.elaborate (
    if builtins.isString localSystem then { system = localSystem; } else { inherit system; } // localSystem
  );

  allowUnfree = { allowUnfree = false; };
  configFor = pkgs: allowUnfree // (if builtins.isFunction config then config { inherit pkgs lib; } else config);

  base = self: {
    inherit lib overlays;
    config = configFor self;
    pkgs = self;
    inherit (platform) system;
    path = ./.;

    callPackage = lib.callPackageWith self;
    newScope = extra: lib.callPackageWith (self // extra);

    # The set again, with more overlays on top.
    appendOverlays = more: import ./top-level.nix (args // { overlays = overlays ++ more; });
    extend = overlay: self.appendOverlays [ overlay ];
  };

  stages = self: _: import ./stdenv { inherit lib self platform; };
  support = self: _: import ./build-support { inherit lib self; };
  packages = import ./all-packages.nix;
in
lib.fix (lib.extends (lib.composeManyExtensions ([ stages support packages ] ++ overlays)) base)
