#ifndef PAIRS_H
#define PAIRS_H

#include "rhf.h"

enum { MAX_TERMS = 33, MAX_COMPONENTS = 9, MAX_HERMITES = 10 };

/* A component (which p on the left, which on the right) is a short sum of
 * Hermite Gaussians: only these have a coefficient. */
typedef struct { int component, hermite; } Term;
typedef struct { int l, components, terms; Term term[MAX_TERMS]; } Class;

/* All pairs of one class. Lanes from count to stride are there to be computed
 * and dropped: their coefficients are 0. */
typedef struct {
    int count, stride;            /* stride: count, rounded up to LANES */
    int *left, *right;            /* first basis function of each shell */
    double *exponent, *x, *y, *z; /* [PAIRS][stride]: p = a + b, and the place of the product */
    double *e;                    /* [PAIRS][terms][stride]: coefficients, with all factors, over p */
} PairList;

/* The pairs of shells with momenta la >= lb: 0 and 0, 1 and 0, 1 and 1. */
void make_class(Class *c, int la, int lb);
PairList make_pairs(const Basis *basis, const Class *c, int la, int lb);
void free_pairs(PairList *list);

#endif
