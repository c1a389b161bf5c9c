/* chordkv-limit: what MPI itself allows for the messages of a routed store, without the store: --help. */
#include "tests/bench/carrier.h"

#include "app/mpi/topology.h"
#include "app/mpi/transport.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 99
#define MANNERS_MAX 32

static const char help[] =
    "Usage: mpirun -n RANKS chordkv-limit [OPTION]...\n\n"
    "Measures the messages of a routed key-value store without the store: every operation is forwarded from rank to\n"
    "rank, and the last one answers its client directly. By plain MPI in several manners, the best of which is the\n"
    "limit; or by the transport of chord-kv. All answers are checked; if one is wrong there are no figures.\n\n"
    "  --mode parallel|serial  every rank issues, at itself; or rank 0 alone, one operation at a time, at a random\n"
    "                          rank (default: parallel)\n"
    "  --window COUNT          operations under way from each rank (1..4096; default: 1)\n"
    "  --hops MEAN             how often an operation is forwarded (0..100; default: 2.2, ten ranks' mean)\n"
    "  --request-bytes COUNT   of a forwarded message (32..1024; default: 82, a 16-byte key and half a 32-byte value)\n"
    "  --answer-bytes COUNT    of an answer (32..1024; default: 48)\n"
    "  --operations COUNT      of each rank that issues (default: 20000)\n"
    "  --rounds COUNT          every manner has its turn in each round; medians are printed (1..99; default: 3)\n"
    "  --manner NAME           plain: one MPI message each; packed: several in one; transport: chord-kv's; waiting: plain\n"
    "                          ones with other ways to wait, too, some of them\n"
    "                          very slow: take few --operations. May be repeated (default: plain, packed, transport)\n"
    "  --blocking              also receive in MPI_Recv; for mpirun with --mca mpi_yield_when_idle 1 alone\n"
    "  --json                  print one JSON record a manner instead of the table\n"
    "  --double-answers        negative control: every rank sends one answer twice, which must be noticed\n"
    "  --help                  print this text\n";

struct manner {
    char name[64];
    bool is_transport;
    struct carrier_manner plain;
    double per_second[ROUNDS_MAX];
    double messages; /* an operation, between ranks */
    double mpi_messages;
};

struct settings {
    struct traffic_load load;
    int rounds;
    bool plain, packed, transport, waiting, blocking, json;
    bool owns_cores; /* no rank shares its core: spinning may be the best */
};

static struct traffic traffic; /* too large for the stack */

_Noreturn static void refuse(int rank, const char *text) {
    if (rank == 0) {
        fprintf(stderr, "chordkv-limit: %s; --help explains the options\n", text);
    }
    MPI_Finalize();
    exit(2);
}

static uint64_t number(int rank, const char *option, uint64_t least, uint64_t most) {
    char *end;
    const unsigned long long value = strtoull(optarg, &end, 10);
    if (*optarg < '0' || *optarg > '9' || *end != '\0' || value < least || value > most) {
        char text[200];
        snprintf(text, sizeof text, "--%s takes a whole number from %llu to %llu, not '%.50s'", option,
                 (unsigned long long)least, (unsigned long long)most, optarg);
        refuse(rank, text);
    }
    return value;
}

static void add_manner_option(int rank, struct settings *settings) {
    bool *const flags[] = {&settings->plain, &settings->packed, &settings->transport, &settings->waiting};
    static const char *const names[] = {"plain", "packed", "transport", "waiting"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(optarg, names[i]) == 0) {
            *flags[i] = true;
            return;
        }
    }
    refuse(rank, "--manner takes plain, packed, transport or waiting");
}

static struct settings read_options(int rank, int count, char **arguments) {
    static const struct option options[] = {
        {"mode", required_argument, NULL, 'm'},          {"window", required_argument, NULL, 'w'},
        {"hops", required_argument, NULL, 'h'},          {"request-bytes", required_argument, NULL, 'q'},
        {"answer-bytes", required_argument, NULL, 'a'},  {"operations", required_argument, NULL, 'o'},
        {"rounds", required_argument, NULL, 'r'},        {"manner", required_argument, NULL, 'c'},
        {"blocking", no_argument, NULL, 'b'},            {"json", no_argument, NULL, 'j'},
        {"double-answers", no_argument, NULL, 'd'},      {"help", no_argument, NULL, '?' + 1},
        {NULL, 0, NULL, 0}};
    struct settings settings = {
        .load = {.window = 1, .hops = 2.2, .request_bytes = 82, .answer_bytes = 48, .quota = 20000}, .rounds = 3};
    char *end;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'm':
            settings.load.serial = strcmp(optarg, "serial") == 0;
            if (!settings.load.serial && strcmp(optarg, "parallel") != 0) {
                refuse(rank, "--mode takes parallel or serial");
            }
            break;
        case 'w':
            settings.load.window = (uint32_t)number(rank, "window", 1, TRAFFIC_WINDOW_MAX);
            break;
        case 'h':
            settings.load.hops = strtod(optarg, &end);
            if (end == optarg || *end != '\0' || !(settings.load.hops >= 0 && settings.load.hops <= 100)) {
                refuse(rank, "--hops takes a number from 0 to 100");
            }
            break;
        case 'q':
            settings.load.request_bytes = (uint32_t)number(rank, "request-bytes", TRAFFIC_MESSAGE_MIN, TRAFFIC_MESSAGE_MAX);
            break;
        case 'a':
            settings.load.answer_bytes = (uint32_t)number(rank, "answer-bytes", TRAFFIC_MESSAGE_MIN, TRAFFIC_MESSAGE_MAX);
            break;
        case 'o':
            settings.load.quota = number(rank, "operations", 1, UINT32_MAX);
            break;
        case 'r':
            settings.rounds = (int)number(rank, "rounds", 1, ROUNDS_MAX);
            break;
        case 'c':
            add_manner_option(rank, &settings);
            break;
        case 'b':
            settings.blocking = true;
            break;
        case 'j':
            settings.json = true;
            break;
        case 'd':
            settings.load.doubles = true;
            break;
        case '?' + 1:
            if (rank == 0) {
                fputs(help, stdout);
            }
            MPI_Finalize();
            exit(0);
        default:
            refuse(rank, "an option is unknown or lacks its value");
        }
    }
    if (optind < count) {
        refuse(rank, "it takes no arguments without an option");
    }
    if (!settings.plain && !settings.packed && !settings.transport && !settings.waiting && !settings.blocking) {
        settings.plain = settings.packed = settings.transport = true;
    }
    return settings;
}

/* --- the manners --- */

static void add_plain(struct manner *manners, int *count, enum carrier_receive receive, enum carrier_wait wait, uint32_t looks,
                      bool coalesces) {
    struct manner *manner = &manners[(*count)++];
    *manner = (struct manner){.plain = {.receive = receive, .wait = wait, .looks = looks, .coalesces = coalesces}};
    if (receive == CARRIER_BLOCKING) {
        snprintf(manner->name, sizeof manner->name, "%s: blocking", coalesces ? "packed" : "plain");
    } else {
        snprintf(manner->name, sizeof manner->name, "%s: %s, %s after %u", coalesces ? "packed" : "plain",
                 carrier_receive_names[receive], carrier_wait_names[wait], looks);
    }
}

static int list_manners(const struct settings *settings, struct manner *manners) {
    int count = 0;
    for (int coalesces = 0; coalesces <= 1; coalesces++) {
        if (!(coalesces ? settings->packed : settings->plain || settings->waiting)) {
            continue;
        }
        add_plain(manners, &count, CARRIER_POSTED, CARRIER_YIELD, 1, coalesces);
        add_plain(manners, &count, CARRIER_PROBE, CARRIER_YIELD, 2, coalesces);
        add_plain(manners, &count, CARRIER_TESTSOME, CARRIER_YIELD, 2, coalesces);
        if (settings->owns_cores || settings->waiting) {
            add_plain(manners, &count, CARRIER_POSTED, CARRIER_SPIN, 1, coalesces);
        }
    }
    if (settings->waiting) {
        add_plain(manners, &count, CARRIER_POSTED, CARRIER_YIELD, 2, false);
        add_plain(manners, &count, CARRIER_POSTED, CARRIER_YIELD, 16, false);
        add_plain(manners, &count, CARRIER_PROBE, CARRIER_YIELD, 1, false);
        add_plain(manners, &count, CARRIER_TESTSOME, CARRIER_YIELD, 1, false);
        add_plain(manners, &count, CARRIER_POSTED, CARRIER_SLEEP, 1, false);
    }
    if (settings->blocking) {
        add_plain(manners, &count, CARRIER_BLOCKING, CARRIER_YIELD, 1, false);
    }
    if (settings->transport) {
        manners[count] = (struct manner){.is_transport = true};
        snprintf(manners[count++].name, sizeof manners->name, "transport");
    }
    return count;
}

/* --- measuring --- */

/* Collective. Returns the number of wrong answers of all ranks. */
static uint64_t measure(struct manner *manner, const struct settings *settings, int round) {
    MPI_Comm comm;
    int rank = 0;
    int rank_count = 0;
    TRANSPORT_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &comm));
    TRANSPORT_MPI(MPI_Comm_rank(comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(comm, &rank_count));
    struct traffic_load load = settings->load;
    load.seed = (uint64_t)round;
    const struct carrier_result result = manner->is_transport
                                             ? carrier_run_transport(&traffic, &load, comm)
                                             : carrier_run_plain(&manner->plain, &traffic, &load, comm);
    const uint64_t mine[4] = {result.mpi_messages, traffic.messages, traffic.wrong, traffic.answered};
    uint64_t all[4] = {0};
    TRANSPORT_MPI(MPI_Allreduce(mine, all, 4, MPI_UINT64_T, MPI_SUM, comm));
    TRANSPORT_MPI(MPI_Comm_free(&comm));
    manner->per_second[round] = (double)all[3] * 1e9 / (double)result.elapsed_ns;
    manner->mpi_messages = (double)all[0] / (double)all[3];
    manner->messages = (double)all[1] / (double)all[3];
    return all[2] + (all[3] != settings->load.quota * (settings->load.serial ? 1 : (uint64_t)rank_count));
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count) {
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    return sorted[count / 2];
}

static void print_json(const struct settings *settings, int rank_count, const struct manner *manner) {
    printf("{\"program\": \"chordkv-limit\", \"manner\": \"%s\", \"mode\": \"%s\", \"rank_count\": %d, \"window\": %u, "
           "\"hops\": %g, \"request_bytes\": %u, \"answer_bytes\": %u, \"throughput_per_second\": %.1f, "
           "\"messages_per_operation\": %.3f, \"mpi_messages_per_operation\": %.3f, \"rounds\": [",
           manner->name, settings->load.serial ? "serial" : "parallel", rank_count, settings->load.window,
           settings->load.hops, settings->load.request_bytes, settings->load.answer_bytes,
           median(manner->per_second, settings->rounds), manner->messages, manner->mpi_messages);
    for (int round = 0; round < settings->rounds; round++) {
        printf("%s%.1f", round == 0 ? "" : ", ", manner->per_second[round]);
    }
    printf("]}\n");
}

/* The ratio is to the best manner of plain MPI that sends each message by itself, if there is one. */
static void print(const struct settings *settings, int rank_count, const struct manner *manners, int count) {
    double best = 0;
    for (int i = 0; i < count; i++) {
        const double value = median(manners[i].per_second, settings->rounds);
        best = !manners[i].is_transport && !manners[i].plain.coalesces && value > best ? value : best;
    }
    if (!settings->json) {
        printf("%d ranks, %s, window %u, %g hops: operations a second, medians of %d rounds\n\n%-34s %12s %8s %10s %10s\n",
               rank_count, settings->load.serial ? "serial" : "parallel", settings->load.window, settings->load.hops,
               settings->rounds, "manner", "a second", "ratio", "messages", "in MPI");
    }
    for (int i = 0; i < count; i++) {
        if (settings->json) {
            print_json(settings, rank_count, &manners[i]);
            continue;
        }
        const double value = median(manners[i].per_second, settings->rounds);
        printf("%-34s %12.0f %8.2f %10.2f %10.2f\n", manners[i].name, value, best > 0 ? value / best : 0.0,
               manners[i].messages, manners[i].mpi_messages);
    }
}

int main(int count, char **arguments) {
    bool blocks = false;
    for (int i = 1; i < count; i++) {
        blocks |= strcmp(arguments[i], "--blocking") == 0;
    }
    if (!blocks) { /* else MPI itself has to give up the core */
        transport_prepare_environment();
    }
    TRANSPORT_MPI(MPI_Init(&count, &arguments));
    int rank = 0;
    int rank_count = 0;
    TRANSPORT_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
    TRANSPORT_MPI(MPI_Comm_size(MPI_COMM_WORLD, &rank_count));
    struct settings settings = read_options(rank, count, arguments);
    struct topology topology;
    topology_discover(MPI_COMM_WORLD, &topology);
    settings.owns_cores = topology.waiting == TRANSPORT_SPIN;
    if (rank_count < 2) {
        refuse(rank, "it takes at least two ranks: mpirun -n 2 chordkv-limit");
    }
    static struct manner manners[MANNERS_MAX];
    const int manner_count = list_manners(&settings, manners);
    uint64_t wrong = 0;
    for (int round = 0; round < settings.rounds; round++) {
        for (int i = 0; i < manner_count && wrong == 0; i++) {
            wrong = measure(&manners[i], &settings, round);
        }
    }
    if (rank == 0 && wrong == 0) {
        print(&settings, rank_count, manners, manner_count);
    } else if (rank == 0) {
        fprintf(stderr, "chordkv-limit: %llu answers are wrong, or came twice: no figures\n", (unsigned long long)wrong);
    }
    MPI_Finalize();
    return wrong == 0 ? 0 : 3;
}
