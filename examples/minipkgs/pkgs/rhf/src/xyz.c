/* Molecules: XYZ files and what follows from the nuclei alone. */
#define _GNU_SOURCE
#include "rhf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The Bohr radius in angstrom, CODATA 2018. */
static const double angstrom_in_bohr = 0.529177210903;

static const char *const symbols[] = {"", "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne"};

int atomic_number(const char *symbol)
{
    for (int z = 1; z < (int)(sizeof symbols / sizeof *symbols); z++)
        if (!strcasecmp(symbol, symbols[z]))
            return z;
    return 0;
}

static int has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = line; (p = strcasestr(p, word)); p++)
        if ((p == line || !isalnum((unsigned char)p[-1])) && !isalnum((unsigned char)p[length]))
            return 1;
    return 0;
}

static int blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == 0;
}

static void read_atom(const char *path, int line, const char *text, Atom *atom)
{
    char symbol[8], rest;
    double x, y, z;
    if (sscanf(text, " %7s %lf %lf %lf %c", symbol, &x, &y, &z, &rest) != 4)
        die(EXIT_BAD_INPUT, "%s:%d: expected an element and three numbers", path, line);
    if (!isfinite(x) || !isfinite(y) || !isfinite(z))
        die(EXIT_BAD_INPUT, "%s:%d: a coordinate is not a finite number", path, line);
    atom->z = atomic_number(symbol);
    if (!atom->z)
        die(EXIT_BAD_INPUT, "%s:%d: unknown element %s (H to Ne are there)", path, line, symbol);
    atom->at[0] = x;
    atom->at[1] = y;
    atom->at[2] = z;
}

static void check_distances(const char *path, const Molecule *mol)
{
    for (int i = 0; i < mol->count; i++)
        for (int j = 0; j < i; j++) {
            double r2 = 0;
            for (int c = 0; c < 3; c++)
                r2 += pow(mol->atoms[i].at[c] - mol->atoms[j].at[c], 2);
            if (r2 < 0.01)
                die(EXIT_BAD_INPUT, "%s:%d: this atom is at the place of the one in line %d", path, i + 3, j + 3);
        }
}

Molecule read_xyz(const char *path, int bohr)
{
    FILE *file = fopen(path, "r");
    char *text = NULL, rest;
    size_t size = 0;
    Molecule mol = {0, NULL};

    if (!file)
        die(EXIT_BAD_INPUT, "cannot read %s: %s", path, strerror(errno));
    if (getline(&text, &size, file) < 0 || sscanf(text, " %d %c", &mol.count, &rest) != 1 || mol.count < 1 ||
        mol.count > 1000)
        die(EXIT_BAD_INPUT, "%s:1: expected the number of atoms, 1 to 1000", path);
    if (getline(&text, &size, file) < 0)
        die(EXIT_BAD_INPUT, "%s:2: expected a comment line", path);
    if (has_word(text, "bohr"))
        bohr = 1;

    mol.atoms = new_array(mol.count, sizeof *mol.atoms);
    for (int i = 0; i < mol.count; i++) {
        if (getline(&text, &size, file) < 0)
            die(EXIT_BAD_INPUT, "%s:%d: the file ends after %d of %d atoms", path, i + 3, i, mol.count);
        read_atom(path, i + 3, text, &mol.atoms[i]);
    }
    for (int line = mol.count + 3; getline(&text, &size, file) >= 0; line++)
        if (!blank(text))
            die(EXIT_BAD_INPUT, "%s:%d: more lines than the %d atoms of line 1", path, line, mol.count);
    if (ferror(file))
        die(EXIT_BAD_INPUT, "cannot read %s: %s", path, strerror(errno));
    free(text);
    fclose(file);

    for (int i = 0; i < mol.count && !bohr; i++)
        for (int c = 0; c < 3; c++)
            mol.atoms[i].at[c] /= angstrom_in_bohr;
    check_distances(path, &mol);
    return mol;
}

double nuclear_repulsion(const Molecule *mol)
{
    double sum = 0;
    for (int i = 0; i < mol->count; i++)
        for (int j = 0; j < i; j++) {
            const Atom *a = &mol->atoms[i], *b = &mol->atoms[j];
            double x = a->at[0] - b->at[0], y = a->at[1] - b->at[1], z = a->at[2] - b->at[2];
            sum += a->z * b->z / sqrt(x * x + y * y + z * z);
        }
    return sum;
}
