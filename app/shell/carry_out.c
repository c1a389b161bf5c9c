/* The commands, one function each. */
#include "app/shell/session.h"

#include "app/report/record.h"
#include "app/report/table.h"
#include "chord/base/check.h"
#include "chord/hash/hash.h"

#include <stdlib.h>
#include <string.h>

/* A session is judged after so many operations or bytes of theirs: what is kept for it stays bounded. */
#define SEGMENT_OPERATIONS_MAX 20000u
#define SEGMENT_BYTES_MAX (64u * 1024u * 1024u)
/* Streams of the seeded generator for files, apart from those that a run takes. */
#define STREAM_FILES (UINT64_C(1) << 41)

static bool do_operation(struct shell *shell, const struct command *command) {
    char error[COMMAND_ERROR_SIZE];
    struct chord_address entry;
    if (!ask_entry(&shell->ask, &command->node, &entry, error)) {
        return session_fail(shell, error);
    }
    const struct workload_line line = {.kind = command->kind == SHELL_INSERT  ? CHORD_INSERT
                                               : command->kind == SHELL_QUERY ? CHORD_QUERY
                                                                              : CHORD_DELETE,
                                       .key = (const char *)command->key.bytes,
                                       .key_size = (uint32_t)command->key.size,
                                       .value = (const char *)command->value.bytes,
                                       .value_size = (uint32_t)command->value.size};
    unsigned char *bytes = malloc(LOADER_HEAD_SIZE + command->key.size + command->value.size);
    if (bytes == NULL) {
        return session_fail(shell, "out of memory");
    }
    const size_t size = loader_encode(&line, entry, bytes);
    const bool answered = ask_rank(&shell->ask, "an operation is under way", 0, COMMAND_ONE, bytes, size);
    free(bytes);
    if (!answered) {
        return session_stuck(shell);
    }
    struct control_answer answer;
    const unsigned char *value = ask_take(&shell->ask, &answer, sizeof answer);
    const bool found = answer.outcome == CHORD_FOUND;
    const unsigned id_bits = shell->setup->config->id_bits;
    const struct answers_operation told = {
        .kind = (enum chord_operation_kind)answer.kind,
        .outcome = (enum chord_outcome)answer.outcome,
        .key = command->key.bytes,
        .key_size = command->key.size,
        .value = found ? value : command->value.bytes,
        .value_size = found ? answer.value_size : command->value.size,
        .node = ask_name_at(&shell->ask, answer.answered_by),
        .owner = ask_owner(&shell->ask, chord_hash_id(command->key.bytes, command->key.size, id_bits)),
        .owner_hops = answer.owner_hops,
        .latency_ns = answer.latency_ns,
        .version = answer.version};
    answers_operation(&shell->answers, &told);
    shell->segment_operations++;
    shell->segment_bytes += size;
    return (shell->segment_operations < SEGMENT_OPERATIONS_MAX && shell->segment_bytes < SEGMENT_BYTES_MAX) ||
           session_judge(shell);
}

/* Prints the pairs of one reply. Returns whether there are more. */
static bool print_pairs(struct shell *shell, const struct answers_node *node, uint64_t *pair_count) {
    struct control_pairs pairs;
    const unsigned char *at = ask_take(&shell->ask, &pairs, sizeof pairs);
    for (uint32_t i = 0; i < pairs.count; i++) {
        uint32_t sizes[2];
        memcpy(sizes, at, sizeof sizes);
        at += sizeof sizes;
        answers_listing_pair(&shell->answers, node, at, sizes[0], at + sizes[0], sizes[1]);
        at += sizes[0] + sizes[1];
    }
    *pair_count += pairs.count;
    return pairs.more != 0;
}

static bool do_listing(struct shell *shell) {
    uint64_t pair_count = 0;
    const struct ring *ring = shell->ask.ring;
    for (uint32_t i = 0; i < ring->member_count; i++) {
        const struct answers_node node = ask_name(&shell->ask, ring->members[i]);
        struct control_pairs_asked asked = {.virtual_node = node.member.address.virtual_node, .begin = 1};
        answers_listing_node(&shell->answers, &node);
        do {
            if (!ask_rank(&shell->ask, "listing pairs", node.member.address.rank, COMMAND_PAIRS, &asked, sizeof asked)) {
                return session_stuck(shell);
            }
            asked.begin = 0;
        } while (print_pairs(shell, &node, &pair_count) && !ferror(stdout));
    }
    answers_listing_end(&shell->answers, pair_count, ring->member_count);
    return true;
}

/* Asks a node where it would send a request for the target. */
static bool ask_step(struct shell *shell, const char *what, struct chord_address node, struct chord_id target,
                     struct control_step *step) {
    const struct control_step_asked asked = {.virtual_node = node.virtual_node, .target = target};
    if (!ask_rank(&shell->ask, what, node.rank, COMMAND_STEP, &asked, sizeof asked)) {
        return false;
    }
    (void)ask_take(&shell->ask, step, sizeof *step);
    return true;
}

static bool do_overlay(struct shell *shell, const struct command *command) {
    char error[COMMAND_ERROR_SIZE];
    struct chord_address at;
    if (!ask_entry(&shell->ask, &command->node, &at, error)) {
        return session_fail(shell, error);
    }
    const uint32_t node_count = shell->ask.ring->node_count;
    struct answers_node *nodes = calloc(node_count, sizeof *nodes);
    if (nodes == NULL) {
        return session_fail(shell, "out of memory");
    }
    uint32_t count = 0;
    uint32_t passed_count = 0; /* spares on the way to the first member */
    bool told = true;
    bool round = false;
    while (told && !round && count + passed_count < node_count) {
        struct control_step step;
        told = ask_step(shell, "going round the ring", at, (struct chord_id){0}, &step);
        if (told && step.is_member) {
            nodes[count++] = ask_name(&shell->ask, step.self);
            at = step.successor.address;
            round = chord_address_equal(at, nodes[0].member.address);
        } else if (told && count == 0 && step.has_next) {
            passed_count++;
            at = step.next.address;
        } else {
            break;
        }
    }
    if (told && round) {
        answers_overlay(&shell->answers, nodes, count);
    }
    free(nodes);
    return !told ? session_stuck(shell) : round || session_fail(shell, "the successors don't lead back to where they began");
}

static bool do_route(struct shell *shell, const struct command *command) {
    const struct chord_config *config = shell->setup->config;
    const struct chord_id target = chord_hash_id(command->key.bytes, command->key.size, config->id_bits);
    char error[COMMAND_ERROR_SIZE];
    struct chord_address at;
    if (!ask_entry(&shell->ask, &command->node, &at, error)) {
        return session_fail(shell, error);
    }
    struct answers_node *nodes = calloc((size_t)config->hops_max + 1, sizeof *nodes);
    if (nodes == NULL) {
        return session_fail(shell, "out of memory");
    }
    struct control_step step = {0};
    size_t count = 0;
    bool told = true;
    bool goes_on = true;
    while (told && goes_on && count <= config->hops_max) {
        told = ask_step(shell, "following a route", at, target, &step);
        if (told) {
            nodes[count++] = ask_name(&shell->ask, step.self);
            goes_on = !step.owns && step.has_next;
            at = step.next.address;
        }
    }
    if (told && step.owns) {
        answers_route(&shell->answers, command->key.bytes, command->key.size, target, nodes, count);
    } else if (told) {
        snprintf(error, sizeof error, "the route ends at node %s, which doesn't own the key", nodes[count - 1].name);
    }
    free(nodes);
    return !told ? session_stuck(shell) : step.owns || session_fail(shell, error);
}

/* Names `count` members that stand encoded in a reply. */
static struct answers_node *name_members(struct shell *shell, const unsigned char **at, uint32_t count) {
    struct answers_node *nodes = calloc((size_t)count + 1, sizeof *nodes);
    chord_check(nodes != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct chord_member member;
        memcpy(&member, *at, sizeof member);
        *at += sizeof member;
        nodes[i] = ask_name(&shell->ask, member);
    }
    return nodes;
}

static bool tell_info(struct shell *shell, struct chord_address address) {
    const uint32_t virtual_node = address.virtual_node;
    if (!ask_rank(&shell->ask, "asking a node what it knows", address.rank, COMMAND_INFO, &virtual_node,
                  sizeof virtual_node)) {
        return session_stuck(shell);
    }
    struct control_info info;
    const unsigned char *at = ask_take(&shell->ask, &info, sizeof info);
    struct answers_node *successors = name_members(shell, &at, info.successor_count);
    struct answers_node *fingers = name_members(shell, &at, info.finger_count);
    struct answers_node *chain = name_members(shell, &at, info.chain_count);
    const struct answers_info told = {
        .self = ask_name(&shell->ask, info.self),
        .host = ask_host(&shell->ask, address.rank),
        .is_member = info.is_member != 0,
        .epoch = info.epoch,
        .has_contact = info.has_contact != 0,
        .contact = ask_name(&shell->ask, info.has_contact ? info.contact : info.self),
        .predecessor = ask_name(&shell->ask, info.is_member ? info.predecessor : info.self),
        .successors = successors,
        .successor_count = info.successor_count,
        .fingers = fingers,
        .finger_count = info.finger_count,
        .chain = chain,
        .chain_count = info.chain_count,
        .arc_start = info.arc_start,
        .arc_end = info.arc_end,
        .owned_pair_count = info.owned_pair_count,
        .replica_pair_count = info.replica_pair_count,
        .stored_bytes = info.stored_bytes};
    answers_info(&shell->answers, &told);
    free(successors);
    free(fingers);
    free(chain);
    return true;
}

static bool do_info(struct shell *shell, const struct command *command) {
    char error[COMMAND_ERROR_SIZE];
    struct chord_address first;
    uint16_t count = 1;
    if (command->node.given ? !ask_resolve(&shell->ask, &command->node, &first, &count, error)
                            : !ask_entry(&shell->ask, &command->node, &first, error)) {
        return session_fail(shell, error);
    }
    /* Eventual copies may still be on their way, and their numbers would be those of a moment. */
    if (!driver_quiesce(shell->driver)) {
        return session_stuck(shell);
    }
    for (uint16_t i = 0; i < count; i++) {
        const struct chord_address node = {.rank = first.rank, .virtual_node = (uint16_t)(first.virtual_node + i)};
        if (!tell_info(shell, node)) {
            return false;
        }
    }
    return true;
}

static bool do_change(struct shell *shell, const struct command *command) {
    const enum chord_command what = command->kind == SHELL_JOIN ? CHORD_COMMAND_JOIN : CHORD_COMMAND_DEPART;
    char error[COMMAND_ERROR_SIZE];
    struct chord_address address;
    uint16_t count;
    if (!ask_resolve(&shell->ask, &command->node, &address, &count, error)) {
        return session_fail(shell, error);
    }
    if (count > 1) {
        address.virtual_node = CHORD_ALL_NODES;
    }
    const struct membership *cost;
    const char *reason;
    const enum membership_result result = driver_change(shell->driver, what, address, &cost, &reason);
    const struct answers_node node = ask_name_at(&shell->ask, address);
    switch (result) {
    case MEMBERSHIP_STUCK:
        return session_stuck(shell);
    case MEMBERSHIP_REFUSED:
        snprintf(error, sizeof error, "node %s can't %s: %s", node.name,
                 what == CHORD_COMMAND_JOIN ? "join" : "depart", reason);
        return session_fail(shell, error);
    case MEMBERSHIP_CHANGED:
        break;
    }
    const struct answers_change told = {.what = what,
                                        .node = node,
                                        .node_count = cost->node_count,
                                        .change_count = cost->change_count,
                                        .change = &cost->sum,
                                        .settled = &cost->settled};
    answers_change(&shell->answers, &told);
    return true;
}

/* Why a rank can't be made to fail in this way; NULL if it can. */
static const char *crash_refusal(const struct shell *shell, uint32_t rank, const struct crash *crash) {
    if (rank == shell->setup->config->coordinator_rank) {
        return "it hosts the coordinator, which never crashes by contract; choose another rank";
    }
    return crash->kind == CRASH_KILL ? shell->setup->kill_refusal : NULL;
}

static bool do_crash(struct shell *shell, const struct command *command) {
    char error[COMMAND_ERROR_SIZE];
    struct chord_address address;
    uint16_t count;
    if (!ask_resolve(&shell->ask, &command->node, &address, &count, error)) {
        return session_fail(shell, error);
    }
    /* What would be copied, of copies that are still on their way, would be a matter of luck. */
    if (!driver_quiesce(shell->driver)) {
        return session_stuck(shell);
    }
    const char *refusal = crash_refusal(shell, address.rank, &command->crash);
    refusal = refusal != NULL ? refusal : driver_crash(shell->driver, address.rank, &command->crash, "");
    if (refusal != NULL) {
        snprintf(error, sizeof error, "rank %u can't crash: %s", address.rank, refusal);
        return session_fail(shell, error);
    }
    address.virtual_node = CHORD_ALL_NODES;
    const struct answers_crash told = {.node = ask_name_at(&shell->ask, address),
                                       .fault = driver_await_crash(shell->driver, address.rank)};
    answers_crash(&shell->answers, &told);
    return !session_lost(shell);
}

static void tell_file(struct shell *shell, const struct result_phase *phase) {
    struct result_run run = *shell->setup->run;
    run.options = shell->file_options;
    if (!shell->answers.json) {
        table_print_phase(stdout, &run, phase, shell->answers.color);
        return;
    }
    char *json = record_phase(&run, phase);
    chord_check(json != NULL);
    printf("%s\n", json);
    free(json);
}

static bool do_file(struct shell *shell, const struct command *command) {
    const bool serial = command->kind == SHELL_FILE;
    char path[4096];
    char error[WORKLOAD_ERROR_SIZE];
    struct workload_survey survey;
    if (command->path.size >= sizeof path) {
        return session_fail(shell, "the file's name is too long");
    }
    memcpy(path, command->path.bytes, command->path.size);
    path[command->path.size] = '\0';
    if (!workload_survey(path, (enum workload_type)command->type, &survey, error, sizeof error)) {
        return session_fail(shell, strncmp(error, "chordkv: ", 9) == 0 ? error + 9 : error);
    }
    if (!session_judge(shell)) {
        return false;
    }
    const uint32_t index = shell->file_count++;
    const struct driver_file file = {.index = index,
                                     .type = command->type,
                                     .path = path,
                                     .survey = &survey,
                                     .mode = serial ? OPTIONS_MODE_SERIAL : OPTIONS_MODE_PARALLEL,
                                     .has_model = serial && shell->has_model,
                                     .repetition = 1,
                                     .stream = STREAM_FILES + index};
    const struct result_phase *phase;
    shell->status = driver_run_file(shell->driver, &file, &phase, shell->message);
    if (shell->status == EXIT_FAILED) {
        /* The file was changed meanwhile: nothing was issued. */
        shell->status = EXIT_VALID;
        (void)session_fail(shell, shell->message);
        shell->message[0] = '\0';
        return driver_begin(shell->driver) || session_stuck(shell);
    }
    if (shell->status != EXIT_VALID) {
        return false;
    }
    /* Clients side by side leave no order of writes that a model could know. */
    shell->has_model &= serial || command->type == OPTIONS_PHASE_QUERY;
    shell->file_options->mode = file.mode;
    tell_file(shell, phase);
    metrics_merge(shell->metrics, &phase->metrics);
    traffic_merge(&shell->traffic, &phase->traffic);
    shell->verdict.model_count += phase->verdict.checked_by_model_count;
    shell->verdict.judged_count += phase->verdict.judged.operation_count;
    shell->verdict.stale_count += phase->verdict.judged.stale_count;
    if (session_lost(shell)) {
        return false;
    }
    if (!phase->verdict.valid) {
        return session_wrong(shell, &phase->verdict);
    }
    return driver_begin(shell->driver) || session_stuck(shell);
}

static bool do_stats(struct shell *shell) {
    struct metrics *metrics = malloc(sizeof *metrics);
    struct traffic traffic = shell->traffic;
    if (metrics == NULL) {
        return session_fail(shell, "out of memory");
    }
    *metrics = *shell->metrics;
    const bool told = driver_quiesce(shell->driver) && driver_metrics(shell->driver, metrics, &traffic);
    if (told) {
        answers_stats(&shell->answers, metrics, &traffic);
    }
    free(metrics);
    return told || session_stuck(shell);
}

bool session_carry_out(struct shell *shell, const struct command *command) {
    switch (command->kind) {
    case SHELL_INSERT:
    case SHELL_DELETE:
        return do_operation(shell, command);
    case SHELL_QUERY:
        return command->all ? do_listing(shell) : do_operation(shell, command);
    case SHELL_OVERLAY:
        return do_overlay(shell, command);
    case SHELL_INFO:
        return do_info(shell, command);
    case SHELL_ROUTE:
        return do_route(shell, command);
    case SHELL_JOIN:
    case SHELL_DEPART:
        return do_change(shell, command);
    case SHELL_CRASH:
        return do_crash(shell, command);
    case SHELL_FILE:
    case SHELL_FILEPARALLEL:
        return do_file(shell, command);
    case SHELL_STATS:
        return do_stats(shell);
    case SHELL_HELP:
        answers_help(&shell->answers, command->topic);
        return true;
    case SHELL_QUIT:
        shell->done = true;
        return true;
    case SHELL_COMMAND_COUNT:
        break;
    }
    chord_check(!"a command of the table");
    return true;
}
