# What a job's environment is made of. `dump` is bound above; a job is data,
# from the job file.
let
  fetch = source: fetchTarball { name = "source"; inherit (source) url sha256; };

  # nixpkgs as a job wants it.
  packageSet =
    job:
    import (fetch job.nixpkgs) (
      {
        inherit (job) config;
        overlays = map (o: import (fetch o + "/${o.file}")) job.overlays;
      }
      // (
        if job.everywhere then
          { localSystem = { inherit (job) system; gcc = { inherit (job) arch tune; }; }; }
        else
          { inherit (job) system; }
      )
    );

  dotted = builtins.concatStringsSep ".";
  last = path: builtins.elemAt path (builtins.length path - 1);

  # The shell of a job, and its environment, from a package set.
  made =
    pkgs: job:
    let
      # The package of this name, or an error whose words nixbatch looks for.
      lookup =
        path:
        let
          found = builtins.foldl' (
            set: name:
            if builtins.isAttrs set && set ? ${name} then
              set.${name}
            else
              throw "nixbatch: no package \"${dotted path}\""
          ) pkgs path;
        in
        if builtins.isAttrs found && found.type or "" == "derivation" then
          found
        else
          throw "nixbatch: not a package \"${dotted path}\"";

      # The packages rebuilt for the CPU are a set beside nixpkgs. Each takes the
      # others where it took their generic form; nothing else is touched, so a
      # binary cache still has the rest.
      named = map (path: {
        inherit path;
        name = last path;
        generic = lookup path;
        optimized = optimize path;
      }) (if job.everywhere then [ ] else job.optimize);

      optimizedSet = builtins.listToAttrs (map (p: { name = dotted p.path; value = p.optimized; }) named);

      argumentsOf = f: if builtins.isFunction f then builtins.functionArgs f else f.__functionArgs or { };

      isGeneric =
        p: value:
        let
          drvPath = builtins.tryEval (if builtins.isAttrs value then value.drvPath or "" else "");
        in
        drvPath.success && drvPath.value == p.generic.drvPath;

      optimize =
        path:
        let
          package = lookup path;
          taken = argumentsOf (package.override or { });
          others = builtins.filter (p: p.path != path && taken ? ${p.name}) named;
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
          linked = if others == [ ] then package else package.override swap;
        in
        if package ? overrideAttrs then
          linked.overrideAttrs (old: withFlags (flagsFor package) old // withoutTests)
        else
          throw "nixbatch: not a package \"${dotted path}\"";

      # The -mno- options come before what the package gives its compiler, and so
      # hold but where it asks for an instruction by name, for one file, as code does
      # that looks at the CPU as it runs; -march comes after, since it is ours to say.
      # (An explicit -mno- outlives a later -march.)
      flagsFor =
        package:
        let
          cc = package.stdenv.cc or pkgs.stdenv.cc or { };
          knows = (cc.isGNU or true) && builtins.compareVersions (cc.version or job.compiler) job.compiler >= 0;
          name = if knows || job.options == [ ] then { inherit (job) arch tune; } else job.whole;
        in
        (if name.arch == "generic" then { } else { NIX_CFLAGS_COMPILE = "-march=${name.arch} -mtune=${name.tune}"; })
        // (if knows && job.options != [ ] then { NIX_CFLAGS_COMPILE_BEFORE = builtins.concatStringsSep " " job.options; } else { });

      # nixpkgs refuses a variable both in env and beside it; structured attributes
      # are exported from env alone; a nixpkgs older than env cannot have one.
      withFlags =
        flags: old:
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

      withoutTests = if job.noTests then { doCheck = false; doInstallCheck = false; } else { };

      shell = pkgs.mkShell {
        inherit (job) name;
        packages = map (path: optimizedSet.${dotted path} or (lookup path)) job.packages;
      };

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
          ];
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
      shared = packageSet bare;
      setFor = job: if job.config == bare.config && !job.everywhere then shared else packageSet job;
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
