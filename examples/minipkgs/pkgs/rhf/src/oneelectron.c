/* Overlap, kinetic energy and nuclear attraction, one function pair at a time. */
#include "rhf.h"

#include <math.h>

/* Overlap of x^i exp(-a…) and x^j exp(-b…) along one axis, without the exponential. */
static double overlap_1d(int i, int j, double a, double b, double ab)
{
    return j < 0 ? 0 : hermite_coefficient(i, j, 0, a, b, ab) * sqrt(PI / (a + b));
}

/* <i| -1/2 d2/dx2 |j> along one axis, by the overlaps with j-2, j and j+2. */
static double kinetic_1d(int i, int j, double a, double b, double ab)
{
    return b * (2 * j + 1) * overlap_1d(i, j, a, b, ab) - 2 * b * b * overlap_1d(i, j + 2, a, b, ab) -
           0.5 * j * (j - 1) * overlap_1d(i, j - 2, a, b, ab);
}

/* Sum over h of e_h R_h, for one nucleus at P - d, with its F_m in lane v. */
static double one_nucleus(int top, double p, const double *d, double f[][LANES], int v, const double *e)
{
    double rows[128], factor = 1, sum = 0;
    const RPlan *plan = &r_plan[top];
    for (int n = 0; n <= top; n++, factor *= -2 * p)
        rows[n] = factor * f[n][v];
    for (int i = 0; i < plan->steps; i++) {
        RStep s = plan->step[i];
        rows[s.out] = d[(int)s.axis] * rows[s.once] + s.factor * rows[s.twice];
    }
    for (int h = 0; h < hermite_count[top]; h++)
        sum += e[h] * rows[plan->result[h]];
    return sum;
}

/* Attraction by all nuclei of the product of two primitives with powers i and j. */
static double attraction(const Molecule *mol, const int *i, const int *j, double a, double b, const double *at_a,
                         const double *at_b)
{
    double p = a + b, sum = 0, e[HERMITES], d[LANES][3], t[LANES] = {0}, f[BOYS_TOP + 1][LANES];
    int top = i[0] + i[1] + i[2] + j[0] + j[1] + j[2];
    for (int h = 0; h < hermite_count[top]; h++)
        e[h] = hermite_coefficient(i[0], j[0], hermite[h].t, a, b, at_a[0] - at_b[0]) *
               hermite_coefficient(i[1], j[1], hermite[h].u, a, b, at_a[1] - at_b[1]) *
               hermite_coefficient(i[2], j[2], hermite[h].v, a, b, at_a[2] - at_b[2]);
    for (int first = 0; first < mol->count; first += LANES) {
        int lanes = mol->count - first < LANES ? mol->count - first : LANES;
        for (int v = 0; v < lanes; v++) {
            for (int c = 0; c < 3; c++)
                d[v][c] = (a * at_a[c] + b * at_b[c]) / p - mol->atoms[first + v].at[c];
            t[v] = p * (d[v][0] * d[v][0] + d[v][1] * d[v][1] + d[v][2] * d[v][2]);
        }
        boys_lanes(top, t, f);
        for (int v = 0; v < lanes; v++)
            sum -= mol->atoms[first + v].z * one_nucleus(top, p, d[v], f, v, e);
    }
    return 2 * PI / p * sum;
}

static void function_pair(const Molecule *mol, const Shell *sa, const Shell *sb, int ca, int cb, double *s, double *h)
{
    int i[3] = {0}, j[3] = {0};
    double ab[3], r2 = 0;
    if (sa->l)
        i[ca] = 1;
    if (sb->l)
        j[cb] = 1;
    for (int c = 0; c < 3; c++) {
        ab[c] = sa->at[c] - sb->at[c];
        r2 += ab[c] * ab[c];
    }
    for (int m = 0; m < PRIMS; m++)
        for (int n = 0; n < PRIMS; n++) {
            double a = sa->exponent[m], b = sb->exponent[n], o[3], k[3];
            double weight = sa->coefficient[m] * sb->coefficient[n] * exp(-a * b / (a + b) * r2);
            for (int c = 0; c < 3; c++) {
                o[c] = overlap_1d(i[c], j[c], a, b, ab[c]);
                k[c] = kinetic_1d(i[c], j[c], a, b, ab[c]);
            }
            *s += weight * o[0] * o[1] * o[2];
            *h += weight * (k[0] * o[1] * o[2] + o[0] * k[1] * o[2] + o[0] * o[1] * k[2] +
                            attraction(mol, i, j, a, b, sa->at, sb->at));
        }
}

void one_electron(const Basis *basis, const Molecule *mol, double *s, double *h)
{
    size_t n = basis->functions;
#pragma omp parallel for schedule(dynamic)
    for (int p = 0; p < basis->shells; p++)
        for (int q = 0; q <= p; q++) {
            const Shell *a = &basis->shell[p], *b = &basis->shell[q];
            for (int ca = 0; ca < 2 * a->l + 1; ca++)
                for (int cb = 0; cb < 2 * b->l + 1; cb++) {
                    size_t i = a->first + ca, j = b->first + cb;
                    double overlap = 0, core = 0;
                    function_pair(mol, a, b, ca, cb, &overlap, &core);
                    s[i * n + j] = s[j * n + i] = overlap;
                    h[i * n + j] = h[j * n + i] = core;
                }
        }
}
