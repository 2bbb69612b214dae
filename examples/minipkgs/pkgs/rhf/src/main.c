/* The command: arguments in, energies out. */
#define _GNU_SOURCE
#include "rhf.h"

#include <minilinalg.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: rhf [--bohr] [--charge N] [--iterations N] FILE.xyz BASIS\n"
    "\n"
    "The restricted Hartree-Fock energy of the molecule in FILE.xyz. Basis: sto-3g, H to Ne.\n"
    "  --bohr          coordinates are in bohr (so does the word bohr in the comment line)\n"
    "  --charge N      charge of the molecule (default 0)\n"
    "  --iterations N  give up after N iterations (default 100)\n"
    "Exit codes: 0 converged, 1 not converged, 2 wrong arguments or input.\n";

_Noreturn void die(int code, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("rhf: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(code);
}

void *new_array(size_t count, size_t size)
{
    size_t bytes = (count * size + 63) / 64 * 64;
    /* More than there is would be given all the same, and the kernel would end the program later. */
    size_t pages = bytes / (size_t)sysconf(_SC_PAGESIZE), have = (size_t)sysconf(_SC_PHYS_PAGES);
    void *memory = pages < have ? aligned_alloc(64, bytes ? bytes : 64) : NULL;
    if (!memory)
        die(EXIT_BAD_INPUT, "the molecule is too large: no memory for %zu MB", bytes >> 20);
    memset(memory, 0, bytes);
    return memory;
}

static int number(const char *option, const char *text, int least)
{
    char *end;
    long value = text ? strtol(text, &end, 10) : 0;
    if (!text || !*text || *end || value < least || value > 1000000)
        die(EXIT_BAD_INPUT, "%s needs a whole number%s, not %s", option, least < 0 ? "" : " above 0", text ? text : "nothing");
    return (int)value;
}

static int count_threads(void)
{
    int threads = 0;
#pragma omp parallel reduction(+ : threads)
    threads += 1;
    return threads;
}

int main(int argc, char **argv)
{
    const char *positional[2] = {0};
    int given = 0, bohr = 0, charge = 0, iterations = 100;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return 0;
        } else if (!strcmp(argv[i], "--bohr")) {
            bohr = 1;
        } else if (!strcmp(argv[i], "--charge")) {
            charge = number("--charge", argv[++i], -1000);
        } else if (!strcmp(argv[i], "--iterations")) {
            iterations = number("--iterations", argv[++i], 1);
        } else if (argv[i][0] == '-' || given == 2) {
            die(EXIT_BAD_INPUT, "unexpected argument %s\n%s", argv[i], usage);
        } else {
            positional[given++] = argv[i];
        }
    }
    if (given != 2)
        die(EXIT_BAD_INPUT, "a file and a basis are needed\n%s", usage);

    Molecule mol = read_xyz(positional[0], bohr);
    Basis basis = make_basis(&mol, positional[1]);
    int electrons = -charge;
    for (int i = 0; i < mol.count; i++)
        electrons += mol.atoms[i].z;
    if (electrons % 2)
        die(EXIT_BAD_INPUT, "%d electrons: restricted Hartree-Fock needs an even number (see --charge)", electrons);
    if (electrons <= 0 || electrons > 2 * basis.functions)
        die(EXIT_BAD_INPUT, "%d electrons do not fit %d basis functions", electrons, basis.functions);

    size_t square = (size_t)basis.functions * basis.functions;
    double *s = new_array(square, sizeof *s), *h = new_array(square, sizeof *h);
    double repulsion = nuclear_repulsion(&mol);
    int threads = count_threads();

    printf("restricted Hartree-Fock, %s\n", positional[1]);
    printf("atoms %d, electrons %d, basis functions %d\n\n", mol.count, electrons, basis.functions);
    fflush(stdout);

    boys_init();
    hermite_init();
    double *eri = two_electron(&basis); /* first: it is what may not fit into memory */
    one_electron(&basis, &mol, s, h);
    Result result = scf(&basis, electrons / 2, repulsion, s, h, eri, iterations);

    printf("\nnuclear repulsion  %.12f hartree\n", repulsion);
    printf("iterations %d\n", result.iterations);
    printf("energy  %.12f hartree\n", result.energy);
    printf("threads %d\n", threads);
    printf("built for: %s, with minilinalg for %s\n", ML_TARGET, ml_target());

    free(eri);
    free(s);
    free(h);
    free(basis.shell);
    free(mol.atoms);
    if (ferror(stdout) || fclose(stdout))
        die(EXIT_BAD_INPUT, "cannot write the result");
    return 0;
}
