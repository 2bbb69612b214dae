// Command nothing does nothing. It is what the start of a program costs before
// the program has done anything: the yardstick of the benchmarks.
package main

func main() {}
