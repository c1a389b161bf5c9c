/* The table itself. The order is that of the help and of the dump. */
#include "app/options/table.h"

#include "chord/base/id.h"
#include "chord/ring/cache.h"
#include "chord/wire/limits.h"

#include <stdio.h>
#include <string.h>

/* The positions are the values of the enums in options.h and chord/wire/operation.h. */
static const char *const phase_types[] = {
    [OPTIONS_PHASE_INSERT] = "insert",
    [OPTIONS_PHASE_QUERY] = "query",
    [OPTIONS_PHASE_DELETE] = "delete",
    [OPTIONS_PHASE_MIX] = "mix",
    NULL,
};
static const char *const modes[] = {
    [OPTIONS_MODE_SERIAL] = "serial",
    [OPTIONS_MODE_PARALLEL] = "parallel",
    NULL,
};
static const char *const consistencies[] = {
    [CHORD_LINEARIZABLE] = "linearizable",
    [CHORD_EVENTUAL] = "eventual",
    NULL,
};
static const char *const routings[] = {
    [CHORD_ROUTING_FINGER] = "finger",
    [CHORD_ROUTING_RING] = "ring",
    [CHORD_ROUTING_ONEHOP] = "onehop",
    NULL,
};
static const char *const waitings[] = {
    [OPTIONS_WAITING_AUTO] = "auto",
    [OPTIONS_WAITING_SPIN] = "spin",
    [OPTIONS_WAITING_YIELD] = "yield",
    NULL,
};
static const char *const whens[] = {
    [OPTIONS_WHEN_AUTO] = "auto",
    [OPTIONS_WHEN_ALWAYS] = "always",
    [OPTIONS_WHEN_NEVER] = "never",
    NULL,
};
static const char *const forgeries[] = {
    [OPTIONS_FORGE_NONE] = "none",
    [OPTIONS_FORGE_ANSWER] = "answer",
    [OPTIONS_FORGE_LOSE] = "lose",
    [OPTIONS_FORGE_STALE] = "stale",
    NULL,
};

static const char *const workloads[] = {
    [MIX_WORKLOAD_A] = "a", [MIX_WORKLOAD_B] = "b", [MIX_WORKLOAD_C] = "c",
    [MIX_WORKLOAD_D] = "d", [MIX_WORKLOAD_F] = "f", NULL,
};
static const char *const distributions[] = {
    [DISTRIBUTION_UNIFORM] = "uniform",
    [DISTRIBUTION_ZIPFIAN] = "zipfian",
    [DISTRIBUTION_SCRAMBLED] = "scrambled",
    [DISTRIBUTION_LATEST] = "latest",
    NULL,
};

/* Choices are stored as unsigned through the offset of an enum field. */
_Static_assert(sizeof(enum options_mode) == sizeof(unsigned), "enums are stored as unsigned");

#define FIELD(field) .offset = offsetof(struct options, field)
#define RUN (1u << OPTIONS_COMMAND_RUN)
#define SHELL (1u << OPTIONS_COMMAND_SHELL)
#define BENCH (1u << OPTIONS_COMMAND_BENCH)
#define EVERY (RUN | SHELL | BENCH)

const struct options_rule options_rules[] = {
    {
        .group = "Workload",
        .name = "phase",
        .kind = OPTIONS_KIND_PHASE,
        FIELD(phases),
        .argument = "TYPE=FILE",
        .choices = phase_types,
        .help = "A phase: the operations of one workload file. Repeat it: phases run in the order given, at "
                "least "
                "one and at most 64. TYPE is insert (lines key,value), query or delete (key) or mix "
                "(op,key[,value]); workloads/FORMAT.md describes the files.",
        .commands = RUN,
    },
    {
        .group = "Workload",
        .name = "mode",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(mode),
        .choices = modes,
        .fallback = "serial",
        .help =
            "serial: rank 0 issues one operation at a time, each entering at a random node. parallel: every "
            "line goes to a random node, whose client runs its own list in order.",
        .commands = RUN,
    },
    {
        .group = "Workload",
        .name = "workload",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(workload),
        .choices = workloads,
        .fallback = "a",
        .help = "YCSB's core workload. a: 50 % reads, 50 % updates. b: 95 and 5. c: reads. d: 95 % reads of the latest "
                "records, 5 % inserts of new ones. f: 50 % reads, 50 % reads with an update of what was read. e scans "
                "ranges of keys; a hashed ring has none.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "read",
        .kind = OPTIONS_KIND_U32,
        FIELD(read_percent),
        .argument = "PERCENT",
        .minimum = 0,
        .maximum = 100,
        .help = "Share of reads, instead of a workload's name: the rest but --delete are updates. 50 by default beside "
                "--delete, or what it leaves.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "delete",
        .kind = OPTIONS_KIND_U32,
        FIELD(delete_percent),
        .argument = "PERCENT",
        .minimum = 0,
        .maximum = 100,
        .help = "Share of deletes, likewise; later updates bring records back. 0 by default.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "distribution",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(distribution),
        .choices = distributions,
        .help = "Which record an operation is for; every rank draws from all of them. uniform. zipfian: record 0 is the "
                "hottest (theta 0.99). scrambled: what YCSB calls zipfian, drawn from 10^10 items and hashed. latest: "
                "the newest records are the hottest. By default the workload's own: latest for d, else scrambled.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "records",
        .kind = OPTIONS_KIND_U64,
        FIELD(records),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = UINT64_C(1000000000000),
        .fallback = "1000",
        .help = "Records that are inserted first, by all ranks together, in a phase of their own.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "operations",
        .kind = OPTIONS_KIND_U64,
        FIELD(operations),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = UINT64_C(1000000000000),
        .help = "Operations that are measured, of all ranks together; one that reads and then updates is one. 10000 by "
                "default, or with --time as many as there is time for.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "time",
        .kind = OPTIONS_KIND_TIME,
        FIELD(time_ns),
        .argument = "TIME",
        .minimum = 1000000,
        .maximum = UINT64_C(86400000000000),
        .help = "No operation is begun later than so long after the start of what is measured. Every operation takes 64 bytes "
                "of its rank's memory until it is judged (--history-limit).",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "rate",
        .kind = OPTIONS_KIND_U64,
        FIELD(rate),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = UINT64_C(1000000000),
        .help = "Open loop: so many operations a second of all ranks together are due, at even intervals, whether earlier "
                "ones are answered or not. While --window is full, they wait; latency is told from the issue and from when "
                "they were due. Otherwise each client issues the next one as soon as the window has room.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "key-size",
        .kind = OPTIONS_KIND_U32,
        FIELD(key_size),
        .argument = "BYTES",
        .minimum = 8,
        .maximum = CHORD_KEY_SIZE_MAX,
        .fallback = "24",
        .help = "Size of every key.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "value-size",
        .kind = OPTIONS_KIND_U32,
        FIELD(value_size),
        .argument = "BYTES",
        .minimum = 0,
        .maximum = CHORD_VALUE_SIZE_MAX,
        .fallback = "1000",
        .help = "Size of every value; YCSB's records have 10 fields of 100 bytes. Below 16 two writes may be of one value.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "warmup",
        .kind = OPTIONS_KIND_WARMUP,
        FIELD(warmup_operations),
        .argument = "AMOUNT",
        .minimum = 1000000,
        .maximum = UINT64_C(1000000000000),
        .fallback = "0",
        .help = "Operations (10000) or time (2s) of the same workload between the records and what is measured: judged, "
                "and told nowhere.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "repetitions",
        .kind = OPTIONS_KIND_U32,
        FIELD(repetitions),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = 10000,
        .fallback = "1",
        .help = "How often what is measured is run on the same records, each time as a record of its own.",
        .commands = BENCH,
    },
    {
        .group = "Workload",
        .name = "window",
        .kind = OPTIONS_KIND_U32,
        FIELD(window),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = 4096,
        .fallback = "1",
        .help = "Operations that each client keeps under way. Above 1 is for parallel runs: --mode parallel, bench or the "
                "shell's fileparallel.",
        .commands = EVERY,
    },
    {
        .group = "Workload",
        .name = "via",
        .kind = OPTIONS_KIND_U32,
        FIELD(via),
        .argument = "RANK",
        .minimum = 0,
        .maximum = 999999,
        .help = "The rank that every operation of a serial run enters at (with virtual nodes: at a random one "
                "of its nodes), instead of a random one.",
        .commands = RUN,
    },
    {
        .group = "Workload",
        .name = "seed",
        .kind = OPTIONS_KIND_U64,
        FIELD(seed),
        .argument = "NUMBER",
        .minimum = 0,
        .maximum = UINT64_MAX,
        .fallback = "1",
        .help = "Fixes every random choice, so that a run can be repeated.",
        .commands = EVERY,
    },
    {
        .group = "Workload",
        .name = "repetitions",
        .kind = OPTIONS_KIND_U32,
        FIELD(repetitions),
        .argument = "COUNT",
        .minimum = 1,
        .maximum = 10000,
        .fallback = "1",
        .help = "How often all phases are run, each time on an empty ring and as a record of its own.",
        .commands = RUN,
    },
    {
        .group = "Workload",
        .name = "warmup",
        .kind = OPTIONS_KIND_U32,
        FIELD(warmup),
        .argument = "COUNT",
        .minimum = 0,
        .maximum = 1000,
        .fallback = "0",
        .help = "Repetitions before those that are measured.",
        .commands = RUN,
    },
    {
        .group = "Shell",
        .name = "script",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(script),
        .argument = "FILE",
        .help = "Read the commands from this file instead of standard input. Rank 0 reads it.",
        .commands = SHELL,
    },
    {
        .group = "Shell",
        .name = "json",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(json),
        .help = "Answer in JSON Lines: one object an answer, errors included. No prompt.",
        .commands = SHELL,
    },
    {
        .group = "Shell",
        .name = "prompt",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(prompt),
        .choices = whens,
        .fallback = "auto",
        .help = "A prompt before each command. auto: only where jobs/launch.sh finds that both input and output are "
                "terminals. always: elsewhere, too, and each command is repeated after it, so that the output is a "
                "transcript.",
        .commands = SHELL,
    },
    {
        .group = "Ring",
        .name = "replicas",
        .kind = OPTIONS_KIND_U32,
        FIELD(replicas),
        .argument = "K",
        .minimum = 1,
        .maximum = 1000000,
        .fallback = "1",
        .help = "Copies of every key, on as many ranks. More than there are ranks means all.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "virtual-nodes",
        .kind = OPTIONS_KIND_U32,
        FIELD(virtual_nodes),
        .argument = "V",
        .minimum = 1,
        .maximum = OPTIONS_VIRTUAL_NODES_MAX,
        .fallback = "1",
        .help = "Chord nodes that each rank hosts, with ids of their own: more of them spread the keys more "
                "evenly over the ranks. Copies are still on different ranks.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "consistency",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(consistency),
        .choices = consistencies,
        .fallback = "linearizable",
        .help = "linearizable: chain replication, reads pass through the whole chain. eventual: the owner "
                "answers "
                "at once and the other copies follow; stale reads are counted.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "routing",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(routing),
        .choices = routings,
        .fallback = "finger",
        .help =
            "finger: Chord's finger tables, O(log N) hops. ring: along successors only. onehop: every node "
            "knows every other.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "successors",
        .kind = OPTIONS_KIND_U32,
        FIELD(successors),
        .argument = "R",
        .minimum = 1,
        .maximum = 64,
        .fallback = "4",
        .help = "Length of each node's successor list.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "route-successors",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(route_successors),
        .help = "Route by the whole successor list as well as by fingers. Needs --routing finger.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "cache",
        .kind = OPTIONS_KIND_U32,
        FIELD(cache),
        .argument = "N",
        .minimum = 0,
        .maximum = CHORD_CACHE_ENTRIES_MAX,
        .fallback = "0",
        .help = "Each rank remembers the last N owners that answers to its client came from, and sends what enters at its "
                "nodes straight to them. A stale entry costs a forward, never an answer. In serial runs the client is "
                "rank 0's: see --via 0. Needs --routing finger. 0: off.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "id-bits",
        .kind = OPTIONS_KIND_U32,
        FIELD(id_bits),
        .argument = "BITS",
        .minimum = 1,
        .maximum = CHORD_ID_BITS_MAX,
        .fallback = "160",
        .help = "Size of the ring: ids are the leading BITS bits of SHA-1.",
        .commands = EVERY,
    },
    {
        .group = "Ring",
        .name = "node-ids",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(node_ids),
        .argument = "FILE",
        .help =
            "Lines `RANK ID` (decimal or 0x...) that give every rank's node its id, to lay out a textbook's "
            "ring exactly; with --virtual-nodes V each line has V ids, those of the rank's nodes 0 to V-1. "
            "Otherwise a node's id is the hash of host:rank, or of host:rank#0 to host:rank#V-1.",
        .commands = EVERY,
    },
    {
        .group = "Membership",
        .name = "initial-nodes",
        .kind = OPTIONS_KIND_U32,
        FIELD(initial_nodes),
        .argument = "M",
        .minimum = 1,
        .maximum = 1000000,
        .help = "The nodes of ranks 0 to M-1 form the ring; the others are spares until they join. All by default.",
        .commands = EVERY,
    },
    {
        .group = "Membership",
        .name = "at",
        .kind = OPTIONS_KIND_EVENT,
        FIELD(events),
        .argument = "WHEN:WHAT:NODE",
        .help = "Something happens to the ring while operations flow; repeat it. WHEN is a time since the phase began (2s, 500ms, "
                "1.5s) or how many operations of the phase are answered (op=10000), in the last phase or in another: "
                "mix/2s, 1/op=500 (a type or a number from 1). WHAT is join, depart or crash. NODE is a rank or a node's "
                "name. A whole rank crashes, not rank 0; NODE may be followed by how: :silence (default), :kill or "
                ":pause=800ms.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Membership",
        .name = "schedule",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(schedule),
        .argument = "FILE",
        .help = "A file of such events, one WHEN:WHAT:NODE a line; blank lines and # comments are skipped.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Failures",
        .name = "suspect-after",
        .kind = OPTIONS_KIND_SUSPECT,
        FIELD(suspect),
        .argument = "TIME",
        .minimum = 1000000,
        .maximum = UINT64_C(3600000000000),
        .fallback = "auto",
        .help = "A rank that is silent for so long (or for 8 times the 99th percentile of what is usual, if that is "
                "longer) is taken for dead: the others go on without it, from their copies. auto: 200 ms for each rank "
                "that shares a core, at least 200 ms. never, or 0: a rank that dies ends the run.",
        .commands = EVERY,
    },
    {
        .group = "Failures",
        .name = "allow-data-loss",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(allow_data_loss),
        .help = "Leave a dead node out even if it alone holds an arc. Otherwise that arc waits for it. A run that lost "
                "data names the arcs and ends with status 4.",
        .commands = EVERY,
    },
    {
        .group = "Failures",
        .name = "history-limit",
        .kind = OPTIONS_KIND_U64,
        FIELD(history_limit),
        .argument = "COUNT",
        .minimum = 0,
        .maximum = 1000000000,
        .fallback = "50000",
        .help = "Operations that a rank may issue before the timer stops, the answers of all ranks are judged and forgotten, and "
                "the timer goes on: so histories take bounded memory, about 115 bytes an operation. 0: a phase is judged "
                "once, at its end; so are eventual rings unless this is given, since of old values that are read later only the "
                "last one of a segment can be compared.",
        .commands = EVERY,
    },
    {
        .group = "Failures",
        .name = "history-dir",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(history_dir),
        .argument = "DIR",
        .help = "Where each rank keeps its history of operations in a file that outlives the rank, so that what a dead "
                "one did is judged, too: in runs with crashes, in the shell, and wherever this option is given. $TMPDIR "
                "or /tmp by default; local to each host.",
        .commands = EVERY,
    },
    {
        .group = "Messages",
        .name = "pool",
        .kind = OPTIONS_KIND_POOL,
        FIELD(pool),
        .argument = "SIZE",
        .minimum = 4096,
        .maximum = UINT64_C(1) << 40,
        .fallback = "auto",
        .help =
            "Memory for messages in flight on each rank: a size such as 65536, 64KiB, 16MiB or 1GiB, min for "
            "the least that works, or auto.",
        .commands = EVERY,
    },
    {
        .group = "Messages",
        .name = "frame-bytes",
        .kind = OPTIONS_KIND_U32,
        FIELD(frame_bytes),
        .argument = "BYTES",
        .minimum = 256,
        .maximum = 4000,
        .fallback = "4000",
        .help = "Longest MPI message; it must stay below the eager limit of the MPI library.",
        .commands = EVERY,
    },
    {
        .group = "Messages",
        .name = "waiting",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(waiting),
        .choices = waitings,
        .fallback = "auto",
        .help =
            "What a rank does when it has nothing to do: spin if it has a core of its own, else yield. auto "
            "asks hwloc which it is.",
        .commands = EVERY,
    },
    {
        .group = "Messages",
        .name = "timeout",
        .kind = OPTIONS_KIND_U32,
        FIELD(timeout_seconds),
        .argument = "SECONDS",
        .minimum = 1,
        .maximum = 86400,
        .fallback = "60",
        .help =
            "A run without progress for so long is ended with status 5, saying what each rank waited for.",
        .commands = EVERY,
    },
    {
        .group = "Output",
        .name = "report",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(report),
        .argument = "FILE",
        .help = "Write the report here as JSON Lines, one record a run; an older file is replaced.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Output",
        .name = "ycsb",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(ycsb),
        .help = "Print the lines that YCSB prints, too, such as [OVERALL], Throughput(ops/sec), 1234.5; none if an answer was "
                "wrong.",
        .commands = BENCH,
    },
    {
        .group = "Output",
        .name = "history",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(history),
        .argument = "FILE",
        .help = "Write every operation here as it was asked for and answered, one JSON object a line, for chordkv-check "
                "and other checkers; an older file is replaced.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Output",
        .name = "dump",
        .kind = OPTIONS_KIND_TEXT,
        FIELD(dump),
        .argument = "FILE",
        .help = "Write every node's routing table here as JSON.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Output",
        .name = "print-bound",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(print_bound),
        .help = "Print the computed worst case of the memory that messages take.",
        .commands = EVERY,
    },
    {
        .group = "Output",
        .name = "progress",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(progress),
        .choices = whens,
        .fallback = "auto",
        .help = "A line of progress on standard error. auto: only where jobs/launch.sh finds a terminal.",
        .commands = EVERY,
    },
    {
        .group = "Output",
        .name = "color",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(color),
        .choices = whens,
        .fallback = "auto",
        .help = "Colour in the tables. auto: only where jobs/launch.sh finds a terminal.",
        .commands = EVERY,
    },
    {
        .group = "Output",
        .name = "quiet",
        .kind = OPTIONS_KIND_FLAG,
        FIELD(quiet),
        .help = "Print no tables; errors and a wrong verdict are still told.",
        .commands = RUN | BENCH,
    },
    {
        .group = "Tests",
        .name = "forge",
        .kind = OPTIONS_KIND_CHOICE,
        FIELD(forge),
        .choices = forgeries,
        .fallback = "none",
        .help =
            "A negative control: falsify an answer, lose a copy or answer with a stale value on purpose. The "
            "verdict must find it.",
        .commands = EVERY,
        .hidden = true,
    },
    {
        .group = "Help",
        .name = "help",
        .kind = OPTIONS_KIND_HELP,
        .help = "Print this text (also -h).",
        .commands = EVERY,
    },
    {
        .group = "Help",
        .name = "help-all",
        .kind = OPTIONS_KIND_HELP_ALL,
        .help = "Print this text with the options that only tests use.",
        .commands = EVERY,
    },
    {
        .group = "Help",
        .name = "version",
        .kind = OPTIONS_KIND_VERSION,
        .help = "Print the version.",
        .commands = EVERY,
    },
};
const size_t options_rule_count = sizeof(options_rules) / sizeof(options_rules[0]);
_Static_assert(sizeof(options_rules) / sizeof(options_rules[0]) <= 64, "struct options has one bit for each");

const struct options_variable options_variables[] = {
    {"CHORDKV_LAUNCHED", OPTIONS_VARIABLE_FLAG, offsetof(struct options, launched), "0|1",
     "set by jobs/launch.sh, which sets the others too"},
    {"CHORDKV_RECOVERY", OPTIONS_VARIABLE_FLAG, offsetof(struct options, recovery), "0|1",
     "whether the launcher has told mpirun to go on when a rank dies"},
    {"CHORDKV_VERDICT", OPTIONS_VARIABLE_TEXT, offsetof(struct options, verdict), "PATH",
     "where the launcher awaits the verdict record"},
    {"CHORDKV_STDIN_TTY", OPTIONS_VARIABLE_TERMINAL, offsetof(struct options, stdin_terminal), "0|1",
     "whether the launcher's standard input is a terminal"},
    {"CHORDKV_STDOUT_TTY", OPTIONS_VARIABLE_TERMINAL, offsetof(struct options, stdout_terminal), "0|1",
     "the same of its standard output"},
    {"CHORDKV_STDERR_TTY", OPTIONS_VARIABLE_TERMINAL, offsetof(struct options, stderr_terminal), "0|1",
     "the same of its standard error"},
};
const size_t options_variable_count = sizeof(options_variables) / sizeof(options_variables[0]);

const struct options_command_rule options_commands[OPTIONS_COMMAND_COUNT] = {
    [OPTIONS_COMMAND_RUN] =
        {
            .name = "run",
            .summary = "run workload files on a Chord ring, one node a rank, measure, and judge every answer",
            .usage = "jobs/launch.sh [-n N] chordkv run --phase TYPE=FILE [--phase TYPE=FILE]... [OPTIONS]\n"
                     "   or: mpirun -n N chordkv run --phase TYPE=FILE... [OPTIONS]\n",
            .examples = "  Ten ranks, three files, one operation at a time:\n"
                        "    jobs/launch.sh -n 10 chordkv run --phase insert=workloads/insert.csv \\\n"
                        "        --phase query=workloads/query.csv --phase mix=workloads/mix.csv\n"
                        "  The same from every node at once, three copies of each key, with a report:\n"
                        "    jobs/launch.sh -n 10 chordkv run --mode parallel --window 16 --replicas 3 \\\n"
                        "        --phase insert=workloads/insert.csv --phase mix=workloads/mix.csv \\\n"
                        "        --report results/parallel.jsonl\n"
                        "  Along successors only, every operation entering at rank 2:\n"
                        "    jobs/launch.sh -n 8 chordkv run --routing ring --via 2 \\\n"
                        "        --phase insert=workloads/insert.csv --phase query=workloads/query.csv\n"
                        "  Eight nodes, a ninth joins and rank 2 departs during the mix:\n"
                        "    jobs/launch.sh -n 9 chordkv run --initial-nodes 8 --replicas 3 --mode parallel \\\n"
                        "        --phase insert=workloads/insert.csv --phase mix=workloads/mix.csv \\\n"
                        "        --at op=100:join:8 --at mix/op=300:depart:2\n"
                        "  Rank 3 falls silent after 200 answers; its data is on two other ranks:\n"
                        "    jobs/launch.sh -n 10 chordkv run --replicas 3 --mode parallel \\\n"
                        "        --phase insert=workloads/insert.csv --phase mix=workloads/mix.csv \\\n"
                        "        --at op=200:crash:3\n",
        },
    [OPTIONS_COMMAND_SHELL] =
        {
            .name = "shell",
            .summary = "a ring to talk to: insert, query, delete, overlay, info, route, files and more",
            .usage = "jobs/launch.sh [-n N] chordkv shell [--script FILE] [OPTIONS]\n"
                     "   or: mpirun -n N chordkv shell [--script FILE] [OPTIONS]\n",
            .examples = "  Ten ranks, three copies of each key; \"help\" lists the commands:\n"
                        "    jobs/launch.sh -n 10 chordkv shell --replicas 3\n"
                        "  Commands from a file, answers for a program:\n"
                        "    jobs/launch.sh -n 10 chordkv shell --script commands.txt --json\n",
        },
    [OPTIONS_COMMAND_BENCH] =
        {
            .name = "bench",
            .summary = "measure a ring with generated operations, YCSB's workloads among them, and judge every answer",
            .usage = "jobs/launch.sh [-n N] chordkv bench [--workload NAME] [--records COUNT] [--operations COUNT] [OPTIONS]\n"
                     "   or: mpirun -n N chordkv bench [OPTIONS]\n"
                     "\nThe records are inserted (a phase of its own), then the warm-up's operations are run, then the measured\n"
                     "ones, on every rank at once. Keys and values are made on each rank from the seed.\n",
            .examples = "  YCSB's workload b on three copies of each record, 16 operations under way a rank:\n"
                        "    jobs/launch.sh -n 10 chordkv bench --workload b --records 100000 --operations 1000000 \\\n"
                        "        --replicas 3 --window 16 --warmup 100000 --repetitions 5 --report results/b.jsonl\n"
                        "  20,000 operations a second for ten seconds, and the latency as a waiting user would see it:\n"
                        "    jobs/launch.sh -n 10 chordkv bench --rate 20000 --time 10s --window 64 --ycsb\n"
                        "  Reads, updates and deletes of any record alike:\n"
                        "    jobs/launch.sh -n 4 chordkv bench --read 80 --delete 5 --distribution uniform\n",
        },
};

/* A power of two of bytes in its largest unit. */
static void size_text(uint64_t bytes, char *text, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, size, "%llu%s", (unsigned long long)bytes, units[unit]);
}

void options_rule_range(const struct options_rule *rule, char *text, size_t size) {
    text[0] = '\0';
    if (rule->kind == OPTIONS_KIND_U32 || rule->kind == OPTIONS_KIND_U64) {
        (void)snprintf(text, size, "%llu to %llu", (unsigned long long)rule->minimum,
                       (unsigned long long)rule->maximum);
    } else if (rule->kind == OPTIONS_KIND_TIME) {
        (void)snprintf(text, size, "%llums to %llus", (unsigned long long)rule->minimum / 1000000,
                       (unsigned long long)rule->maximum / 1000000000);
    } else if (rule->kind == OPTIONS_KIND_WARMUP) {
        (void)snprintf(text, size, "a count up to %llu, or 1ms to 86400s", (unsigned long long)rule->maximum);
    } else if (rule->kind == OPTIONS_KIND_SUSPECT) {
        (void)snprintf(text, size, "%llums to %llus, auto or never", (unsigned long long)rule->minimum / 1000000,
                       (unsigned long long)rule->maximum / 1000000000);
    } else if (rule->kind == OPTIONS_KIND_POOL) {
        char least[OPTIONS_VALUE_SIZE], most[OPTIONS_VALUE_SIZE];
        size_text(rule->minimum, least, sizeof least);
        size_text(rule->maximum, most, sizeof most);
        (void)snprintf(text, size, "%s to %s, auto or min", least, most);
    }
    size_t used = strlen(text);
    for (unsigned i = 0; rule->choices != NULL && rule->choices[i] != NULL && used < size; i++) {
        const char *joint = i == 0 ? "" : rule->choices[i + 1] == NULL ? " or " : ", ";
        const int added = snprintf(text + used, size - used, "%s%s", joint, rule->choices[i]);
        used += added < 0 ? 0 : (size_t)added;
    }
}

void options_rule_limits(const struct options_rule *rule, char text[OPTIONS_LIMITS_SIZE]) {
    char range[OPTIONS_LIMITS_SIZE / 2] = "";
    if (rule->kind != OPTIONS_KIND_PHASE) { /* its help says it */
        options_rule_range(rule, range, sizeof range);
    }
    const bool has_fallback = rule->fallback != NULL;
    (void)snprintf(text, OPTIONS_LIMITS_SIZE, "%s%s%s%s", range, range[0] != '\0' && has_fallback ? "; " : "",
                   has_fallback ? "default " : "", has_fallback ? rule->fallback : "");
}
