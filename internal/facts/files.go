package facts

// SealFile is the name of the seal in a run directory.
const SealFile = "seal.json"
