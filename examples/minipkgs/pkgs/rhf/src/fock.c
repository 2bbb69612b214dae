/* The Fock matrix from packed integrals. */
#include "rhf.h"

#include <stdlib.h>
#include <string.h>

/* Rows ij are dealt to this many blocks, each with a sum of its own, added up
 * in order: so the sum does not depend on the number of threads. */
enum { BLOCKS = 32 };

/* One row of integrals (ij|kl), all kl <= ij, into one triangle of J and K.
 * With half weights where indices coincide, J + transpose and K + transpose
 * are the whole matrices. */
static void add_row(int n, int i, int j, const double *row, const double *d, double *coulomb, double *exchange,
                    double *g)
{
    double both = 0;
    for (int k = 0; k <= i; k++) {
        int last = k == i ? j : k;
        double scale = i == j ? 0.5 : 1, dij = d[i * n + j], dik = d[i * n + k], djk = d[j * n + k];
        double kik = 0, kjk = 0, jij = 0;
        double *j_k = coulomb + k * n, *k_i = exchange + i * n, *k_j = exchange + j * n;
        const double *d_i = d + i * n, *d_j = d + j * n, *d_k = d + k * n;

#pragma omp simd
        for (int l = 0; l <= last; l++)
            g[l] = scale * row[l];
        if (last == k)
            g[k] *= 0.5;
        if (k == i)
            g[last] *= 0.5;
#pragma omp simd reduction(+ : jij, kik, kjk)
        for (int l = 0; l <= last; l++) {
            jij += g[l] * d_k[l];
            kik += g[l] * d_j[l];
            kjk += g[l] * d_i[l];
        }
#pragma omp simd
        for (int l = 0; l <= last; l++)
            j_k[l] += 2 * dij * g[l];
#pragma omp simd
        for (int l = 0; l <= last; l++)
            k_i[l] += djk * g[l];
#pragma omp simd
        for (int l = 0; l <= last; l++)
            k_j[l] += dik * g[l];
        both += jij;
        k_i[k] += kik;
        k_j[k] += kjk;
        row += last + 1;
    }
    coulomb[i * n + j] += 2 * both;
}

void fock(int n, const double *eri, const double *h, const double *d, double *f)
{
    size_t square = (size_t)n * n;
    double *sums = new_array(2 * square * BLOCKS, sizeof *sums);

#pragma omp parallel for schedule(dynamic)
    for (int block = BLOCKS - 1; block >= 0; block--) {
        double *coulomb = sums + 2 * square * block, *exchange = coulomb + square;
        double *g = new_array(n, sizeof *g);
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++) {
                size_t ij = packed(i, j);
                if (ij % BLOCKS == (size_t)block)
                    add_row(n, i, j, eri + packed(ij, 0), d, coulomb, exchange, g);
            }
        free(g);
    }
    for (int block = 1; block < BLOCKS; block++)
#pragma omp simd
        for (size_t at = 0; at < 2 * square; at++)
            sums[at] += sums[2 * square * block + at];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            size_t at = (size_t)i * n + j, across = (size_t)j * n + i;
            f[at] = h[at] + 2 * (sums[at] + sums[across]) - (sums[square + at] + sums[square + across]);
        }
    free(sums);
}
