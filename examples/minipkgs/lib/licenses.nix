# SPDX names; free decides whether config.allowUnfree is needed.
builtins.mapAttrs (shortName: attrs: { free = true; inherit shortName; } // attrs) {
  mit = { spdxId = "MIT"; fullName = "MIT License"; };
  asl20 = { spdxId = "Apache-2.0"; fullName = "Apache License 2.0"; };
  gpl3Plus = { spdxId = "GPL-3.0-or-later"; fullName = "GNU General Public License v3.0 or later"; };
  unfree = { free = false; fullName = "Unfree"; };
}
