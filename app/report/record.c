#include "app/report/record.h"

#include "app/report/build_info.h"
#include "app/report/cache.h"
#include "app/report/changes.h"
#include "app/report/faults.h"
#include "app/report/generated.h"
#include "app/report/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A record under construction. Each put_* gives its object a field; without memory it only notes the failure,
 * so that the record is built in one go and judged at its end. */
struct record {
    bool failed;
};

static void put(struct record *record, json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0) {
        record->failed = true;
    }
}

static void append(struct record *record, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) {
        record->failed = true;
    }
}

/* Gives `parent` an empty object or array and returns it, borrowed; NULL, which the others bear, without
 * memory. */
static json_t *put_object(struct record *record, json_t *parent, const char *name) {
    json_t *object = json_object();
    put(record, parent, name, object);
    return record->failed ? NULL : object;
}

static json_t *put_array(struct record *record, json_t *parent, const char *name) {
    json_t *array = json_array();
    put(record, parent, name, array);
    return record->failed ? NULL : array;
}

static json_t *append_object(struct record *record, json_t *array) {
    json_t *object = json_object();
    append(record, array, object);
    return record->failed ? NULL : object;
}

static json_t *count_value(uint64_t count) {
    return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

static json_t *number_value(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

/* A string of any bytes; NULL is null. */
static json_t *text_value(const char *text) {
    if (text == NULL) {
        return json_null();
    }
    const size_t size = text_escape(text, false, (char[1]){0}, 1) + 1;
    char *escaped = malloc(size);
    if (escaped == NULL) {
        return NULL;
    }
    (void)text_escape(text, false, escaped, size);
    json_t *value = json_string(escaped);
    free(escaped);
    return value;
}

static void put_count(struct record *record, json_t *object, const char *name, uint64_t count) {
    put(record, object, name, count_value(count));
}

static void put_number(struct record *record, json_t *object, const char *name, double number) {
    put(record, object, name, number_value(number));
}

static void put_text(struct record *record, json_t *object, const char *name, const char *text) {
    put(record, object, name, text_value(text));
}

static void put_bool(struct record *record, json_t *object, const char *name, bool value) {
    put(record, object, name, json_boolean(value));
}

static json_t *begin(struct record *record, const char *kind) {
    json_t *root = json_object();
    record->failed = root == NULL;
    put_text(record, root, "record", kind);
    put_count(record, root, "schema_version", RECORD_SCHEMA_VERSION);
    return root;
}

/* The line; frees the record. */
static char *end(struct record *record, json_t *root) {
    /* 15 digits: as much as a decimal number of a double can be trusted for, and 0.1 stays 0.1. */
    char *line = record->failed ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    return line;
}

/* --- The run
 * ------------------------------------------------------------------------------------------------------ */

struct dump {
    struct record *record;
    json_t *options;
    json_t *given;
};

static void dump_option(void *context, const char *name, const char *value, bool given) {
    struct dump *dump = context;
    json_t *present = json_object_get(dump->options, name);
    if (strcmp(name, "phase") == 0 || strcmp(name, "at") == 0) { /* those that may be repeated */
        if (present == NULL) {
            present = put_array(dump->record, dump->options, name);
            if (given) {
                append(dump->record, dump->given, text_value(name));
            }
        }
        if (given) {
            append(dump->record, present, text_value(value));
        }
        return;
    }
    put_text(dump->record, dump->options, name, value);
    if (given) {
        append(dump->record, dump->given, text_value(name));
    }
}

static bool host_seen(const struct result_phase *phase, uint32_t rank) {
    for (uint32_t i = 0; i < rank; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there are as many ranks as rank_count says */
        if (strncmp(phase->ranks[i].host, phase->ranks[rank].host, sizeof phase->ranks[i].host) == 0) {
            return true;
        }
    }
    return false;
}

static void put_environment(struct record *record, json_t *parent, const struct result_run *run,
                            const struct result_phase *phase) {
    json_t *environment = put_object(record, parent, "environment");
    json_t *hosts = put_array(record, environment, "hosts");
    json_t *cpusets = put_array(record, environment, "cpusets_by_rank");
    for (uint32_t i = 0; i < phase->rank_count; i++) {
        if (!host_seen(phase, i)) {
            append(record, hosts, text_value(phase->ranks[i].host));
        }
        append(record, cpusets, text_value(phase->ranks[i].cpuset));
    }
    put_count(record, environment, "host_count", run->host_count);
    put_number(record, environment, "ranks_per_core", run->ranks_per_core);
    put_text(record, environment, "waiting", run->waiting);
    put_text(record, environment, "machine", run->machine);
    put_text(record, environment, "mpi_library", run->mpi_library);
    put_count(record, environment, "clock_offset_ns_max", run->clock_offset_ns_max);
    put_text(record, environment, "version", build_info.version);
    put_text(record, environment, "commit", build_info.commit);
    put_text(record, environment, "compiler", build_info.compiler);
    put_text(record, environment, "flags", build_info.flags);
    put_text(record, environment, "build_type", build_info.build_type);
}

static void put_run(struct record *record, json_t *root, const struct result_run *run,
                    const struct result_phase *phase) {
    json_t *object = put_object(record, root, "run");
    struct dump dump = {.record = record, .options = put_object(record, object, "options")};
    dump.given = put_array(record, object, "options_given");
    options_dump(run->options, dump_option, &dump);
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->options->seed);
    put_text(record, object, "seed", seed);
    put_count(record, object, "rank_count", run->rank_count);
    put_count(record, object, "virtual_node_count", run->options->virtual_nodes);
    put_count(record, object, "formation_ns", run->formation_ns);
    put_count(record, object, "formation_messages", run->formation_messages);
    put_count(record, object, "message_bound_bytes", run->message_bound_bytes);
    put_count(record, object, "credit_count", run->credit_count);
    put_count(record, object, "credit_bytes", run->credit_bytes);
    put_count(record, object, "value_size_max", run->value_size_max);
    put_environment(record, object, run, phase);
}

/* --- Operations, latency, hops
 * ------------------------------------------------------------------------------------ */

static void put_operations(struct record *record, json_t *root, const struct result_phase *phase) {
    json_t *operations = put_object(record, root, "operations");
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        json_t *object = put_object(record, operations, summary_kind_name(kind));
        uint64_t count = 0;
        for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            count += phase->metrics.outcomes[kind][outcome];
            put_count(record, object, summary_outcome_name(outcome), phase->metrics.outcomes[kind][outcome]);
        }
        put_count(record, object, "count", count);
        const double answered = (double)summary_answered_count(phase, kind);
        const double ns = (double)(phase->elapsed_ns > 0 ? phase->elapsed_ns : 1);
        put_number(record, object, "throughput_per_second", phase->verdict.valid ? answered * 1e9 / ns : NAN);
    }
}

static void fill_latency(struct record *record, json_t *object, const struct histogram *latency) {
    static const struct {
        const char *name;
        double p;
    } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}};
    const bool any = latency->count > 0;
    put_count(record, object, "count", latency->count);
    put_number(record, object, "mean", any ? histogram_mean(latency) : NAN);
    put(record, object, "min", any ? count_value(latency->min) : json_null());
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        put(record, object, quantiles[i].name,
            any ? count_value(histogram_quantile(latency, quantiles[i].p)) : json_null());
    }
    put(record, object, "max", any ? count_value(latency->max) : json_null());
    json_t *buckets = put_array(record, object, "buckets");
    size_t position = 0;
    struct histogram_bucket bucket;
    while (histogram_next(latency, &position, &bucket)) {
        json_t *triple = json_array();
        append(record, triple, count_value(bucket.lower));
        append(record, triple, count_value(bucket.upper));
        append(record, triple, count_value(bucket.count));
        append(record, buckets, triple);
    }
}

/* For generated_json: the context is the record. */
static json_t *make_latency(void *context, const struct histogram *latency) {
    struct record *record = context;
    json_t *object = json_object();
    record->failed |= object == NULL;
    fill_latency(record, object, latency);
    return object;
}

static void put_latencies(struct record *record, json_t *root, const struct result_phase *phase) {
    if (!phase->verdict.valid) {
        put(record, root, "latency_ns", json_null());
        return;
    }
    json_t *object = put_object(record, root, "latency_ns");
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        fill_latency(record, put_object(record, object, summary_kind_name(kind)), &phase->metrics.latency_ns[kind]);
    }
}

/* Count, mean, quantiles and histogram of owner_hops, or of path_length: the same with one hop less, if any.
 */
static void fill_hops(struct record *record, json_t *object, const struct hops *hops, bool path) {
    static const struct {
        const char *name;
        double p;
    } quantiles[] = {{"p1", 0.01}, {"p50", 0.5}, {"p99", 0.99}};
    const bool any = hops->count > 0;
    put_count(record, object, "count", hops->count);
    put_number(record, object, "mean", !any ? NAN : path ? hops_path_mean(hops) : hops_mean(hops));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        const uint32_t value =
            path ? hops_path_quantile(hops, quantiles[i].p) : hops_quantile(hops, quantiles[i].p);
        put(record, object, quantiles[i].name, any ? count_value(value) : json_null());
    }
    uint32_t size = HOPS_MAX;
    while (size > 0 && hops->counts[size - 1] == 0) {
        size--;
    }
    json_t *histogram = put_array(record, object, "histogram");
    for (uint32_t i = path && size > 1 ? 1 : 0; i < size; i++) {
        append(record, histogram, count_value(hops->counts[i] + (path && i == 1 ? hops->counts[0] : 0)));
    }
}

static void put_hops(struct record *record, json_t *root, const struct result_run *run,
                     const struct result_phase *phase, bool path) {
    json_t *object = put_object(record, root, path ? "path_length" : "owner_hops");
    struct hops all = {0};
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        hops_merge(&all, &phase->metrics.hops[kind]);
    }
    fill_hops(record, object, &all, path);
    json_t *by_kind = put_object(record, object, "by_kind");
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        fill_hops(record, put_object(record, by_kind, summary_kind_name(kind)), &phase->metrics.hops[kind],
                  path);
    }
    const struct expectation *expected = &phase->expected;
    put_number(record, object, "expected_mean", path ? expected->path_mean : expected->mean); /* NaN: null */
    uint32_t size = HOPS_MAX;
    while (size > 0 && expected->probability[size - 1] <= 0) {
        size--;
    }
    json_t *distribution = put_array(record, object, "expected_distribution");
    for (uint32_t i = path && size > 1 ? 1 : 0; i < size; i++) {
        append(record, distribution,
               number_value(expected->probability[i] + (path && i == 1 ? expected->probability[0] : 0)));
    }
    put_bool(record, object, "expectation_sampled", expected->sampled);
    if (!path) { /* the reference has the average of owner_hops alone */
        const bool finger = run->options->routing == CHORD_ROUTING_FINGER;
        put_number(record, object, "ideal_mean",
                   finger && run->ideal_owner_hops > 0 ? run->ideal_owner_hops : NAN);
    }
}

/* --- Traffic, nodes, ranks
 * ---------------------------------------------------------------------------------------- */

static void put_traffic(struct record *record, json_t *root, const struct result_phase *phase) {
    const struct traffic *traffic = &phase->traffic;
    json_t *messages = put_object(record, root, "messages");
    json_t *bytes = put_object(record, root, "message_bytes");
    uint64_t message_sum = 0, byte_sum = 0;
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        message_sum += traffic->messages[type];
        byte_sum += traffic->bytes[type];
        const char *name = chord_message_name(type);
        if (strcmp(name, "?") != 0) {
            put_count(record, messages, name, traffic->messages[type]);
            put_count(record, bytes, name, traffic->bytes[type]);
        }
    }
    put_count(record, root, "messages_all", message_sum);
    put_count(record, root, "message_bytes_all", byte_sum);
    put_count(record, root, "messages_to_self", traffic->self_messages);
    put_count(record, root, "mpi_messages", traffic->mpi_messages);
    put_count(record, root, "mpi_bytes", traffic->mpi_bytes);
    put_count(record, root, "retry_count", phase->metrics.retry_count);
}

static void put_balance(struct record *record, json_t *root, const char *name, struct balance balance) {
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {{"min", balance.min},
                  {"p1", balance.p1},
                  {"p99", balance.p99},
                  {"max", balance.max},
                  {"expected_p1", balance.expected_p1},
                  {"expected_p99", balance.expected_p99},
                  {"expected_min_median", balance.expected_min},
                  {"expected_max_median", balance.expected_max}};
    json_t *object = put_object(record, root, name);
    const bool any = balance.count > 0;
    put_count(record, object, "count", balance.count);
    put_number(record, object, "mean", any ? balance.mean : NAN);
    put_number(record, object, "max_over_mean", balance.max_over_mean);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        put(record, object, counts[i].name, any ? count_value(counts[i].count) : json_null());
    }
}

static void put_nodes(struct record *record, json_t *root, const struct result_run *run,
                      const struct result_phase *phase) {
    json_t *nodes = put_array(record, root, "nodes");
    for (uint32_t i = 0; i < phase->node_count; i++) {
        const struct result_node *node = &phase->nodes[i];
        char id[CHORD_ID_TEXT_SIZE];
        json_t *object = append_object(record, nodes);
        put_text(record, object, "id", chord_id_format(node->member.id, run->options->id_bits, id));
        put_count(record, object, "rank", node->member.address.rank);
        put_count(record, object, "virtual_node", node->member.address.virtual_node);
        put_count(record, object, "incarnation", node->member.incarnation);
        put_text(record, object, "state", node->is_spare ? "spare" : "member");
        put_count(record, object, "owned_pair_count", node->owned_pair_count);
        put_count(record, object, "replica_pair_count", node->replica_pair_count);
        put_count(record, object, "stored_bytes", node->stored_bytes);
        put_count(record, object, "requests_owned", node->requests_owned);
        put_count(record, object, "requests_forwarded", node->requests_forwarded);
        put_count(record, object, "successor_count", node->successor_count);
        put_count(record, object, "finger_count", node->finger_count);
        put_count(record, object, "chain_member_count", node->chain_member_count);
        put_count(record, object, "routing_entry_count", node->routing_entry_count);
    }
    put_balance(record, root, "keys_per_node", summary_keys_per_node(phase));
    put_balance(record, root, "keys_per_rank", summary_keys_per_rank(phase, run->options->virtual_nodes));
}

static void put_ranks(struct record *record, json_t *root, const struct result_phase *phase) {
    json_t *ranks = put_array(record, root, "ranks");
    for (uint32_t i = 0; i < phase->rank_count; i++) {
        json_t *object = append_object(record, ranks);
        put_count(record, object, "rank", i);
        put_text(record, object, "host", phase->ranks[i].host);
        put_text(record, object, "cpuset", phase->ranks[i].cpuset);
        put_count(record, object, "member_count", summary_member_count(phase, i));
        put_count(record, object, "owned_pair_count", summary_owned_pair_count(phase, i));
        put_count(record, object, "pair_bytes", phase->ranks[i].pair_bytes);
        put_count(record, object, "pool_bytes_used_max", phase->ranks[i].pool_bytes_used_max);
        put_count(record, object, "resident_bytes_max", phase->ranks[i].resident_bytes_max);
    }
    put_number(record, root, "overhead_bytes_per_stored_copy", summary_overhead_bytes_per_copy(phase));
}

/* --- The verdict
 * -------------------------------------------------------------------------------------------------- */

static void put_verdict(struct record *record, json_t *root, const struct result_run *run,
                        const struct result_phase *phase) {
    const struct result_verdict *verdict = &phase->verdict;
    const struct judge_verdict *judged = &verdict->judged;
    json_t *object = put_object(record, root, "verdict");
    put_bool(record, object, "valid", verdict->valid);
    put_count(record, object, "wrong_count", verdict->wrong_count);
    put_text(record, object, "first_wrong", verdict->first_wrong[0] == '\0' ? NULL : verdict->first_wrong);
    put_count(record, object, "checked_by_model_count", verdict->checked_by_model_count);
    put_bool(record, object, "copies_valid", verdict->copies_valid);
    put_count(record, object, "copies_per_pair", verdict->copies_per_pair);
    put_count(record, object, "pair_count", verdict->pair_count);
    put(record, object, "lost_arcs", faults_losses_json(run, phase));
    put_bool(record, object, "forged", run->options->forge != OPTIONS_FORGE_NONE);

    json_t *judge = put_object(record, object, "judge");
    put_count(record, judge, "operation_count", judged->operation_count);
    put_count(record, judge, "unknown_count", judged->unknown_count);
    put_count(record, judge, "wrong_count", judged->wrong_count);
    json_t *reasons = put_array(record, judge, "wrong_by_reason");
    for (unsigned reason = 0; reason < JUDGE_REASON_COUNT; reason++) {
        if (judged->wrong_by_reason[reason] > 0) {
            json_t *entry = append_object(record, reasons);
            put_text(record, entry, "reason", judge_reason_text(reason));
            put_count(record, entry, "count", judged->wrong_by_reason[reason]);
        }
    }
    if (run->options->consistency == CHORD_EVENTUAL) {
        const uint64_t reads = summary_answered_count(phase, CHORD_QUERY);
        const double stale = (double)judged->stale_count;
        json_t *object_stale = put_object(record, root, "stale_reads");
        put_count(record, object_stale, "count", judged->stale_count);
        put_number(record, object_stale, "share", reads > 0 ? stale / (double)reads : NAN);
        put_number(record, object_stale, "versions_missed_mean",
                   stale > 0 ? (double)judged->stale_missed_sum / stale : NAN);
        put_count(record, object_stale, "versions_missed_max", judged->stale_missed_max);
    } else {
        put(record, root, "stale_reads", json_null());
    }
}

/* --- The records
 * -------------------------------------------------------------------------------------------------- */

char *record_phase(const struct result_run *run, const struct result_phase *phase) {
    struct record record;
    json_t *root = begin(&record, "phase");
    put_run(&record, root, run, phase);
    json_t *object = put_object(&record, root, "phase");
    put_count(&record, object, "index", phase->index);
    put_text(&record, object, "type", summary_phase_name(phase->type));
    const bool has_file = phase->generated == NULL;
    put_text(&record, object, "file", has_file ? phase->file : NULL);
    put_text(&record, object, "file_sha256", has_file ? phase->file_sha256 : NULL);
    put(&record, object, "file_bytes", has_file ? count_value(phase->file_bytes) : json_null());
    put_count(&record, object, "repetition", phase->repetition);
    put_bool(&record, object, "warm_up", phase->repetition == 0);
    put_count(&record, object, "operation_count", phase->operation_count);
    put_count(&record, object, "not_issued_count", phase->not_issued_count);
    put_count(&record, object, "segment_count", phase->segment_count);
    put_count(&record, object, "judging_ns", phase->judging_ns);
    put(&record, object, "elapsed_ns", phase->verdict.valid ? count_value(phase->elapsed_ns) : json_null());
    put(&record, root, "generated", generated_json(phase, make_latency, &record));
    put_operations(&record, root, phase);
    put_number(&record, root, "throughput_per_second", summary_throughput_per_second(phase));
    put_latencies(&record, root, phase);
    put_hops(&record, root, run, phase, false);
    put_hops(&record, root, run, phase, true);
    put(&record, root, "cache", cache_json(run, phase));
    put_traffic(&record, root, phase);
    put_nodes(&record, root, run, phase);
    put_ranks(&record, root, phase);
    put(&record, root, "changes", changes_json(run, phase));
    put(&record, root, "timeline", changes_timeline_json(phase));
    put(&record, root, "faults", faults_json(phase));
    put_verdict(&record, root, run, phase);
    return end(&record, root);
}

/* Of the faults of all repetitions; null where there is nothing to tell. */
static void put_fault_times(struct record *record, json_t *parent, const char *name, const struct statistics *times) {
    json_t *object = put_object(record, parent, name);
    put_count(record, object, "count", times->count);
    put_number(record, object, "median", times->median);
    put_number(record, object, "max", times->max);
}

char *record_summary(const struct result_run *run, const struct summary_row *row) {
    struct record record;
    json_t *root = begin(&record, "summary");
    json_t *object = put_object(&record, root, "phase");
    put_count(&record, object, "index", row->index);
    put_text(&record, object, "type", summary_phase_name(row->type));
    put_text(&record, object, "file", run->options->command == OPTIONS_COMMAND_BENCH ? NULL : row->file);
    put_count(&record, root, "rank_count", run->rank_count);
    put_count(&record, root, "repetitions", row->throughput_per_second.count + row->wrong_repetition_count);
    put_count(&record, root, "wrong_repetitions", row->wrong_repetition_count);
    if (row->wrong_repetition_count > 0) {
        put(&record, root, "throughput_per_second", json_null());
    } else {
        const struct statistics *rate = &row->throughput_per_second;
        json_t *statistics = put_object(&record, root, "throughput_per_second");
        put_number(&record, statistics, "median", rate->median);
        put_number(&record, statistics, "min", rate->min);
        put_number(&record, statistics, "max", rate->max);
        put_number(&record, statistics, "sample_standard_deviation", rate->sample_standard_deviation);
        put_number(&record, statistics, "harmonic_mean", rate->harmonic_mean);
    }
    json_t *faults = put_object(&record, root, "faults");
    put_count(&record, faults, "count", row->fault_count);
    put_fault_times(&record, faults, "detected_after_ns", &row->detection_ns);
    put_fault_times(&record, faults, "writable_after_ns", &row->outage_ns);
    return end(&record, root);
}

const char *record_verdict_name(enum exit_status status) {
    switch (status) {
    case EXIT_VALID:
        return "valid";
    case EXIT_FAILED:
        return "failed";
    case EXIT_USAGE:
        return "usage";
    case EXIT_WRONG_ANSWER:
        return "wrong";
    case EXIT_DATA_LOST:
        return "lost";
    case EXIT_TIMED_OUT:
        return "timed_out";
    }
    return "failed";
}

char *record_verdict(enum exit_status status, const char *message) {
    struct record record;
    json_t *root = begin(&record, "verdict");
    put_text(&record, root, "verdict", record_verdict_name(status));
    put_count(&record, root, "exit_status", (uint64_t)status);
    put_text(&record, root, "message", message);
    return end(&record, root);
}
