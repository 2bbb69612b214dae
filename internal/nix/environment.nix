# What a job's environment is made of. `dump` is bound above; a job is data,
# from the job file.
let
  fetch = source: fetchTarball { name = "source"; inherit (source) url sha256; };

  # nixpkgs as a job wants it. The packages that are rebuilt for its CPU replace
  # themselves in an overlay after all others, also those that the pinned set has
  # itself: so that what depends on one of them uses it, and nothing else changes.
  packageSet = job: rebuilt job (asPinned job [ ]);

  asPinned =
    job: more:
    import (fetch job.nixpkgs) (
      {
        inherit (job) config;
        overlays = map (o: import (fetch o + "/${o.file}")) job.overlays ++ more;
      }
      // (
        if job.everywhere then
          { localSystem = { inherit (job) system; gcc = { inherit (job) arch tune; }; }; }
        else
          { inherit (job) system; }
      )
    );

  rebuilt =
    job: set:
    let
      ours =
        (if job.reach == "rebuild" then overlaysOf job else [ ])
        ++ (if job.told && job.noTests then [ (untested job) ] else [ ]);
    in
    if ours == [ ] then
      set
    else if set ? appendOverlays then
      set.appendOverlays ours
    else
      asPinned job ours;

  dotted = builtins.concatStringsSep ".";
  last = path: builtins.elemAt path (builtins.length path - 1);
  front = path: builtins.genList (builtins.elemAt path) (builtins.length path - 1);
  unique = builtins.foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ];

  argumentsOf = f: if builtins.isFunction f then builtins.functionArgs f else f.__functionArgs or { };

  isPackage = p: builtins.isAttrs p && p.type or "" == "derivation";

  # What is at a path, or an error whose words nixbatch looks for.
  find =
    path:
    builtins.foldl' (
      set: name:
      if builtins.isAttrs set && set ? ${name} then set.${name} else throw "nixbatch: no package \"${dotted path}\""
    );
  lookup =
    pkgs: path:
    let
      found = find path pkgs path;
    in
    if isPackage found then found else throw "nixbatch: not a package \"${dotted path}\"";

  # A package for the CPU of a job: with the arguments that tell it of that CPU,
  # and the flags. `wanted` is an entry of optimize, `pkgs` has the compiler that
  # is taken where a package does not say. What is made of it by override (another
  # precision, wider integers) has all that too. A package that has several names
  # is told once, and is known by all of them; one that is also there as something
  # else (an alias) is told there, where that is in the set.
  optimized =
    job: pkgs: wanted: package:
    let
      path = wanted.name;
      taken = argumentsOf (package.override or { });
      pname = package.pname or (builtins.parseDrvName (package.name or "")).name;
      known = builtins.intersectAttrs taken (job.known."" or { } // job.known.${pname} or { });
      refused = builtins.filter (name: !(taken ? ${name})) (builtins.attrNames wanted.override);
      arguments =
        if taken != { } && refused != [ ] then
          throw "nixbatch: no argument \"${builtins.head refused}\" of \"${path}\": ${toString (builtins.attrNames taken)}"
        else
          known // wanted.override;
      marked =
        old:
        if old ? nixbatchOptimized then
          { nixbatchOptimized = unwords (unique (words old.nixbatchOptimized ++ [ path ])); }
        else
          { nixbatchOptimized = path; }
          // (if arguments == { } then { } else { nixbatchArguments = builtins.toJSON arguments; })
          // withFlags pkgs (flagsFor job pkgs package) old
          // withoutTests job;
    in
    if !(isPackage package && package ? overrideAttrs) then
      throw "nixbatch: not a package \"${path}\""
    else if arguments == { } then
      package.overrideAttrs marked
    else
      (package.override arguments).overrideAttrs marked;

  unwords = builtins.concatStringsSep " ";
  words = text: builtins.filter builtins.isString (builtins.split " " text);

  # The flags come before what the package gives its compiler, as nixpkgs puts its
  # own: so code that looks at the CPU as it runs may still ask for an instruction
  # or a CPU, file by file. (An explicit -mno- outlives a later -march.)
  flagsFor =
    job: pkgs: package:
    let
      cc = package.stdenv.cc or pkgs.stdenv.cc or { };
      knows = (cc.isGNU or true) && builtins.compareVersions (cc.version or job.compiler) job.compiler >= 0;
      name = if knows || job.options == [ ] then { inherit (job) arch tune; } else job.whole;
      flags =
        (if name.arch == "generic" then [ ] else [ "-march=${name.arch} -mtune=${name.tune}" ])
        ++ (if knows then job.options else [ ]);
    in
    if flags == [ ] then { } else { NIX_CFLAGS_COMPILE_BEFORE = unwords flags; };

  # nixpkgs refuses a variable both in env and beside it; structured attributes
  # are exported from env alone; a nixpkgs older than env cannot have one.
  withFlags =
    pkgs: flags: old:
    let
      structured = old.__structuredAttrs or (pkgs.config.structuredAttrsByDefault or false);
      inEnv = name: (old.env or { }) ? ${name} || (structured && !(old ? ${name}));
      append =
        set: name:
        let
          own = toString (set.${name} or "");
        in
        if own == "" then flags.${name} else "${own} ${flags.${name}}";
      make =
        set: keep:
        builtins.listToAttrs (
          map (name: { inherit name; value = append set name; }) (builtins.filter keep (builtins.attrNames flags))
        );
      env = make (old.env or { }) inEnv;
    in
    make old (name: !inEnv name) // (if env == { } then { } else { env = (old.env or { }) // env; });

  withoutTests = job: if job.noTests then { doCheck = false; doInstallCheck = false; } else { };

  # Python's packages find each other in a set of their own, one for each
  # interpreter, which has its own way of being extended.
  isPython = path: builtins.length path > 1 && builtins.match "(python|pypy)[0-9]*(Packages|Full)?" (builtins.head path) != null;
  isModule =
    path:
    isPython path
    && (
      builtins.length path == 2 && builtins.match ".*Packages" (builtins.head path) != null
      || builtins.length path == 3 && builtins.elemAt path 1 == "pkgs"
    );

  overlaysOf =
    job:
    let
      named = map (w: w // { at = w.path; }) (builtins.filter (w: !isModule w.path) job.optimize);
      modules = builtins.filter (w: isModule w.path) job.optimize;
    in
    (if named == [ ] then [ ] else [ (final: prev: replacing job (releaseOf prev) named final prev) ])
    ++ (if modules == [ ] then [ ] else [ (extending job modules) ]);

  releaseOf = pkgs: pkgs.lib.trivial.release or "99";
  olderThan = version: release: builtins.compareVersions release version < 0;

  # An overlay in which those that are named, at a path below it, are replaced.
  replacing =
    job: release: named: final: prev:
    let
      heads = unique (map (w: builtins.head w.at) (builtins.filter (w: !w.alias || prev ? ${builtins.head w.at}) named));
      one =
        name:
        let
          here = builtins.filter (w: builtins.head w.at == name) named;
          below = builtins.filter (w: w.at != [ ]) (map (w: w // { at = builtins.tail w.at; }) here);
          self = builtins.filter (w: builtins.length w.at == 1) here;
          was = prev.${name} or (throw "nixbatch: no package \"${dotted (builtins.head here).path}\"");
          set = within job release below was;
        in
        if self == [ ] then set else optimized job final (builtins.head self) was;
    in
    builtins.listToAttrs (map (name: { inherit name; value = one name; }) heads);

  # A set within the package set, with those in it replaced: by its own overlays
  # where it has a way for them; else who took a package from it by another way
  # than through the package set keeps the old one.
  within =
    job: release: named: set:
    let
      overlay = replacing job release named;
      new = set // overlay new set;
    in
    if !builtins.isAttrs set then
      throw "nixbatch: no package \"${dotted (builtins.head named).path}\""
    # Before nixpkgs 23.11 overrideScope took the arguments of an overlay the other
    # way round.
    else if set ? overrideScope' && olderThan "23.11" release then
      set.overrideScope' overlay
    else if set ? overrideScope then
      set.overrideScope overlay
    else
      new;

  # An overlay that extends the sets of Python's packages.
  extending =
    job: modules: final: prev:
    let
      # Every interpreter's set is extended; a module is replaced in the sets of the
      # interpreter by which it is named.
      extension =
        pyfinal: pyprev:
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = builtins.foldl' (
              package: w:
              if pyfinal.python.drvPath == (find w.path final (front w.path)).python.drvPath then
                optimized job final w package
              else
                package
            ) pyprev.${name} (builtins.filter (w: last w.path == name) modules);
          }) (builtins.filter (name: pyprev ? ${name}) (unique (map (w: last w.path) modules)))
        );
      both =
        one: two: pyfinal: pyprev:
        let
          first = one pyfinal pyprev;
        in
        first // two pyfinal (pyprev // first);
      isInterpreter = name: builtins.match "(python|pypy)[0-9][0-9]+" name != null;
    in
    if prev ? pythonPackagesExtensions then
      { pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [ extension ]; }
    else
      builtins.listToAttrs (
        map (name: {
          inherit name;
          value = prev.${name}.override (old: {
            packageOverrides = both (old.packageOverrides or (_: _: { })) extension;
            self = final.${name};
          });
        }) (builtins.filter isInterpreter (builtins.attrNames prev))
      );

  # An overlay for a package set that is told the arch by an option: what it compiles
  # for that runs no tests. Found are the packages of the sets within it that the job
  # takes packages from, and what is made with a standard environment of its own.
  untested =
    job: final: prev:
    let
      heads = unique (map builtins.head (builtins.filter (path: builtins.length path > 1 && !isModule path) job.packages));
      flags = p: toString (p.NIX_CFLAGS_COMPILE or "") + " " + toString (p.env.NIX_CFLAGS_COMPILE or "");
      told = p: isPackage p && p ? overrideAttrs && builtins.match ".*-march=${job.arch}( .*)?" (flags p) != null;
      quiet = p: if told p then p.overrideAttrs (_: withoutTests job) else p;
      all = builtins.mapAttrs (_: quiet);
      set = old: if old ? overrideScope then old.overrideScope (_: all) else old // all old;
    in
    builtins.listToAttrs (map (name: { inherit name; value = set prev.${name}; }) (builtins.filter (name: prev ? ${name}) heads))
    // {
      stdenv = prev.stdenv // {
        override =
          args:
          let
            other = prev.stdenv.override args;
          in
          other // { mkDerivation = attrs: quiet (other.mkDerivation attrs); };
      };
    };

  # The shell of a job, and its environment, from a package set.
  made =
    pkgs: job:
    let
      # With reach: named the packages rebuilt for the CPU are a set beside nixpkgs.
      # Each takes the others where it took their generic form; nothing else is
      # touched.
      named = map (w: {
        inherit (w) path;
        name = last w.path;
        generic = lookup pkgs w.path;
        optimized = beside w;
      }) (if job.reach == "named" then optimize else [ ]);

      optimize = builtins.filter (w: !w.alias) job.optimize;

      optimizedSet = builtins.listToAttrs (map (p: { name = dotted p.path; value = p.optimized; }) named);

      isGeneric =
        p: value:
        let
          drvPath = builtins.tryEval (if builtins.isAttrs value then value.drvPath or "" else "");
        in
        drvPath.success && drvPath.value == p.generic.drvPath;

      beside =
        wanted:
        let
          package = lookup pkgs wanted.path;
          taken = argumentsOf (package.override or { });
          others = builtins.filter (p: p.path != wanted.path && taken ? ${p.name}) named;
          # An argument may hold another package than its name says (a variant);
          # only the generic form of a named one is replaced.
          swap =
            old:
            builtins.listToAttrs (
              map (p: {
                inherit (p) name;
                value =
                  let
                    hits = builtins.filter (q: q.name == p.name && isGeneric q old.${p.name}) others;
                  in
                  if hits == [ ] then old.${p.name} else (builtins.head hits).optimized;
              }) (builtins.filter (p: old ? ${p.name}) others)
            );
        in
        optimized job pkgs wanted (if others == [ ] then package else package.override swap);

      packages = map (path: optimizedSet.${dotted path} or (lookup pkgs path)) job.packages;

      # mkShell has had packages since nixpkgs 21.05.
      shell = pkgs.mkShell (
        { inherit (job) name; }
        // (if olderThan "21.05" (releaseOf pkgs) then { nativeBuildInputs = packages; } else { inherit packages; })
      );

      # What the derivations below are called in the job file: an argument that the
      # builder does not look at, since a variable would be the job's as well.
      legend = builtins.unsafeDiscardStringContext (
        builtins.toJSON {
          packages = builtins.genList (i: {
            name = dotted (builtins.elemAt job.packages i);
            drv = (builtins.elemAt packages i).drvPath;
          }) (builtins.length packages);
          optimize = map (w: {
            inherit (w) name;
            is = (optimizedSet.${w.name} or (lookup pkgs w.path)).name;
          }) optimize;
        }
      );

      # A derivation with the shell's attributes, whose builder writes down what
      # nix-shell would set.
      environment = derivation (
        { allowSubstitutes = false; }
        // shell.drvAttrs
        // {
          args = [
            (builtins.toFile "dump.sh" dump)
            (builtins.unsafeDiscardStringContext shell.outPath)
            shell.drvAttrs.builder
          ]
          ++ (if job.optimize == [ ] then [ ] else [ legend ]);
        }
      );
    in
    { inherit shell environment; };

  # What a pin says about itself.
  aboutOf = pkgs: {
    gcc =
      let
        cc = pkgs.stdenv.cc or { };
      in
      if cc.isGNU or true then cc.version or "" else "";
    arches =
      let
        table = pkgs.lib.systems.architectures.features or null;
      in
      if table == null then null else builtins.attrNames table;
  };

  # Several answers for the price of one: what the pin of `bare` says about
  # itself, and the derivations of environments made from it, which share its
  # package set where they can. A pin that wants a newer Nix is not evaluated.
  survey =
    bare: jobs:
    let
      minver = fetch bare.nixpkgs + "/lib/minver.nix";
      minNix = if builtins.pathExists minver then import minver else "";
      shared = asPinned bare [ ];
      setFor = job: if job.config == bare.config && !job.everywhere then rebuilt job shared else packageSet job;
    in
    {
      inherit minNix;
      nixVersion = builtins.nixVersion;
    }
    // (
      if builtins.compareVersions builtins.nixVersion minNix < 0 then
        { }
      else
        {
          about = aboutOf shared;
          drvs = map (
            job: builtins.unsafeDiscardStringContext (made (setFor job) job).environment.drvPath
          ) jobs;
        }
    );
in
