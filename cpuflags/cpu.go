package cpuflags

import "fmt"

// CPU is what one machine's processors all can do.
type CPU struct {
	Arch        string `json:"architecture"`          // X86 or AArch64
	Vendor      string `json:"vendor"`                // "GenuineIntel", "AuthenticAMD", "HygonGenuine"; on aarch64 "ARM", "Fujitsu"; "" unknown
	Family      int    `json:"family"`                // as cpuinfo has it, decimal; 0 on aarch64
	Model       int    `json:"model"`                 // likewise
	Stepping    int    `json:"stepping"`              // likewise
	Name        string `json:"name"`                  // "model name"; on aarch64 the core's -mcpu name, if known
	Flags       Set    `json:"flags"`                 // flags that all processors have, normalised
	Processors  int    `json:"processors"`            // stanzas of cpuinfo (hardware threads)
	Source      string `json:"source"`                // "cpuid+cpuinfo" or "cpuinfo"
	Implementer int    `json:"implementer,omitempty"` // aarch64: MIDR_EL1
	Part        int    `json:"part,omitempty"`        // aarch64: MIDR_EL1
	Microcode   string `json:"microcode,omitempty"`   // "0x2b000590"
	// Disagreements is where CPUID and the kernel say differently, by flag.
	Disagreements []Disagreement `json:"disagreements,omitempty"`
	Note          string         `json:"note,omitempty"` // what is wrong with the cpuinfo, which could be used all the same
}

// Disagreement is a flag of which CPUID and /proc/cpuinfo do not say the same.
type Disagreement struct {
	Flag    string `json:"flag"`
	CPUID   bool   `json:"cpuid"`   // CPUID has it
	CPUInfo bool   `json:"cpuinfo"` // /proc/cpuinfo shows it
	Taken   bool   `json:"taken"`   // Flags has it
}

// The values of CPU.Source.
const (
	SourceBoth    = "cpuid+cpuinfo"
	SourceCPUInfo = "cpuinfo"
)

// Error is what is wrong with a saved cpuinfo, or with where it was looked
// for. Its Hint is the way out.
type Error struct {
	Path string // the file; "" when it is not known
	What string // "cut off: processor 3 has no flags"
	Way  string
	Err  error // the cause, or nil
}

func (e *Error) Error() string {
	s := "cpuinfo"
	if e.Path != "" {
		s += " " + e.Path
	}
	s += " " + e.What
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *Error) Hint() string { return e.Way }
