/* Two-electron integrals over shell pairs, LANES ket pairs at a time.
 *
 * One bra pair meets LANES ket pairs of one class in every inner loop, all with
 * unit stride, so the whole of it (Boys function, recursion, contraction) is
 * vector code. Every integral is computed by one thread in one fixed order:
 * the number of threads changes no bit. */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, MAX_ROWS = 70 };

/* A bra primitive whose coefficients are all below this cannot be seen in an energy. */
static const double negligible = 1e-17;

typedef double Lanes[LANES];

/* R_tuv for one bra primitive (exponent p at px, py, pz) and LANES ket primitives. */
static void hermite_coulomb(int top, double p, const double *at, const double *restrict q, const double *restrict x,
                            const double *restrict y, const double *restrict z, Lanes *restrict rows)
{
    Lanes d[3], t, factor, minus_two_alpha;
    const RPlan *plan = &r_plan[top];

#pragma omp simd
    for (int v = 0; v < LANES; v++) {
        double sum = p + q[v], alpha = p * q[v] / sum;
        double dx = at[0] - x[v], dy = at[1] - y[v], dz = at[2] - z[v];
        d[0][v] = dx;
        d[1][v] = dy;
        d[2][v] = dz;
        t[v] = alpha * (dx * dx + dy * dy + dz * dz);
        minus_two_alpha[v] = -2 * alpha;
        factor[v] = 34.986836655249725 / sqrt(sum); /* 2 pi^(5/2) */
    }
    boys_lanes(top, t, rows);
    for (int n = 0; n <= top; n++)
#pragma omp simd
        for (int v = 0; v < LANES; v++) {
            rows[n][v] *= factor[v];
            factor[v] *= minus_two_alpha[v];
        }
    for (int i = 0; i < plan->steps; i++) {
        RStep s = plan->step[i];
        const double *along = d[(int)s.axis], *once = rows[s.once], *twice = rows[s.twice];
        double *out = rows[s.out], twice_factor = s.factor;
        if (s.factor)
#pragma omp simd
            for (int v = 0; v < LANES; v++)
                out[v] = along[v] * once[v] + twice_factor * twice[v];
        else
#pragma omp simd
            for (int v = 0; v < LANES; v++)
                out[v] = along[v] * once[v];
    }
}

/* half[component][h] += coefficient * R_(g+h), over the bra's Hermite Gaussians g. */
static void contract_bra(const Class *bra, const Class *ket, const PairList *list, int pair, int prim, const Lanes *rows,
                         Lanes half[][MAX_HERMITES])
{
    const RPlan *plan = &r_plan[bra->l + ket->l];
    for (int i = 0; i < bra->terms; i++) {
        double e = list->e[((size_t)prim * bra->terms + i) * list->stride + pair];
        for (int h = 0; h < hermite_count[ket->l]; h++) {
            const double *r = rows[plan->result[hermite_sum[bra->term[i].hermite][h]]];
            double *out = half[bra->term[i].component][h];
#pragma omp simd
            for (int v = 0; v < LANES; v++)
                out[v] += e * r[v];
        }
    }
}

/* result[bra component, ket component] += coefficient * half, over the ket's
 * Hermite Gaussians; one of odd order counts negative. */
static void contract_ket(const Class *bra, const Class *ket, const double *e, int stride, Lanes half[][MAX_HERMITES],
                         Lanes *result)
{
    for (int i = 0; i < ket->terms; i++, e += stride) {
        Hermite h = hermite[ket->term[i].hermite];
        double sign = (h.t + h.u + h.v) % 2 ? -1 : 1;
        for (int c = 0; c < bra->components; c++) {
            const double *in = half[c][ket->term[i].hermite];
            double *out = result[c * ket->components + ket->term[i].component];
#pragma omp simd
            for (int v = 0; v < LANES; v++)
                out[v] += sign * e[v] * in[v];
        }
    }
}

static int seen(const Class *bra, const PairList *list, int pair, int prim)
{
    double largest = 0;
    for (int i = 0; i < bra->terms; i++) {
        double e = fabs(list->e[((size_t)prim * bra->terms + i) * list->stride + pair]);
        largest = e > largest ? e : largest;
    }
    return largest > negligible;
}

/* All integrals of one bra pair with ket pairs first … first + LANES - 1. */
static void quartets(const Class *bra, const Class *ket, const PairList *bl, const PairList *kl, int pair, int first,
                     Lanes *result)
{
    Lanes half[MAX_COMPONENTS][MAX_HERMITES], rows[MAX_ROWS];
    int top = bra->l + ket->l;

    memset(result, 0, sizeof(Lanes) * bra->components * ket->components);
    for (int k = 0; k < PAIRS; k++) {
        size_t lane = (size_t)k * kl->stride + first;
        memset(half, 0, sizeof half[0] * bra->components);
        for (int b = 0; b < PAIRS; b++) {
            size_t at = (size_t)b * bl->stride + pair;
            double place[3] = {bl->x[at], bl->y[at], bl->z[at]};
            if (!seen(bra, bl, pair, b))
                continue;
            hermite_coulomb(top, bl->exponent[at], place, kl->exponent + lane, kl->x + lane, kl->y + lane,
                            kl->z + lane, rows);
            contract_bra(bra, ket, bl, pair, b, (const Lanes *)rows, half);
        }
        contract_ket(bra, ket, kl->e + (size_t)k * ket->terms * kl->stride + first, kl->stride, half, result);
    }
}

static void functions(const PairList *list, const Class *c, int pair, int component, size_t *i, size_t *j)
{
    *i = list->left[pair] + (c->l == 2 ? component / 3 : component);
    *j = list->right[pair] + (c->l == 2 ? component % 3 : 0);
}

static void store(double *eri, const Class *bra, const Class *ket, const PairList *bl, const PairList *kl, int pair,
                  int first, int last, const Lanes *result)
{
    size_t i, j, k, l;
    for (int v = 0; first + v <= last; v++)
        for (int b = 0; b < bra->components; b++) {
            functions(bl, bra, pair, b, &i, &j);
            for (int c = 0; c < ket->components; c++) {
                functions(kl, ket, first + v, c, &k, &l);
                eri[packed(packed(i, j), packed(k, l))] = result[b * ket->components + c][v];
            }
        }
}

double *two_electron(const Basis *basis)
{
    size_t pairs = packed(basis->functions - 1, basis->functions - 1) + 1;
    double *eri = new_array(packed(pairs - 1, pairs - 1) + 1, sizeof *eri);
    Class class[CLASSES];
    PairList list[CLASSES];

    for (int c = 0; c < CLASSES; c++) {
        make_class(&class[c], c > 0, c > 1);
        list[c] = make_pairs(basis, &class[c], c > 0, c > 1);
    }
    for (int b = CLASSES - 1; b >= 0; b--)
        for (int k = b; k >= 0; k--)
#pragma omp parallel for schedule(dynamic)
            for (int pair = list[b].count - 1; pair >= 0; pair--) {
                Lanes result[MAX_COMPONENTS * MAX_COMPONENTS];
                int last = b == k ? pair : list[k].count - 1;
                for (int first = 0; first <= last; first += LANES) {
                    int end = first + LANES - 1 < last ? first + LANES - 1 : last;
                    quartets(&class[b], &class[k], &list[b], &list[k], pair, first, result);
                    store(eri, &class[b], &class[k], &list[b], &list[k], pair, first, end, (const Lanes *)result);
                }
            }
    for (int c = 0; c < CLASSES; c++)
        free_pairs(&list[c]);
    return eri;
}
