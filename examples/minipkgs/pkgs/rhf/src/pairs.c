/* Pairs of shells, and their primitives as Hermite Gaussians in arrays that the
 * integral loops read with unit stride. */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>


void make_class(Class *c, int la, int lb)
{
    c->l = la + lb;
    c->components = c->terms = 0;
    for (int a = 0; a < 2 * la + 1; a++)
        for (int b = 0; b < 2 * lb + 1; b++) {
            int power[3] = {0};
            if (la)
                power[a]++;
            if (lb)
                power[b]++;
            for (int h = 0; h < hermite_count[c->l]; h++)
                if (hermite[h].t <= power[0] && hermite[h].u <= power[1] && hermite[h].v <= power[2])
                    c->term[c->terms++] = (Term){c->components, h};
            c->components++;
        }
}

/* One primitive pair of shells a and b: its place and its coefficients, lane v. */
static void fill(const Class *c, PairList *list, const Shell *a, const Shell *b, int m, int n, int v)
{
    double ea = a->exponent[m], eb = b->exponent[n], p = ea + eb, r2 = 0, ab[3];
    size_t at = (size_t)(m * PRIMS + n) * list->stride + v;
    for (int k = 0; k < 3; k++) {
        ab[k] = a->at[k] - b->at[k];
        r2 += ab[k] * ab[k];
    }
    list->exponent[at] = p;
    list->x[at] = (ea * a->at[0] + eb * b->at[0]) / p;
    list->y[at] = (ea * a->at[1] + eb * b->at[1]) / p;
    list->z[at] = (ea * a->at[2] + eb * b->at[2]) / p;

    double weight = a->coefficient[m] * b->coefficient[n] * exp(-ea * eb / p * r2) / p;
    for (int t = 0; t < c->terms; t++) {
        Hermite h = hermite[c->term[t].hermite];
        int component = c->term[t].component, i[3] = {0}, j[3] = {0};
        if (a->l)
            i[b->l ? component / 3 : component] = 1;
        if (b->l)
            j[component % 3] = 1;
        list->e[((size_t)(m * PRIMS + n) * c->terms + t) * list->stride + v] =
            weight * hermite_coefficient(i[0], j[0], h.t, ea, eb, ab[0]) *
            hermite_coefficient(i[1], j[1], h.u, ea, eb, ab[1]) * hermite_coefficient(i[2], j[2], h.v, ea, eb, ab[2]);
    }
}

PairList make_pairs(const Basis *basis, const Class *c, int la, int lb)
{
    PairList list = {0};
    int pass, v;

    /* Once to count, once to fill. Lanes beyond the count keep a coefficient of 0. */
    for (pass = 0; pass < 2; pass++) {
        v = 0;
        for (int p = 0; p < basis->shells; p++)
            for (int q = 0; q < basis->shells; q++) {
                const Shell *a = &basis->shell[p], *b = &basis->shell[q];
                if (a->l != la || b->l != lb || (la == lb && q > p))
                    continue;
                if (pass) {
                    list.left[v] = a->first;
                    list.right[v] = b->first;
                    for (int m = 0; m < PRIMS; m++)
                        for (int n = 0; n < PRIMS; n++)
                            fill(c, &list, a, b, m, n, v);
                }
                v++;
            }
        if (pass)
            break;
        list.count = v;
        list.stride = (v + LANES - 1) / LANES * LANES;
        size_t all = (size_t)PAIRS * list.stride;
        list.left = new_array(list.stride, sizeof *list.left);
        list.right = new_array(list.stride, sizeof *list.right);
        list.exponent = new_array(all, sizeof(double));
        list.x = new_array(all, sizeof(double));
        list.y = new_array(all, sizeof(double));
        list.z = new_array(all, sizeof(double));
        list.e = new_array(all * c->terms, sizeof(double));
        for (size_t i = 0; i < all; i++)
            list.exponent[i] = 1;
    }
    return list;
}

void free_pairs(PairList *list)
{
    free(list->left);
    free(list->right);
    free(list->exponent);
    free(list->x);
    free(list->y);
    free(list->z);
    free(list->e);
}
