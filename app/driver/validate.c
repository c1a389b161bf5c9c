#include "app/driver/validate.h"

#include "app/report/summary.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void validator_reset(struct validator *validator) {
    model_free(&validator->model);
    validator->model_is_lost = false;
}

void validator_clear(struct validator *validator) {
    model_free(&validator->model);
    free(validator->arcs);
    validator->arcs = NULL;
    validator->arc_capacity = 0;
}

/* A key between quotes, shortened, with what can't be printed as \xHH. Bytes above 127 stay: keys are mostly UTF-8. */
static void quote(const unsigned char *bytes, size_t size, char *text, size_t text_size) {
    size_t at = 0;
    text[at++] = '"';
    for (size_t i = 0; i < size && at + 8 < text_size; i++) {
        if (bytes[i] >= 32 && bytes[i] != 127) {
            text[at++] = (char)bytes[i];
        } else {
            at += (size_t)snprintf(text + at, text_size - at, "\\x%02x", bytes[i]);
        }
        if (i == 80 && size > 81) {
            memcpy(text + at, "...", 3);
            at += 3;
            break;
        }
    }
    text[at++] = '"';
    text[at] = '\0';
}

/* --- a serial run against the model --- */

static void check_with_model(struct validator *validator, struct result_verdict *verdict) {
    const struct history *history = &validator->agent->history;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_record *record = &history->records[i];
        size_t key_size;
        size_t value_size;
        if (record->outcome == CHORD_UNKNOWN) {
            validator->model_is_lost = true; /* from here on nobody knows what there is, but the judge */
        }
        if (validator->model_is_lost) {
            return;
        }
        const unsigned char *key = agent_key(validator->agent, record->index, &key_size);
        const unsigned char *value = agent_value(validator->agent, record->index, &value_size);
        struct model_answer expected;
        chord_check(model_expect(&validator->model, (enum chord_operation_kind)record->kind, key, key_size, value,
                                 value_size, &expected) == CHORD_OK);
        /* An old answer to a read isn't wrong in an eventual ring: T1 looks at it, and counts it. */
        if (validator->config->consistency == CHORD_EVENTUAL && record->kind == CHORD_QUERY) {
            continue;
        }
        verdict->checked_by_model_count++;
        const bool other_value = record->outcome == CHORD_FOUND && record->value_digest != expected.value_digest;
        if (record->outcome == expected.outcome && !other_value) {
            continue;
        }
        if (verdict->wrong_count++ == 0) {
            char text[RESULT_TEXT_SIZE / 2];
            quote(key, key_size, text, sizeof text);
            snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                     "key %s, operation %u: the %s was answered \"%s\"%s, the model says \"%s\"", text,
                     record->index + 1, summary_kind_name((enum chord_operation_kind)record->kind), summary_outcome_name((enum chord_outcome)record->outcome),
                     other_value ? " with another value" : "", summary_outcome_name(expected.outcome));
        }
    }
}

/* --- T1 --- */

static void on_judged(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct validator *validator = context;
    struct control_judged judged;
    chord_check(size == sizeof judged);
    memcpy(&judged, bytes, sizeof judged);
    judge_verdict_merge(&validator->judged, &judged.verdict);
    validator->content.pair_count += judged.content.pair_count;
    validator->content.content += judged.content.content;
    validator->content.uncertain_count += judged.content.uncertain_count;
    validator->judging_failed |= judged.failed != 0;
}

static void on_key(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct validator *validator = context;
    quote(bytes, size, validator->text, sizeof validator->text / 2);
}

static uint32_t count_lost(const struct commander *commander) {
    uint32_t count = 0;
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        count += commander->is_lost[rank];
    }
    return count;
}

/* Sends all records to their judges. If a rank is lost meanwhile, again. */
static bool scatter(struct validator *validator, char *error) {
    struct commander *commander = validator->commander;
    const size_t size = sizeof(struct control_scatter) + commander->rank_count * sizeof(bool);
    struct control_scatter *command = malloc(size);
    chord_check(command != NULL);
    bool going = true;
    uint32_t lost_count;
    do {
        lost_count = count_lost(commander);
        *command = (struct control_scatter){.attempt = ++validator->attempt};
        memcpy(command + 1, commander->is_lost, commander->rank_count * sizeof(bool));
        going = legacy_testify(validator->legacy, &validator->lost_counts, error) &&
                commander_ask_all(commander, "sending histories to their judges", COMMAND_SCATTER, command, size, NULL,
                                  NULL);
    } while (going && lost_count != count_lost(commander));
    free(command);
    return going;
}

/* Who is wrong, in words. False if the run is stuck. */
static bool ask_for_key(struct validator *validator, const struct judge_wrong *wrong) {
    struct commander *commander = validator->commander;
    snprintf(validator->text, sizeof validator->text, "of a rank that is lost");
    commander_begin(commander, "asking for the wrong key", on_key, validator);
    commander_tell(commander, wrong->client_rank, COMMAND_KEY, &wrong->index, sizeof wrong->index);
    return commander_wait(commander);
}

static bool check_with_judges(struct validator *validator, struct result_verdict *verdict) {
    struct commander *commander = validator->commander;
    memset(&validator->judged, 0, sizeof validator->judged);
    memset(&validator->content, 0, sizeof validator->content);
    memset(&validator->lost_counts, 0, sizeof validator->lost_counts);
    validator->judging_failed = false;
    char error[WORKLOAD_ERROR_SIZE] = "";
    if (!scatter(validator, error)) {
        verdict->wrong_count = 1;
        snprintf(verdict->first_wrong, sizeof verdict->first_wrong, "the answers can't be judged: %.400s", error);
        return error[0] != '\0';
    }
    const uint32_t lost_count = count_lost(commander);
    if (!commander_ask_all(commander, "judging", COMMAND_JUDGE, NULL, 0, on_judged, validator)) {
        return false;
    }
    if (count_lost(commander) != lost_count) {
        verdict->wrong_count = 1;
        snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                 "the answers can't be judged: a rank was lost while it judged its share; run again");
        return true;
    }
    verdict->judged = validator->judged;
    const struct judge_wrong *first = &validator->judged.first;
    if (validator->judged.wrong_count > 0 && verdict->wrong_count == 0) {
        if (!ask_for_key(validator, first)) {
            return false;
        }
        snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                 "key %.250s, operation %u of rank %u's client: the %s was answered \"%s\" (version %u.%" PRIu64 "): %s",
                 validator->text, first->index + 1, first->client_rank, summary_kind_name((enum chord_operation_kind)first->kind),
                 summary_outcome_name((enum chord_outcome)first->outcome), first->version.epoch, first->version.counter,
                 judge_reason_text(first->reason));
    }
    verdict->wrong_count =
        verdict->wrong_count > validator->judged.wrong_count ? verdict->wrong_count : validator->judged.wrong_count;
    if (validator->judging_failed && verdict->wrong_count == 0) {
        verdict->wrong_count = 1;
        snprintf(verdict->first_wrong, sizeof verdict->first_wrong, "a rank had no memory left to judge the answers");
    }
    return true;
}

/* --- the copies --- */

static void on_arcs(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct validator *validator = context;
    const size_t count = size / sizeof *validator->arcs;
    if (validator->arc_count + count > validator->arc_capacity) {
        validator->arc_capacity = 2 * (validator->arc_count + count);
        validator->arcs = realloc(validator->arcs, validator->arc_capacity * sizeof *validator->arcs);
        chord_check(validator->arcs != NULL);
    }
    if (count > 0) { /* a spare holds nothing, and nothing may have been allocated yet */
        memcpy(validator->arcs + validator->arc_count, bytes, count * sizeof *validator->arcs);
    }
    validator->arc_count += count;
}

static bool check_copies(struct validator *validator, struct result_verdict *verdict) {
    validator->arc_count = 0;
    if (!commander_ask_all(validator->commander, "comparing copies", COMMAND_ARCS, NULL, 0, on_arcs, validator)) {
        return false;
    }
    const struct copies_result copies =
        copies_check(validator->nodes, validator->node_count, validator->config->replica_count,
                     validator->config->id_bits, validator->arcs, validator->arc_count, &validator->content);
    verdict->copies_valid = copies.valid;
    verdict->copies_per_pair = copies.copies_per_pair;
    verdict->pair_count = copies.pair_count;
    if (!copies.valid && verdict->wrong_count == 0) {
        verdict->wrong_count = 1;
        memcpy(verdict->first_wrong, copies.wrong, sizeof copies.wrong);
    }
    /* The model is a second opinion on what a serial run leaves. */
    const struct model_content model = model_content(&validator->model);
    if (validator->mode == OPTIONS_MODE_SERIAL && !validator->model_is_lost && verdict->wrong_count == 0 &&
        (model.pair_count != copies.pair_count || model.content != copies.content)) {
        verdict->wrong_count = 1;
        snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                 "the ring holds %" PRIu64 " pairs, the model %" PRIu64 "%s", copies.pair_count, model.pair_count,
                 model.pair_count == copies.pair_count ? " others" : "");
    }
    return true;
}

bool validator_judge_answers(struct validator *validator, struct result_verdict *verdict) {
    memset(verdict, 0, sizeof *verdict);
    if (validator->mode == OPTIONS_MODE_SERIAL) {
        check_with_model(validator, verdict);
    }
    return check_with_judges(validator, verdict);
}

bool validator_judge(struct validator *validator, struct result_verdict *verdict) {
    if (!validator_judge_answers(validator, verdict) || !check_copies(validator, verdict)) {
        return false;
    }
    verdict->valid = verdict->wrong_count == 0;
    return true;
}
