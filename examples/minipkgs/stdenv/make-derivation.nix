# stdenv.mkDerivation, of a set or of a function from the final attributes.
{ lib, config, stdenv }:
let
  check = import ./check-meta.nix { inherit lib config stdenv; };
  inherit (stdenv) hostPlatform;

  # What is for evaluation only.
  notEnvironment = [ "meta" "passthru" "pos" "env" "realBuilder" ];

  mkSimple =
    overrideAttrs: attrs:
    let
      name = attrs.name or "${attrs.pname}-${attrs.version}";
      meta = { inherit name; available = true; } // attrs.meta or { };
      env = attrs.env or { };
      twice = builtins.attrNames (builtins.intersectAttrs env attrs);
      inputs = attr: builtins.filter (x: x != null) (lib.flatten (attrs.${attr} or [ ]));

      drvAttrs = builtins.removeAttrs attrs notEnvironment // env // {
        inherit name stdenv;
        inherit (stdenv) system;
        builder = attrs.realBuilder or stdenv.shell;
        args = attrs.args or [ "-e" (attrs.builder or ./default-builder.sh) ];
        outputs = attrs.outputs or [ "out" ];
        nativeBuildInputs = inputs "nativeBuildInputs" ++ lib.optionals (attrs.doCheck or false) (inputs "nativeCheckInputs");
        buildInputs = inputs "buildInputs" ++ lib.optionals (attrs.doCheck or false) (inputs "checkInputs");
        propagatedBuildInputs = inputs "propagatedBuildInputs";
        propagatedNativeBuildInputs = inputs "propagatedNativeBuildInputs";
        doCheck = attrs.doCheck or false;
      }
      # nixpkgs asks for a builder that says it can run what the whole set is made for.
      // lib.optionalAttrs (hostPlatform.gcc ? arch) {
        requiredSystemFeatures = attrs.requiredSystemFeatures or [ ] ++ [ "gccarch-${hostPlatform.gcc.arch}" ];
      };
    in
    if twice != [ ] then
      throw "mkDerivation: ${name}: ${builtins.head twice} is both in env and in the derivation's attributes"
    else if attrs.__structuredAttrs or false then
      throw "mkDerivation: ${name}: structured attributes are not part of minipkgs"
    else
      lib.extendDerivation (check { inherit name meta; }) (
        {
          inherit meta overrideAttrs;
          passthru = attrs.passthru or { };
        }
        // attrs.passthru or { }
      ) (derivation drvAttrs);

  # `attrsOf` goes from the final attributes to the attributes; overrideAttrs
  # puts a layer on it, in one of nixpkgs' three forms: a set, prev: …, final: prev: ….
  extensible =
    attrsOf:
    let
      attrs = attrsOf (attrs // { inherit finalPackage overrideAttrs; });
      finalPackage = mkSimple overrideAttrs attrs;
      overrideAttrs =
        change:
        let
          layer =
            final: prev:
            let
              once = if builtins.isFunction change then change prev else change;
            in
            if builtins.isFunction once then change final prev else once;
        in
        extensible (lib.extends layer attrsOf);
    in
    finalPackage;
in
fnOrAttrs: extensible (if builtins.isFunction fnOrAttrs then fnOrAttrs else _: fnOrAttrs)
