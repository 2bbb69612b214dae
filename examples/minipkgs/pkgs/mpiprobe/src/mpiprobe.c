/* mpiprobe: what each rank of an MPI program finds, a line a rank, in order.
 *
 *   rank 0 of 4 node hsw1 threads 2 cpus 2 0-1 OMP_NUM_THREADS=2
 *
 * node is SLURMD_NODENAME, or MPI's name of the processor; threads are counted
 * by starting them; cpus are those the rank may run on. Arguments are names of
 * variables to show, "-" for one that is not set.
 */
#define _GNU_SOURCE
#include <mpi.h>
#include <omp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 };

static void add(char *line, const char *format, ...)
{
    size_t used = strlen(line);
    va_list args;

    va_start(args, format);
    vsnprintf(line + used, LINE - used, format, args);
    va_end(args);
}

/* The CPUs this process may run on, as "2 0-1". */
static void add_cpus(char *line)
{
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    int cpus = configured > 1024 ? (int)configured : 1024;
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    cpu_set_t *set = CPU_ALLOC(cpus);

    if (!set || sched_getaffinity(0, bytes, set)) {
        add(line, " cpus ?");
        return;
    }
    add(line, " cpus %d", CPU_COUNT_S(bytes, set));
    char separator = ' ';
    for (int first = 0; first < cpus; first++) {
        if (!CPU_ISSET_S(first, bytes, set))
            continue;
        int last = first;
        while (last + 1 < cpus && CPU_ISSET_S(last + 1, bytes, set))
            last++;
        add(line, last > first ? "%c%d-%d" : "%c%d", separator, first, last);
        separator = ',';
        first = last;
    }
    CPU_FREE(set);
}

int main(int argc, char **argv)
{
    int level, rank, size, length, threads = 0;
    char line[LINE] = "", host[MPI_MAX_PROCESSOR_NAME] = "";

    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_processor_name(host, &length);
    const char *node = getenv("SLURMD_NODENAME");

    add(line, "rank %d of %d node %s", rank, size, node ? node : host);
#pragma omp parallel reduction(+ : threads)
    threads += 1;
    add(line, " threads %d", threads);
    add_cpus(line);
    for (int i = 1; i < argc; i++) {
        const char *value = getenv(argv[i]);
        add(line, " %s=%s", argv[i], value ? value : "-");
    }

    char *all = rank == 0 ? malloc((size_t)size * LINE) : NULL;
    if (rank == 0 && !all)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Gather(line, LINE, MPI_CHAR, all, LINE, MPI_CHAR, 0, MPI_COMM_WORLD);
    for (int r = 0; rank == 0 && r < size; r++)
        puts(all + (size_t)r * LINE);
    free(all);
    MPI_Finalize();
    return 0;
}
