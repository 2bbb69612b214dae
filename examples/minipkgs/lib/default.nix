# The part of nixpkgs' lib that this set, its overlays and nixbatch use.
let
  inherit (builtins) compareVersions concatStringsSep elemAt foldl' length;

  fixed = import ./fixed-points.nix;
  custom = import ./customisation.nix { inherit lib; };

  lib = fixed // custom // import ./derivations.nix { inherit lib; } // {
    inherit (builtins)
      all any attrNames attrValues concatMap concatStringsSep elem elemAt filter
      foldl' functionArgs hasAttr head intersectAttrs isAttrs isBool isFunction isInt
      isList isString length listToAttrs mapAttrs removeAttrs replaceStrings tail toJSON
      ;

    fixedPoints = fixed;
    customisation = custom;
    systems = import ./systems { inherit lib; };
    licenses = import ./licenses.nix;

    # The nixpkgs release whose interface is imitated.
    version = "24.11.minipkgs";
    trivial = {
      inherit (lib) version;
      release = "24.11";
      versionSuffix = ".minipkgs";
    };

    versionOlder = v1: v2: compareVersions v2 v1 == 1;
    versionAtLeast = v1: v2: !(lib.versionOlder v1 v2);
    versions = {
      splitVersion = builtins.splitVersion;
      major = v: elemAt (builtins.splitVersion v) 0;
      minor = v: elemAt (builtins.splitVersion v) 1;
      majorMinor = v: "${lib.versions.major v}.${lib.versions.minor v}";
    };

    id = x: x;
    const = x: _: x;
    flip = f: a: b: f b a;
    pipe = foldl' (x: f: f x);

    optional = cond: x: if cond then [ x ] else [ ];
    optionals = cond: xs: if cond then xs else [ ];
    optionalString = cond: s: if cond then s else "";
    optionalAttrs = cond: set: if cond then set else { };
    toList = x: if builtins.isList x then x else [ x ];
    flatten = x: if builtins.isList x then builtins.concatMap lib.flatten x else [ x ];
    unique = foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ];
    subtractLists = drop: builtins.filter (x: !(builtins.elem x drop));
    last = xs: elemAt xs (length xs - 1);

    genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    nameValuePair = name: value: { inherit name value; };
    mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    filterAttrs =
      keep: set:
      builtins.listToAttrs (
        map (name: { inherit name; value = set.${name}; }) (
          builtins.filter (name: keep name set.${name}) (builtins.attrNames set)
        )
      );
    attrByPath =
      path: default: set:
      if path == [ ] then
        set
      else if builtins.isAttrs set && set ? ${builtins.head path} then
        lib.attrByPath (builtins.tail path) default set.${builtins.head path}
      else
        default;
    hasAttrByPath = path: set: path == [ ] || (
      builtins.isAttrs set && set ? ${builtins.head path} && lib.hasAttrByPath (builtins.tail path) set.${builtins.head path}
    );
    setAttrByPath = path: value: if path == [ ] then value else {
      ${builtins.head path} = lib.setAttrByPath (builtins.tail path) value;
    };
    getAttrFromPath =
      path: set:
      let missing = throw "cannot find attribute `${concatStringsSep "." path}'";
      in lib.attrByPath path missing set;
    recursiveUpdate =
      old: new:
      old // builtins.mapAttrs (
        name: value:
        if builtins.isAttrs value && builtins.isAttrs (old.${name} or null) && !(lib.isDerivation value) then
          lib.recursiveUpdate old.${name} value
        else
          value
      ) new;

    isDerivation = x: (x.type or null) == "derivation";
    getName = x: if builtins.isString x then (builtins.parseDrvName x).name else x.pname or (builtins.parseDrvName x.name).name;
    getVersion = x: if builtins.isString x then (builtins.parseDrvName x).version else x.version or (builtins.parseDrvName x.name).version;
    getBin = lib.getOutput "bin";
    getLib = lib.getOutput "lib";
    getDev = lib.getOutput "dev";
    getOutput = output: pkg: if pkg.outputSpecified or false then pkg else pkg.${output} or pkg.out or pkg;
    makeSearchPath = dir: pkgs: concatStringsSep ":" (map (p: "${p}/${dir}") (builtins.filter (p: p != null) pkgs));
    makeBinPath = lib.makeSearchPath "bin";
    makeLibraryPath = lib.makeSearchPath "lib";

    concatMapStringsSep = sep: f: xs: concatStringsSep sep (map f xs);
    concatMapStrings = f: xs: concatStringsSep "" (map f xs);
    concatStrings = concatStringsSep "";
    hasPrefix = prefix: s: builtins.substring 0 (builtins.stringLength prefix) s == prefix;
    escapeShellArg = s: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString s)}'";
    escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
  };
in
lib
