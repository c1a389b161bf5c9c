#include "app/shell/answers.h"

#include "app/report/summary.h"
#include "app/report/text.h"
#include "app/shell/bytes.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As much of a value as the answer to an insert repeats. */
#define ECHOED_MAX 60u

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

/* --- JSON --- */

static json_t *object_of(const char *answer) {
    json_t *object = json_object();
    chord_check(object != NULL && json_object_set_new(object, "answer", json_string(answer)) == 0);
    return object;
}

static void put(json_t *object, const char *name, json_t *value) {
    chord_check(value != NULL && json_object_set_new(object, name, value) == 0);
}

static void put_count(json_t *object, const char *name, uint64_t count) {
    put(object, name, json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count));
}

static void put_text(json_t *object, const char *name, const char *text) {
    json_t *string = json_string(text);
    put(object, name, string != NULL ? string : json_string("?"));
}

static void put_bytes(json_t *object, const char *name, const unsigned char *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    json_t *string = json_stringn(size > 0 ? (const char *)bytes : "", size);
    if (string != NULL) {
        put(object, name, string);
        return;
    }
    char hex_name[32];
    char *hex = malloc(2 * size + 1);
    chord_check(hex != NULL);
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    (void)snprintf(hex_name, sizeof hex_name, "%s_hex", name);
    put(object, hex_name, json_stringn(hex, 2 * size));
    free(hex);
}

static void put_id(const struct answers *answers, json_t *object, const char *name, struct chord_id id) {
    char text[CHORD_ID_TEXT_SIZE];
    put_text(object, name, chord_id_format(id, answers->id_bits, text));
}

static json_t *node_object(const struct answers *answers, const struct answers_node *node) {
    json_t *object = json_object();
    chord_check(object != NULL);
    put_id(answers, object, "node_id", node->member.id);
    put_text(object, "address", node->name);
    put_count(object, "rank", node->member.address.rank);
    put_count(object, "virtual_node", node->member.address.virtual_node);
    return object;
}

static void put_nodes(const struct answers *answers, json_t *object, const char *name, const struct answers_node *nodes,
                      size_t count) {
    json_t *array = json_array();
    chord_check(array != NULL);
    for (size_t i = 0; i < count; i++) {
        chord_check(json_array_append_new(array, node_object(answers, &nodes[i])) == 0);
    }
    put(object, name, array);
}

static void put_hops(json_t *object, uint32_t owner_hops) {
    put_count(object, "owner_hops", owner_hops);
}

/* Writes the object as a line and frees it. */
static void give(const struct answers *answers, json_t *object) {
    chord_check(json_dumpf(object, answers->stream, JSON_COMPACT) == 0 || ferror(answers->stream));
    fputc('\n', answers->stream);
    json_decref(object);
}

/* --- text --- */

/* ANSI codes, or nothing. */
static const char *paint(const struct answers *answers, const char *code) {
    return answers->color ? code : "";
}
#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

static void print_bytes(const struct answers *answers, const unsigned char *bytes, size_t size) {
    bytes_print(answers->stream, bytes, size, SIZE_MAX);
}

static void print_node(const struct answers *answers, const struct answers_node *node) {
    char id[CHORD_ID_TEXT_SIZE];
    fprintf(answers->stream, "%s (%s)", node->name, chord_id_format(node->member.id, answers->id_bits, id));
}

static void print_nodes(const struct answers *answers, const char *title, const struct answers_node *nodes, size_t count) {
    fprintf(answers->stream, "  %-11s  %s", title, count == 0 ? "none" : "");
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ", ", answers->stream);
        print_node(answers, &nodes[i]);
    }
    fputc('\n', answers->stream);
}

/* --- operations --- */

static void print_operation(const struct answers *answers, const struct answers_operation *operation) {
    FILE *stream = answers->stream;
    const bool wrote = operation->outcome == CHORD_INSERTED || operation->outcome == CHORD_UPDATED ||
                       operation->outcome == CHORD_DELETED;
    fputs("Key:", stream);
    print_bytes(answers, operation->key, operation->key_size);
    switch (operation->outcome) {
    case CHORD_INSERTED:
    case CHORD_UPDATED:
        fputs(operation->outcome == CHORD_INSERTED ? " inserted with value:" : " updated to value:", stream);
        bytes_print(stream, operation->value, operation->value_size, ECHOED_MAX);
        fputs(" at node:", stream);
        break;
    case CHORD_FOUND:
        fputs(" has value:", stream);
        print_bytes(answers, operation->value, operation->value_size);
        fputs(" found at node:", stream);
        break;
    case CHORD_ABSENT:
        fputs(" not found at node:", stream);
        break;
    case CHORD_DELETED:
        fputs(" deleted at node:", stream);
        break;
    case CHORD_UNKNOWN:
    case CHORD_OUTCOME_COUNT:
        fprintf(stream, ": the %s was given up without an answer; it may have happened\n",
                summary_kind_name(operation->kind));
        return;
    }
    fprintf(stream, "%s (%u hop%s)\n", wrote ? operation->owner.name : operation->node.name, operation->owner_hops,
            plural(operation->owner_hops));
}

void answers_operation(const struct answers *answers, const struct answers_operation *operation) {
    if (!answers->json) {
        print_operation(answers, operation);
        return;
    }
    json_t *object = object_of(summary_kind_name(operation->kind));
    put_text(object, "outcome", summary_outcome_name(operation->outcome));
    put_bytes(object, "key", operation->key, operation->key_size);
    if (operation->kind == CHORD_INSERT || operation->outcome == CHORD_FOUND) {
        put_bytes(object, "value", operation->value, operation->value_size);
    }
    put_text(object, "owner", operation->owner.name);
    if (operation->outcome != CHORD_UNKNOWN) {
        put_text(object, "answered_by", operation->node.name);
        put_hops(object, operation->owner_hops);
        put_count(object, "version_epoch", operation->version.epoch);
        put_count(object, "version_counter", operation->version.counter);
        put_count(object, "latency_ns", operation->latency_ns);
    }
    give(answers, object);
}

/* --- the listing --- */

void answers_listing_node(const struct answers *answers, const struct answers_node *node) {
    if (!answers->json) {
        fprintf(answers->stream, "Node:");
        print_node(answers, node);
        fputc('\n', answers->stream);
    }
}

void answers_listing_pair(const struct answers *answers, const struct answers_node *node, const unsigned char *key,
                          size_t key_size, const unsigned char *value, size_t value_size) {
    if (answers->json) {
        json_t *object = object_of("pair");
        put_text(object, "node", node->name);
        put_bytes(object, "key", key, key_size);
        put_bytes(object, "value", value, value_size);
        give(answers, object);
        return;
    }
    fputs("  Key:", answers->stream);
    print_bytes(answers, key, key_size);
    fputs(" has value:", answers->stream);
    print_bytes(answers, value, value_size);
    fputc('\n', answers->stream);
}

void answers_listing_end(const struct answers *answers, uint64_t pair_count, uint64_t node_count) {
    if (answers->json) {
        json_t *object = object_of("listing");
        put_count(object, "pair_count", pair_count);
        put_count(object, "node_count", node_count);
        give(answers, object);
        return;
    }
    char pairs[TEXT_NUMBER_SIZE], nodes[TEXT_NUMBER_SIZE];
    fprintf(answers->stream, "%s pair%s on %s node%s\n", text_count(pair_count, pairs), plural(pair_count),
            text_count(node_count, nodes), plural(node_count));
}

/* --- nodes --- */

void answers_overlay(const struct answers *answers, const struct answers_node *nodes, size_t count) {
    if (answers->json) {
        json_t *object = object_of("overlay");
        put_nodes(answers, object, "topology", nodes, count);
        give(answers, object);
        return;
    }
    /* JSON, too, but a node a line. */
    fputs("{\"topology\": [\n", answers->stream);
    for (size_t i = 0; i < count; i++) {
        json_t *object = node_object(answers, &nodes[i]);
        fputs("  ", answers->stream);
        chord_check(json_dumpf(object, answers->stream, 0) == 0 || ferror(answers->stream));
        fputs(i + 1 < count ? ",\n" : "\n", answers->stream);
        json_decref(object);
    }
    fputs("]}\n", answers->stream);
}

static void print_info(const struct answers *answers, const struct answers_info *info) {
    FILE *stream = answers->stream;
    char id[CHORD_ID_TEXT_SIZE], end[CHORD_ID_TEXT_SIZE], owned[TEXT_NUMBER_SIZE], replicas[TEXT_NUMBER_SIZE],
        bytes[TEXT_NUMBER_SIZE];
    fprintf(stream, "%sNode %s%s\n", paint(answers, BOLD), info->self.name, paint(answers, PLAIN));
    fprintf(stream, "  %-11s  %s\n", "state", info->is_member ? "member" : "spare");
    fprintf(stream, "  %-11s  %s\n", "id", chord_id_format(info->self.member.id, answers->id_bits, id));
    fprintf(stream, "  %-11s  %u\n  %-11s  %s\n", "rank", info->self.member.address.rank, "host", info->host);
    fprintf(stream, "  %-11s  %u\n", "incarnation", info->self.member.incarnation);
    if (!info->is_member) {
        print_nodes(answers, "contact", &info->contact, info->has_contact);
        return;
    }
    print_nodes(answers, "predecessor", &info->predecessor, 1);
    print_nodes(answers, "successors", info->successors, info->successor_count);
    print_nodes(answers, "fingers", info->fingers, info->finger_count);
    fprintf(stream, "  %-11s  (%s, %s]\n", "arc", chord_id_format(info->arc_start, answers->id_bits, id),
            chord_id_format(info->arc_end, answers->id_bits, end));
    print_nodes(answers, "chain", info->chain, info->chain_count);
    fprintf(stream, "  %-11s  %s as owner, %s as replica, %s\n", "keys", text_count(info->owned_pair_count, owned),
            text_count(info->replica_pair_count, replicas), text_bytes((double)info->stored_bytes, bytes));
    fprintf(stream, "  %-11s  %u\n", "epoch", info->epoch);
}

void answers_info(const struct answers *answers, const struct answers_info *info) {
    if (!answers->json) {
        print_info(answers, info);
        return;
    }
    json_t *object = object_of("info");
    put_text(object, "state", info->is_member ? "member" : "spare");
    put_id(answers, object, "node_id", info->self.member.id);
    put_text(object, "address", info->self.name);
    put_count(object, "rank", info->self.member.address.rank);
    put_count(object, "virtual_node", info->self.member.address.virtual_node);
    put_text(object, "host", info->host);
    put_count(object, "incarnation", info->self.member.incarnation);
    if (info->is_member) {
        put(object, "predecessor", node_object(answers, &info->predecessor));
        put_nodes(answers, object, "successors", info->successors, info->successor_count);
        put_nodes(answers, object, "fingers", info->fingers, info->finger_count);
        put_id(answers, object, "arc_after", info->arc_start);
        put_id(answers, object, "arc_end", info->arc_end);
        put_nodes(answers, object, "chain", info->chain, info->chain_count);
        put_count(object, "owned_pair_count", info->owned_pair_count);
        put_count(object, "replica_pair_count", info->replica_pair_count);
        put_count(object, "stored_bytes", info->stored_bytes);
        put_count(object, "epoch", info->epoch);
    } else if (info->has_contact) {
        put(object, "contact", node_object(answers, &info->contact));
    }
    give(answers, object);
}

void answers_route(const struct answers *answers, const unsigned char *key, size_t key_size, struct chord_id key_id,
                   const struct answers_node *nodes, size_t count) {
    const uint32_t hops = (uint32_t)(count - 1);
    if (answers->json) {
        json_t *object = object_of("route");
        put_bytes(object, "key", key, key_size);
        put_id(answers, object, "key_id", key_id);
        put_hops(object, hops);
        put_nodes(answers, object, "path", nodes, count);
        give(answers, object);
        return;
    }
    char id[CHORD_ID_TEXT_SIZE];
    fputs("Key:", answers->stream);
    print_bytes(answers, key, key_size);
    fprintf(answers->stream, " with id %s: %u hop%s\n", chord_id_format(key_id, answers->id_bits, id), hops, plural(hops));
    for (size_t i = 0; i < count; i++) {
        fprintf(answers->stream, "  %3zu  rank %-5u  ", i, nodes[i].member.address.rank);
        print_node(answers, &nodes[i]);
        fputs(i + 1 == count ? "  owner\n" : "\n", answers->stream);
    }
}

void answers_change(const struct answers *answers, const struct answers_change *told) {
    const bool joined = told->what == CHORD_COMMAND_JOIN;
    const struct chord_change *change = told->change;
    if (answers->json) {
        json_t *object = object_of(joined ? "join" : "depart");
        put_text(object, "node", told->node.name);
        put_count(object, "rank", told->node.member.address.rank);
        put_count(object, "node_count", told->node_count);
        put_count(object, "change_count", told->change_count);
        put_count(object, "epoch", change->epoch);
        put_count(object, "arc_count", change->arc_count);
        put_count(object, "moved_pair_count", change->pair_count);
        put_count(object, "moved_bytes", change->pair_bytes);
        put_count(object, "message_count", change->message_count);
        put_count(object, "wedged_ns_max", change->wedged_ticks_max);
        put_count(object, "settled_ns", told->settled->ticks);
        put_count(object, "routing_message_count", told->settled->message_count);
        give(answers, object);
        return;
    }
    char arcs[TEXT_NUMBER_SIZE], pairs[TEXT_NUMBER_SIZE], bytes[TEXT_NUMBER_SIZE], wedged[TEXT_NUMBER_SIZE],
        messages[TEXT_NUMBER_SIZE];
    if (told->node_count == 1) {
        fprintf(answers->stream, "Node %s has %s", told->node.name, joined ? "joined" : "departed");
    } else {
        fprintf(answers->stream, "The %u nodes of %s have %s", told->node_count, told->node.name,
                joined ? "joined" : "departed");
    }
    fprintf(answers->stream, ": epoch %u, %s arc%s, %s pair%s moved (%s), wedged %s at most, %s messages\n", change->epoch,
            text_count(change->arc_count, arcs), plural(change->arc_count), text_count(change->pair_count, pairs),
            plural(change->pair_count), text_bytes((double)change->pair_bytes, bytes),
            text_duration((double)change->wedged_ticks_max, wedged), text_count(change->message_count, messages));
}

static void put_after(json_t *object, const char *name, double ns) {
    put(object, name, isnan(ns) ? json_null() : json_integer((json_int_t)ns));
}

static void give_crash(const struct answers *answers, const struct answers_crash *told) {
    const struct result_fault *fault = told->fault;
    json_t *object = object_of("crash");
    put_text(object, "node", told->node.name);
    put_count(object, "rank", fault->rank);
    put_text(object, "kind", crash_kind_name(fault->crash.kind));
    put_count(object, "pause_ns", fault->crash.pause_ns);
    put_after(object, "detected_after_ns", summary_detection_ns(fault));
    put_after(object, "writable_after_ns", summary_outage_ns(fault));
    put_after(object, "copies_after_ns", summary_outage_ns(fault));
    put_count(object, "epoch", fault->epoch);
    put_count(object, "excluded_node_count", fault->excluded_node_count);
    put_count(object, "copied_pair_count", fault->pair_count);
    put_count(object, "copied_bytes", fault->pair_bytes);
    give(answers, object);
}

static void print_crash(const struct answers *answers, const struct answers_crash *told) {
    FILE *stream = answers->stream;
    const struct result_fault *fault = told->fault;
    const double detected_ns = summary_detection_ns(fault), writable_ns = summary_outage_ns(fault);
    char detected[TEXT_NUMBER_SIZE], writable[TEXT_NUMBER_SIZE], pairs[TEXT_NUMBER_SIZE], bytes[TEXT_NUMBER_SIZE];
    fprintf(stream, "Rank %s ", told->node.name);
    switch (fault->crash.kind) {
    case CRASH_SILENCE:
        fputs("fell silent", stream);
        break;
    case CRASH_KILL:
        fputs("was killed", stream);
        break;
    case CRASH_PAUSE:
        fprintf(stream, "stopped for %s", text_duration((double)fault->crash.pause_ns, pairs));
        break;
    case CRASH_KIND_COUNT:
        break;
    }
    if (isnan(detected_ns)) {
        fputs("; nobody has noticed\n", stream);
        return;
    }
    fprintf(stream, ": suspected after %s", text_duration(detected_ns, detected));
    if (isnan(writable_ns)) {
        fputs(", but not left out of the ring\n", stream);
        return;
    }
    fprintf(stream, ", left out in epoch %u; every key can be written again after %s, with all copies: %s pair%s copied (%s)\n",
            fault->epoch, text_duration(writable_ns, writable), text_count(fault->pair_count, pairs),
            plural(fault->pair_count), text_bytes((double)fault->pair_bytes, bytes));
}

void answers_crash(const struct answers *answers, const struct answers_crash *told) {
    if (answers->json) {
        give_crash(answers, told);
    } else {
        print_crash(answers, told);
    }
}

/* --- stats --- */

/* The counts in which every kind of operation can have outcomes. */
static const enum chord_outcome told[] = {CHORD_INSERTED, CHORD_UPDATED, CHORD_FOUND,
                                          CHORD_DELETED,  CHORD_ABSENT,  CHORD_UNKNOWN};
#define TOLD_COUNT (sizeof told / sizeof told[0])

static uint64_t count_of(const struct metrics *metrics, unsigned kind) {
    uint64_t count = 0;
    for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
        count += metrics->outcomes[kind][outcome];
    }
    return count;
}

static void give_stats(const struct answers *answers, const struct metrics *metrics, const struct traffic *traffic) {
    json_t *object = object_of("stats");
    json_t *operations = json_object();
    json_t *messages = json_object();
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        const struct histogram *latency = &metrics->latency_ns[kind];
        json_t *operation = json_object();
        put_count(operation, "count", count_of(metrics, kind));
        for (size_t i = 0; i < TOLD_COUNT; i++) {
            if (metrics->outcomes[kind][told[i]] > 0) {
                put_count(operation, summary_outcome_name(told[i]), metrics->outcomes[kind][told[i]]);
            }
        }
        if (latency->count > 0) {
            put(operation, "owner_hops_mean", json_real(hops_mean(&metrics->hops[kind])));
            put_count(operation, "owner_hops_p99", hops_quantile(&metrics->hops[kind], 0.99));
            put_count(operation, "latency_p50_ns", histogram_quantile(latency, 0.5));
            put_count(operation, "latency_p99_ns", histogram_quantile(latency, 0.99));
            put_count(operation, "latency_max_ns", latency->max);
        }
        put(operations, summary_kind_name((enum chord_operation_kind)kind), operation);
    }
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        if (traffic->messages[type] > 0) {
            put_count(messages, chord_message_name((enum chord_message_type)type), traffic->messages[type]);
        }
    }
    put(object, "operations", operations);
    put(object, "messages", messages);
    give(answers, object);
}

/* Columns of fixed width, so that a transcript differs in the times alone. */
static void print_stats(const struct answers *answers, const struct metrics *metrics, const struct traffic *traffic) {
    FILE *stream = answers->stream;
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE], c[TEXT_NUMBER_SIZE], d[TEXT_NUMBER_SIZE];
    fprintf(stream, "%-10s%10s", "operations", "count");
    for (size_t i = 0; i < TOLD_COUNT; i++) {
        fprintf(stream, "%10s", summary_outcome_name(told[i]));
    }
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        fprintf(stream, "\n%-10s%10s", summary_kind_name((enum chord_operation_kind)kind),
                text_count(count_of(metrics, kind), a));
        for (size_t i = 0; i < TOLD_COUNT; i++) {
            fprintf(stream, "%10s", text_count(metrics->outcomes[kind][told[i]], a));
        }
    }
    fprintf(stream, "\n\n%-10s%10s%10s%12s%12s%12s%12s\n", "", "hops mean", "p99", "time mean", "p50", "p99", "max");
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        const struct histogram *latency = &metrics->latency_ns[kind];
        if (latency->count > 0) {
            fprintf(stream, "%-10s%10s%10u", summary_kind_name((enum chord_operation_kind)kind),
                    text_decimal(hops_mean(&metrics->hops[kind]), 2, a), hops_quantile(&metrics->hops[kind], 0.99));
            fprintf(stream, "%12s%12s%12s%12s\n", text_duration(histogram_mean(latency), a),
                    text_duration((double)histogram_quantile(latency, 0.5), b),
                    text_duration((double)histogram_quantile(latency, 0.99), c),
                    text_duration((double)latency->max, d));
        }
    }
    fprintf(stream, "\n%-10s%10s%14s\n", "messages", "count", "bytes");
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        if (traffic->messages[type] > 0) {
            fprintf(stream, "%-10s%10s%14s\n", chord_message_name((enum chord_message_type)type),
                    text_count(traffic->messages[type], a), text_count(traffic->bytes[type], b));
        }
    }
}

void answers_stats(const struct answers *answers, const struct metrics *metrics, const struct traffic *traffic) {
    if (answers->json) {
        give_stats(answers, metrics, traffic);
    } else {
        print_stats(answers, metrics, traffic);
    }
}

/* --- help, verdict, errors --- */

static void print_help_of(const struct answers *answers, const struct command_rule *rule) {
    FILE *stream = answers->stream;
    fprintf(stream, "%s%s%s%s%s\n%s.\n", paint(answers, BOLD), rule->name, rule->arguments[0] == '\0' ? "" : " ",
            rule->arguments, paint(answers, PLAIN), rule->summary);
    fputs(rule->detail, stream);
    if (rule->alias != NULL) {
        fprintf(stream, "Also: %s\n", rule->alias);
    }
}

void answers_help(const struct answers *answers, enum command_kind topic) {
    FILE *stream = answers->stream;
    if (answers->json) {
        json_t *object = object_of("help");
        json_t *commands = json_array();
        for (unsigned kind = 0; kind < SHELL_COMMAND_COUNT; kind++) {
            if (topic == SHELL_COMMAND_COUNT || topic == (enum command_kind)kind) {
                json_t *command = json_object();
                put_text(command, "name", command_rules[kind].name);
                put_text(command, "arguments", command_rules[kind].arguments);
                put_text(command, "summary", command_rules[kind].summary);
                chord_check(json_array_append_new(commands, command) == 0);
            }
        }
        put(object, "commands", commands);
        give(answers, object);
        return;
    }
    if (topic != SHELL_COMMAND_COUNT) {
        print_help_of(answers, &command_rules[topic]);
        return;
    }
    for (unsigned kind = 0; kind < SHELL_COMMAND_COUNT; kind++) {
        const struct command_rule *rule = &command_rules[kind];
        char usage[80];
        (void)snprintf(usage, sizeof usage, "%s %s", rule->name, rule->arguments);
        fprintf(stream, "  %-52s  %s\n", usage, rule->summary);
    }
    fputs("\nNODE is a rank (3) or a node's name (host:3; host:3#1 is the second of several on a rank). Without it a\n"
          "request enters at a random member; --seed fixes which.\n"
          "Quote as in a shell: 'a b', \"a \\\"b\\\"\", a\\ b; $'\\x00\\n' writes any bytes. # begins a comment.\n"
          "help COMMAND tells more.\n", stream);
}

void answers_verdict(const struct answers *answers, const struct answers_verdict *verdict) {
    if (answers->json) {
        json_t *object = object_of("verdict");
        put(object, "valid", json_true());
        put_count(object, "checked_by_model_count", verdict->model_count);
        put_count(object, "judged_count", verdict->judged_count);
        put_count(object, "stale_count", verdict->stale_count);
        put_count(object, "pair_count", verdict->pair_count);
        put_count(object, "copies_per_pair", verdict->copies_per_pair);
        give(answers, object);
        return;
    }
    char model[TEXT_NUMBER_SIZE], judged[TEXT_NUMBER_SIZE], pairs[TEXT_NUMBER_SIZE], stale[TEXT_NUMBER_SIZE];
    fprintf(answers->stream, "%sVALID%s: %s answer%s compared with the model, %s judged by T1, %" PRIu64
            " cop%s of %s pair%s on the right nodes", paint(answers, GREEN), paint(answers, PLAIN),
            text_count(verdict->model_count, model), plural(verdict->model_count),
            text_count(verdict->judged_count, judged), verdict->copies_per_pair,
            verdict->copies_per_pair == 1 ? "y" : "ies", text_count(verdict->pair_count, pairs),
            plural(verdict->pair_count));
    if (verdict->stale_count > 0) {
        fprintf(answers->stream, ", %s stale read%s", text_count(verdict->stale_count, stale),
                plural(verdict->stale_count));
    }
    fputc('\n', answers->stream);
}

void answers_error(const struct answers *answers, const char *source, uint64_t line, const char *text) {
    if (answers->json) {
        json_t *object = object_of("error");
        if (source != NULL) {
            put_text(object, "source", source);
        }
        put_count(object, "line", line);
        put_text(object, "error", text);
        give(answers, object);
    } else if (source != NULL) {
        fprintf(answers->stream, "%schordkv: %s:%" PRIu64 ": %s%s\n", paint(answers, RED), source, line, text,
                paint(answers, PLAIN));
    } else {
        fprintf(answers->stream, "%serror: %s%s\n", paint(answers, RED), text, paint(answers, PLAIN));
    }
}
