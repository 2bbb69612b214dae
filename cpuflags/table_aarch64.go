package cpuflags

// baseARM is the build every aarch64 machine can run; nixpkgs' feature table
// knows no other aarch64 name.
const baseARM = "armv8-a"

// armRows is the table for aarch64: GCC -mcpu names with the features (as the
// kernel prints them) that GCC emits for them. Left out are those it never
// emits by itself, and that hypervisors mask: dcpop dcpodp dit paca pacg ssbs
// sb bti mte rng. Source: GCC's aarch64-cores.def and aarch64-arches.def;
// implementer and part are MIDR_EL1's fields.
var armRows = []row{
	{name: baseARM, adds: "fp asimd", gcc: "4.8", tune: "generic"},
	{name: "cortex-a53", base: baseARM, adds: "crc32", vendor: "arm", gcc: "4.9", implementer: 0x41, part: 0xd03},
	{name: "cortex-a57", base: baseARM, adds: "crc32", vendor: "arm", gcc: "4.9", implementer: 0x41, part: 0xd07},
	{name: "cortex-a72", base: baseARM, adds: "crc32", vendor: "arm", gcc: "6", implementer: 0x41, part: 0xd08},
	{name: "cortex-a73", base: baseARM, adds: "crc32", vendor: "arm", gcc: "7", implementer: 0x41, part: 0xd09},
	{name: "thunderx2t99", base: baseARM, adds: "crc32 atomics asimdrdm aes pmull sha1 sha2", vendor: "cavium", gcc: "7", implementer: 0x43, part: 0x0af},
	{name: "tsv110", base: baseARM, adds: "crc32 atomics asimdrdm fphp asimdhp aes pmull sha1 sha2", vendor: "hisilicon", gcc: "9", implementer: 0x48, part: 0xd01},
	{name: "a64fx", base: baseARM, adds: "crc32 atomics asimdrdm fphp asimdhp sve", vendor: "fujitsu", gcc: "10.3", implementer: 0x46, part: 0x001},
	{name: "cortex-a76", base: baseARM, adds: "crc32 atomics asimdrdm fphp asimdhp lrcpc asimddp", vendor: "arm", gcc: "9", implementer: 0x41, part: 0xd0b},
	{name: "neoverse-n1", base: baseARM, adds: "crc32 atomics asimdrdm fphp asimdhp lrcpc asimddp", vendor: "arm", gcc: "9", implementer: 0x41, part: 0xd0c},
	{name: "neoverse-v1", base: "neoverse-n1", adds: "jscvt fcma flagm uscat ilrcpc sve i8mm bf16 svei8mm svebf16", vendor: "arm", gcc: "11", implementer: 0x41, part: 0xd40},
	{name: "ampere1", base: "neoverse-n1", adds: "jscvt fcma flagm uscat ilrcpc flagm2 frint i8mm bf16 aes pmull sha1 sha2 sha3 sha512", vendor: "ampere", gcc: "12", implementer: 0xc0, part: 0xac3},
	{name: "neoverse-n2", base: "neoverse-v1", adds: "flagm2 frint sve2 svebitperm", vendor: "arm", gcc: "11", implementer: 0x41, part: 0xd49},
	{name: "neoverse-v2", base: "neoverse-v1", adds: "flagm2 frint sve2 svebitperm", vendor: "arm", gcc: "13", implementer: 0x41, part: 0xd4f},
}

// implementers names the makers of aarch64 cores by MIDR_EL1's implementer
// code (Arm Architecture Reference Manual, MIDR_EL1).
var implementers = map[int]string{
	0x41: "ARM", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu", 0x48: "HiSilicon",
	0x4e: "NVIDIA", 0x50: "APM", 0x51: "Qualcomm", 0x53: "Samsung", 0x61: "Apple",
	0x6d: "Microsoft", 0xc0: "Ampere",
}
