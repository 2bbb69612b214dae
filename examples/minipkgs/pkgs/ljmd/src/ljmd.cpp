// Molecular dynamics of Lennard-Jones atoms in a periodic box, in reduced units:
// ljmd CELLS STEPS. It starts from a face-centred cubic crystal of CELLS^3 cells
// of four atoms at density 0.8442, each atom with a little velocity, and takes
// STEPS steps of velocity Verlet. All pairs are summed, by their nearest image
// and within half the box. Energy that is not kept ends with code 1.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct Atoms {
    explicit Atoms(int n) : x(n), y(n), z(n), vx(n), vy(n), vz(n), fx(n), fy(n), fz(n) {}
    std::vector<double> x, y, z, vx, vy, vz, fx, fy, fz;
    int size() const { return static_cast<int>(x.size()); }
};

// Shortest distance along one side of the box.
inline double nearest(double d, double box) {
    const double half = 0.5 * box;
    d = d > half ? d - box : d;
    return d < -half ? d + box : d;
}

// Forces on all atoms; returns the potential energy. The potential is shifted
// to zero, and its force too, where it is cut off: what moves across conserves.
double forces(Atoms &a, double box) {
    const int n = a.size();
    const double cut = 0.5 * box, cut2 = cut * cut;
    const double c6 = 1 / (cut2 * cut2 * cut2);
    const double slope = -24 * (2 * c6 * c6 - c6) / cut;
    const double shift = 4 * (c6 * c6 - c6);
    const double *x = a.x.data(), *y = a.y.data(), *z = a.z.data();
    double energy = 0;
    for (int i = 0; i < n; i++) {
        double fx = 0, fy = 0, fz = 0, e = 0;
        for (int j = 0; j < n; j++) {
            const double dx = nearest(x[i] - x[j], box), dy = nearest(y[i] - y[j], box), dz = nearest(z[i] - z[j], box);
            const double r2 = dx * dx + dy * dy + dz * dz;
            const bool near = r2 < cut2 && j != i;
            const double s2 = near ? r2 : 1;
            const double r = std::sqrt(s2), i2 = 1 / s2, i6 = i2 * i2 * i2;
            const double f = near ? 24 * (2 * i6 * i6 - i6) * i2 + slope / r : 0;
            e += near ? 4 * (i6 * i6 - i6) - shift - slope * (r - cut) : 0;
            fx += f * dx;
            fy += f * dy;
            fz += f * dz;
        }
        a.fx[i] = fx;
        a.fy[i] = fy;
        a.fz[i] = fz;
        energy += 0.5 * e;
    }
    return energy;
}

double kinetic(const Atoms &a) {
    double sum = 0;
    for (int i = 0; i < a.size(); i++) {
        sum += a.vx[i] * a.vx[i] + a.vy[i] * a.vy[i] + a.vz[i] * a.vz[i];
    }
    return 0.5 * sum;
}

Atoms crystal(int cells, double side) {
    const double site[4][3] = {{0, 0, 0}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5}};
    Atoms a(4 * cells * cells * cells);
    unsigned seed = 1;
    const auto kick = [&seed] {
        seed = seed * 1664525U + 1013904223U;
        return (seed >> 8) / 16777216.0 - 0.5;
    };
    int i = 0;
    for (int c = 0; c < cells * cells * cells; c++) {
        for (const auto &s : site) {
            a.x[i] = (c % cells + s[0]) * side;
            a.y[i] = (c / cells % cells + s[1]) * side;
            a.z[i] = (c / cells / cells + s[2]) * side;
            a.vx[i] = kick();
            a.vy[i] = kick();
            a.vz[i] = kick();
            i++;
        }
    }
    return a;
}

void drift(std::vector<double> &x, std::vector<double> &v, const std::vector<double> &f, double dt, double box) {
    for (std::size_t i = 0; i < x.size(); i++) {
        v[i] += 0.5 * dt * f[i];
        double moved = x[i] + dt * v[i];
        moved = moved < 0 ? moved + box : moved;
        x[i] = moved >= box ? moved - box : moved;
    }
}

void kickHalf(std::vector<double> &v, const std::vector<double> &f, double dt) {
    for (std::size_t i = 0; i < v.size(); i++) {
        v[i] += 0.5 * dt * f[i];
    }
}

} // namespace

int main(int argc, char **argv) {
    const int cells = argc == 3 ? std::atoi(argv[1]) : 0, steps = argc == 3 ? std::atoi(argv[2]) : 0;
    if (cells < 2 || cells > 100 || steps < 1) {
        std::fputs("usage: ljmd CELLS STEPS\n", stderr);
        return 2;
    }
    const double side = std::cbrt(4 / 0.8442), box = cells * side, dt = 0.002;
    Atoms a = crystal(cells, side);
    double potential = forces(a, box);
    const double before = potential + kinetic(a);
    double worst = 0;
    for (int s = 0; s < steps; s++) {
        drift(a.x, a.vx, a.fx, dt, box);
        drift(a.y, a.vy, a.fy, dt, box);
        drift(a.z, a.vz, a.fz, dt, box);
        potential = forces(a, box);
        kickHalf(a.vx, a.fx, dt);
        kickHalf(a.vy, a.fy, dt);
        kickHalf(a.vz, a.fz, dt);
        worst = std::max(worst, std::fabs((potential + kinetic(a)) / before - 1));
    }
    std::printf("energy of an atom %.9f, kept within %.1e\n", (potential + kinetic(a)) / a.size(), worst);
    return worst < 1e-3 ? 0 : 1;
}
