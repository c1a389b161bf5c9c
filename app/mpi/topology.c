#include "app/mpi/topology.h"

#include "app/mpi/startup.h"

#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK_WORDS 64u /* of 64 PUs each; hosts with more PUs than 4,096 count as shared */

/* The PUs that one rank may run on, as it travels between the ranks of a host. */
struct mask {
    unsigned long words[MASK_WORDS];
};

enum transport_waiting topology_choose_waiting(uint32_t ranks_on_host, double cores_usable) {
    return ranks_on_host > 0 && cores_usable >= (double)ranks_on_host ? TRANSPORT_SPIN : TRANSPORT_YIELD;
}

/* The number of physical cores of which at least one PU is in `set`; of PUs, if the machine shows no cores.
 */
static uint32_t cores_in(hwloc_topology_t machine, hwloc_const_bitmap_t set) {
    const int depth = hwloc_get_type_or_below_depth(machine, HWLOC_OBJ_CORE);
    uint32_t count = 0;
    for (hwloc_obj_t core = NULL; (core = hwloc_get_next_obj_by_depth(machine, depth, core)) != NULL;)
        count += hwloc_bitmap_intersects(core->cpuset, set) != 0;
    return count;
}

static void summarize(hwloc_topology_t machine, char *text, size_t size) {
    const int packages = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PACKAGE);
    const int cores = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_CORE);
    const int pus = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_PU);
    /* hwloc adds up the NUMA nodes' memory, which leaves out what a virtual machine was given later. */
    const uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t nodes = hwloc_get_root_obj(machine)->total_memory;
    const uint64_t memory = pages > nodes ? pages : nodes;
    (void)snprintf(text, size, "%d package%s, %d core%s, %d PU%s, %.0f GiB", packages,
                   packages == 1 ? "" : "s", cores, cores == 1 ? "" : "s", pus, pus == 1 ? "" : "s",
                   (double)memory / (1024.0 * 1024.0 * 1024.0));
}

/* One control group's limit on CPU time, in CPUs; 0 if it has none. `version` is 1 or 2 (of the file's
 * format). */
static double quota_of(const char *directory, const char *group, int version) {
    char path[1024];
    char first[32];
    double period = 0;
    double quota = 0;
    (void)snprintf(path, sizeof path, version == 2 ? "%s%s/cpu.max" : "%s%s/cpu.cfs_quota_us", directory,
                   group);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    int read = fscanf(file, "%31s %lf", first, &period);
    (void)fclose(file);
    if (read < 1 || strcmp(first, "max") == 0)
        return 0;
    quota = strtod(first, NULL);
    if (version == 1) {
        (void)snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", directory, group);
        file = fopen(path, "r");
        if (file == NULL)
            return 0;
        read = fscanf(file, "%lf", &period) + 1;
        (void)fclose(file);
    }
    return read == 2 && quota > 0 && period > 0 ? quota / period : 0;
}

/* The smallest limit of this process's control groups, which hwloc doesn't know of: a container may be given
 * two CPUs' worth of time on a machine of 64 cores, and spinning ranks would use it up. */
static double cpu_quota(void) {
    double least = quota_of("/sys/fs/cgroup", "", 2); /* a container sees its own group as the root */
    const double root_v1 = quota_of("/sys/fs/cgroup/cpu", "", 1);
    if (root_v1 > 0 && (least <= 0 || root_v1 < least))
        least = root_v1;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL)
        return least;
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *group = strchr(line, ':');
        if (group == NULL || (group = strchr(group + 1, ':')) == NULL)
            continue;
        group++;
        const int version = strncmp(line, "0::", 3) == 0 ? 2 : 1;
        if (version == 1 && strstr(line, "cpu,") == NULL && strstr(line, ":cpu:") == NULL)
            continue;
        /* A limit may stand at any level above. */
        for (char *slash; (slash = strrchr(group, '/')) != NULL && slash[1] != '\0'; *slash = '\0') {
            const double quota =
                quota_of(version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", group, version);
            if (quota > 0 && (least <= 0 || quota < least))
                least = quota;
        }
    }
    (void)fclose(file);
    return least;
}

static bool mask_contains(const struct mask *outer, const struct mask *inner) {
    for (uint32_t w = 0; w < MASK_WORDS; w++)
        if ((inner->words[w] & ~outer->words[w]) != 0)
            return false;
    return true;
}

static void mask_to_bitmap(const struct mask *mask, hwloc_bitmap_t bitmap) {
    hwloc_bitmap_zero(bitmap);
    for (unsigned w = 0; w < MASK_WORDS; w++)
        hwloc_bitmap_set_ith_ulong(bitmap, w, mask->words[w]);
}

/* What this rank may run on; false if hwloc can't tell. */
static bool own_binding(hwloc_topology_t machine, hwloc_bitmap_t set) {
    if (hwloc_get_cpubind(machine, set, HWLOC_CPUBIND_PROCESS) != 0)
        hwloc_bitmap_copy(set, hwloc_topology_get_topology_cpuset(machine));
    hwloc_bitmap_and(set, set, hwloc_topology_get_allowed_cpuset(machine));
    return !hwloc_bitmap_iszero(set) &&
           hwloc_bitmap_last(set) < (int)(MASK_WORDS * 8 * sizeof(unsigned long));
}

/* Compares bindings. By Hall's theorem every rank has a core of its own iff any ranks together may use at
 * least as many cores as they are; for bindings that are nested or disjoint, as launchers make them, it
 * suffices to look at the ranks inside each one's binding, and at all of them. */
static void compare(hwloc_topology_t machine, const struct mask *masks, struct topology *topology) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    struct mask all = {{0}};
    bool enough = true;
    for (uint32_t i = 0; i < topology->ranks_on_host; i++) {
        uint32_t inside = 0;
        for (uint32_t k = 0; k < topology->ranks_on_host; k++)
            inside += mask_contains(&masks[i], &masks[k]);
        mask_to_bitmap(&masks[i], set);
        const uint32_t cores = cores_in(machine, set);
        if (topology_choose_waiting(inside, cores) != TRANSPORT_SPIN)
            enough = false;
        if (i == topology->rank_on_host)
            topology->cores_of_rank = cores;
        for (uint32_t w = 0; w < MASK_WORDS; w++)
            all.words[w] |= masks[i].words[w];
    }
    mask_to_bitmap(&all, set);
    topology->cores_of_ranks = cores_in(machine, set);
    hwloc_bitmap_free(set);

    double usable = topology->cores_of_ranks;
    if (topology->cpu_quota > 0 && topology->cpu_quota < usable)
        usable = topology->cpu_quota;
    topology->ranks_per_core = usable > 0 ? topology->ranks_on_host / usable : topology->ranks_on_host;
    topology->waiting = topology_choose_waiting(topology->ranks_on_host, usable);
    topology->core_of_its_own = enough && topology->waiting == TRANSPORT_SPIN;
    if (!topology->core_of_its_own)
        topology->waiting = TRANSPORT_YIELD;
}

/* What every rank tells the others. */
struct place {
    char host[TOPOLOGY_HOST_SIZE];
    struct mask mask;
};

/* Tells the others where this rank runs, and finds out who shares its host. */
static void exchange(MPI_Comm comm, const struct mask *mine, hwloc_topology_t machine, bool loaded,
                     struct topology *topology) {
    int rank = 0;
    int count = 1;
    TRANSPORT_MPI(MPI_Comm_rank(comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(comm, &count));
    struct place own = {.mask = *mine};
    memcpy(own.host, topology->host, sizeof own.host);
    struct place *places = calloc((size_t)count, sizeof *places);
    struct mask *masks = calloc((size_t)count, sizeof *masks);
    if (places == NULL || masks == NULL)
        transport_mpi_failed(__FILE__, __LINE__, "topology_discover", MPI_ERR_NO_MEM);
    startup_gather_all(comm, &own, sizeof own, places);
    for (int i = 0; i < count; i++) {
        bool first_of_host = true;
        for (int before = 0; before < i && first_of_host; before++)
            first_of_host = strcmp(places[before].host, places[i].host) != 0;
        topology->host_count += first_of_host;
        if (strcmp(places[i].host, own.host) == 0) {
            topology->rank_on_host += i < rank;
            masks[topology->ranks_on_host++] = places[i].mask;
        }
    }
    /* A rank without a mask (all zero) makes every rank of the host yield: it would need a core, and has
     * none. */
    if (loaded) {
        compare(machine, masks, topology);
    } else {
        topology->ranks_per_core = topology->ranks_on_host;
        topology->waiting = TRANSPORT_YIELD;
    }
    free(places);
    free(masks);
}

void topology_discover(MPI_Comm comm, struct topology *topology) {
    memset(topology, 0, sizeof *topology);
    if (gethostname(topology->host, sizeof topology->host - 1) != 0)
        (void)snprintf(topology->host, sizeof topology->host, "unknown");

    topology->cpu_quota = cpu_quota();

    hwloc_topology_t machine = NULL;
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    const bool created = hwloc_topology_init(&machine) == 0;
    const bool loaded = created && hwloc_topology_load(machine) == 0;
    struct mask mine = {{0}};
    if (loaded) {
        summarize(machine, topology->summary, sizeof topology->summary);
        if (own_binding(machine, set)) {
            for (unsigned w = 0; w < MASK_WORDS; w++)
                mine.words[w] = hwloc_bitmap_to_ith_ulong(set, w);
            const int length = hwloc_bitmap_list_snprintf(topology->cpuset, sizeof topology->cpuset, set);
            if (length >= (int)sizeof topology->cpuset)
                memcpy(topology->cpuset + sizeof topology->cpuset - 4, "...", 4);
        }
    } else {
        (void)snprintf(topology->summary, sizeof topology->summary, "unknown machine");
    }

    exchange(comm, &mine, machine, loaded, topology);
    hwloc_bitmap_free(set);
    if (created)
        hwloc_topology_destroy(machine);
}
