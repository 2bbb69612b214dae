/* The self-consistent field, with Pulay's DIIS (Chem. Phys. Lett. 73, 393,
 * 1980; J. Comput. Chem. 3, 556, 1982). */
#include "rhf.h"

#include <math.h>
#include <minilinalg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = 8 };

/* Converged when the energy moves less than this, and no element of FDS - SDF
 * (in the orthonormal basis) is larger than that. */
static const double energy_limit = 1e-10, error_limit = 1e-8;

typedef struct {
    int n;
    double *x;             /* S^-1/2 */
    double *t1, *t2, *t3;  /* scratch matrices */
    double *values;
    int stored;            /* Fock matrices and errors, the newest at (stored - 1) % HISTORY */
    double *focks[HISTORY], *errors[HISTORY];
} Work;

static void inverse_root(Work *w, const double *s)
{
    int n = w->n;
    memcpy(w->t1, s, sizeof(double) * n * n);
    if (ml_eigh(n, w->t1, w->values, w->t2))
        die(EXIT_BAD_INPUT, "the overlap matrix could not be diagonalised");
    if (w->values[0] < 1e-7)
        die(EXIT_BAD_INPUT, "the basis functions are nearly dependent (overlap eigenvalue %.1e): atoms too close?",
            w->values[0]);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            w->t1[k * n + i] = w->t2[i * n + k];
            w->t3[i * n + k] = w->t2[i * n + k] / sqrt(w->values[k]);
        }
    ml_matmul(n, n, n, w->t3, w->t1, w->x);
}

/* out = X a X; X is symmetric. */
static void orthonormal(Work *w, const double *a, double *out)
{
    ml_matmul(w->n, w->n, w->n, a, w->x, w->t3);
    ml_matmul(w->n, w->n, w->n, w->x, w->t3, out);
}

/* The density of the lowest orbitals of f: d = C C^T over the occupied ones. */
static void new_density(Work *w, int pairs, const double *f, double *d)
{
    int n = w->n;
    orthonormal(w, f, w->t1);
    if (ml_eigh(n, w->t1, w->values, w->t2))
        die(EXIT_BAD_INPUT, "the Fock matrix could not be diagonalised");
    ml_matmul(n, n, n, w->x, w->t2, w->t1);
    for (int o = 0; o < pairs; o++)
        for (int i = 0; i < n; i++)
            w->t3[o * n + i] = w->t1[i * n + o];
    ml_matmul_tn(pairs, n, n, w->t3, w->t3, d);
}

/* e = X (FDS - SDF) X, and its largest element. */
static double error_of(Work *w, const double *f, const double *d, const double *s, double *e)
{
    int n = w->n;
    double largest = 0;
    ml_matmul(n, n, n, f, d, w->t1);
    ml_matmul(n, n, n, w->t1, s, w->t2);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            w->t1[i * n + j] = w->t2[i * n + j] - w->t2[j * n + i];
    orthonormal(w, w->t1, e);
    for (int i = 0; i < n * n; i++)
        largest = fmax(largest, fabs(e[i]));
    return largest;
}

/* f becomes the mixture of the stored Fock matrices whose error is least. */
static void extrapolate(Work *w, double *f)
{
    int n = w->n, m = w->stored < HISTORY ? w->stored : HISTORY;
    double b[(HISTORY + 1) * (HISTORY + 1)] = {0}, c[HISTORY + 1] = {0};

    if (m < 2)
        return;
    double scale = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            b[i * (m + 1) + j] = ml_dot((size_t)n * n, w->errors[i], w->errors[j]);
            scale = fmax(scale, b[i * (m + 1) + j]);
        }
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < m; j++)
            b[i * (m + 1) + j] /= scale;
        b[i * (m + 1) + m] = b[m * (m + 1) + i] = -1;
    }
    c[m] = -1;
    if (scale == 0 || ml_solve(m + 1, b, c))
        return; /* as good as dependent: the newest Fock matrix will do */
    memset(f, 0, sizeof(double) * n * n);
    for (int i = 0; i < m; i++)
        for (int k = 0; k < n * n; k++)
            f[k] += c[i] * w->focks[i][k];
}

/* Free atoms side by side: in a minimal basis their density is diagonal. */
static void guess(const Basis *basis, double *d)
{
    for (int p = 0; p < basis->shells; p++)
        for (int c = 0; c < 2 * basis->shell[p].l + 1; c++) {
            size_t at = basis->shell[p].first + c;
            d[at * basis->functions + at] = basis->shell[p].occupation / 2;
        }
}

static double electronic(int n, const double *d, const double *h, const double *f)
{
    return ml_dot((size_t)n * n, d, h) + ml_dot((size_t)n * n, d, f);
}

Result scf(const Basis *basis, int pairs, double repulsion, const double *s, const double *h, const double *eri,
           int max_iterations)
{
    int n = basis->functions;
    size_t square = (size_t)n * n;
    double *arena = new_array((6 + 2 * HISTORY) * square + n, sizeof *arena), *next = arena;
    Work w = {.n = n};
    double **matrices[] = {&w.x, &w.t1, &w.t2, &w.t3};
    for (int i = 0; i < 4; i++, next += square)
        *matrices[i] = next;
    for (int i = 0; i < HISTORY; i++, next += 2 * square) {
        w.focks[i] = next;
        w.errors[i] = next + square;
    }
    double *d = next, *f = next + square, before = 0;
    w.values = next + 2 * square;

    inverse_root(&w, s);
    guess(basis, d);
    fock(n, eri, h, d, f);
    new_density(&w, pairs, f, d);

    printf("%4s  %20s  %9s  %9s\n", "", "energy", "change", "error");
    for (int iteration = 1; iteration <= max_iterations; iteration++) {
        fock(n, eri, h, d, f);
        double energy = electronic(n, d, h, f) + repulsion;
        int slot = w.stored++ % HISTORY;
        memcpy(w.focks[slot], f, sizeof(double) * square);
        double error = error_of(&w, f, d, s, w.errors[slot]);
        printf("%4d  %20.12f  %9.1e  %9.1e\n", iteration, energy, energy - before, error);
        if (!isfinite(energy))
            break;
        if (error < error_limit && fabs(energy - before) < energy_limit) {
            free(arena);
            return (Result){energy, iteration};
        }
        before = energy;
        extrapolate(&w, f);
        new_density(&w, pairs, f, d);
    }
    die(EXIT_NOT_CONVERGED, "not converged after %d iterations: the last energy is no result", max_iterations);
}
