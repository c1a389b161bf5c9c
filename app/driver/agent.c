#include "app/driver/agent.h"

#include "app/driver/agent_tell.h"
#include "app/mpi/fault.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"
#include "chord/hash/hash.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Operations issued in one turn, so that the loop goes round even when every one is answered at once. */
#define ISSUES_PER_TURN 64u

enum chord_status agent_init(struct agent *agent, struct runtime *runtime, const struct chord_config *config,
                             struct chord_id *node_ids, const struct result_rank *place) {
    *agent = (struct agent){.runtime = runtime, .config = config, .node_ids = node_ids, .place = *place};
    agent->place.process_id = (int64_t)getpid();
    agent->ran = calloc(1, sizeof *agent->ran);
    agent->node_owned_before = calloc(config->virtual_node_count, sizeof *agent->node_owned_before);
    agent->node_forwarded_before = calloc(config->virtual_node_count, sizeof *agent->node_forwarded_before);
    if (agent->ran == NULL || agent->node_owned_before == NULL || agent->node_forwarded_before == NULL ||
        witness_init(&agent->witness, runtime, config) != CHORD_OK) {
        agent_clear(agent);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void agent_clear(struct agent *agent) {
    source_clear(&agent->source);
    free(agent->ran);
    free(agent->node_owned_before);
    free(agent->node_forwarded_before);
    history_free(&agent->history);
    witness_clear(&agent->witness);
    recorder_clear(&agent->recorder);
    inspect_listing_clear(&agent->listing);
    *agent = (struct agent){0};
}

/* --- loading and issuing --- */

const unsigned char *agent_key(struct agent *agent, size_t index, size_t *size) {
    return source_key(&agent->source, index, size);
}

const unsigned char *agent_value(struct agent *agent, size_t index, size_t *size) {
    return source_value(&agent->source, index, size);
}

/* Memory for the records of the next segment of so many operations, as far as known. Now, outside the timed part: a page that
 * is touched first there costs as much as an operation. */
static void reserve_history(struct agent *agent, size_t count) {
    const size_t needed = count < agent->history_limit ? count : agent->history_limit;
    chord_check(history_reserve(&agent->history, needed) == CHORD_OK);
    if (needed > agent->touched_count) {
        memset(agent->history.records + agent->touched_count, 0,
               (needed - agent->touched_count) * sizeof *agent->history.records);
        agent->touched_count = needed;
    }
}

static void load(struct agent *agent, const unsigned char *bytes, size_t size) {
    source_load(&agent->source, bytes, size);
    reserve_history(agent, agent->source.item_count);
}

/* COMMAND_GENERATE. */
static void generate(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_generate plan;
    chord_check(size == sizeof plan);
    memcpy(&plan, bytes, sizeof plan);
    chord_check(source_generate(&agent->source, agent->config, agent->runtime->rank, &plan) == CHORD_OK);
    const uint64_t known = source_expected(&agent->source);
    const uint64_t count = known > 0 ? known : agent_left(agent);
    reserve_history(agent, known);
    agent_reply(agent, head, &count, sizeof count);
}

static void forget_phase(struct agent *agent) {
    source_forget(&agent->source);
    agent->issued_count = 0;
    agent->segment_start = 0;
    agent->segment_end = 0;
    agent->next_is_prepared = false;
    agent->completed_count = 0;
    history_reset(&agent->history);
    recorder_begin(&agent->recorder, false, 0);
}

/* Quiet now, on all ranks: what is counted from here on belongs to the phase that is about to be loaded. */
static void begin_phase(struct agent *agent) {
    forget_phase(agent);
    memset(agent->ran, 0, sizeof *agent->ran);
    agent->traffic_before = runtime_traffic(agent->runtime);
    agent->cache_before = agent->runtime->peer.cache.counters;
    for (uint32_t v = 0; v < agent->config->virtual_node_count; v++) {
        agent->node_owned_before[v] = agent->runtime->peer.nodes[v].counters.requests_owned;
        agent->node_forwarded_before[v] = agent->runtime->peer.nodes[v].counters.requests_forwarded;
    }
}

static void start(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_run command;
    chord_check(size == sizeof command);
    memcpy(&command, bytes, sizeof command);
    agent->run_start_ns = command.start_ns - (uint64_t)agent->clock_offset_ns;
    const size_t room = SIZE_MAX - agent->issued_count;
    const size_t known = source_expected(&agent->source);
    const size_t to_come = known > agent->issued_count ? known - agent->issued_count : 0;
    agent->segment_start = agent->issued_count;
    agent->segment_end = agent->issued_count + (agent->history_limit < room ? agent->history_limit : room);
    history_reset(&agent->history);
    recorder_begin(&agent->recorder, command.keeps_answers != 0,
                   to_come < agent->history_limit ? to_come : agent->history_limit);
    const struct traffic traffic = runtime_traffic(agent->runtime);
    if (command.goes_on) { /* the segment before is told, and judging it took messages */
        memset(agent->ran, 0, sizeof *agent->ran);
        agent->traffic_before = traffic;
        agent->cache_before = agent->runtime->peer.cache.counters;
    }
    agent->traffic_before.mpi_messages = traffic.mpi_messages; /* loading took some, too */
    agent->traffic_before.mpi_bytes = traffic.mpi_bytes;
    source_go_on(&agent->source, agent->run_start_ns, agent->segment_start);
    agent->run_head = head;
    agent->told_next = command.tells_answered ? 1 : SIZE_MAX;
    agent->running = true;
}

/* The driver waits for a number of answers: a hundredth more is news. So it never knows of less than 99 % of them (but for
 * the message's own way), and a phase of n operations a rank costs about 100 (1 + ln(n / 100)) messages. */
static void tell_answered(struct agent *agent) {
    const uint64_t count = agent->completed_count;
    runtime_send_control(agent->runtime, agent->config->coordinator_rank, CONTROL_ANSWERED, &count, sizeof count);
    agent->told_next = agent->completed_count + agent->completed_count / 100 + 1;
}

/* What has to be done once, however often the client has no room for the operation. If the history shall outlive this
 * process, all that can be told of the operation is told now: nobody else knows its bytes. False: there is none now. */
static bool prepare_next(struct agent *agent) {
    struct chord_operation *next = &agent->next;
    const bool may_begin = agent->issued_count < agent->segment_end;
    if (source_next(&agent->source, agent->issued_count, agent->runtime->now_ns, may_begin, next) != SOURCE_OPERATION) {
        return false;
    }
    next->tag = agent->issued_count;
    next->key_id = chord_hash_id(next->key, next->key_size, agent->config->id_bits);
    agent->next_record = (struct history_record){.client_rank = agent->runtime->rank,
                                                 .index = (uint32_t)agent->issued_count,
                                                 .kind = (uint8_t)next->kind,
                                                 .outcome = CHORD_UNKNOWN};
    if (agent->keeps_evidence) {
        agent->next_record.key_digest = chord_digest64(next->key, next->key_size);
        agent->next_record.value_digest =
            next->kind == CHORD_INSERT ? chord_digest64(next->value, next->value_size) : 0;
    }
    agent->next_is_prepared = true;
    return true;
}

/* The operation is in the history before anybody can have heard of it. */
static enum chord_status submit(struct agent *agent) {
    agent->next_record.start_ns = agent->runtime->now_ns;
    chord_check(agent->segment_start + agent->history.count == agent->next.tag &&
                history_append(&agent->history, &agent->next_record) == CHORD_OK);
    const enum chord_status status = runtime_submit(agent->runtime, &agent->next);
    if (status == CHORD_BUSY) {
        history_take_back(&agent->history);
    }
    return status;
}

static bool issue(struct agent *agent) {
    bool any = false;
    for (unsigned turn = 0; turn < ISSUES_PER_TURN; turn++) {
        if (!agent->next_is_prepared && !prepare_next(agent)) {
            break;
        }
        const enum chord_status status = submit(agent);
        if (status == CHORD_BUSY) {
            break;
        }
        chord_check(status == CHORD_OK); /* the workload was surveyed: its sizes fit */
        agent->issued_count++;
        agent->next_is_prepared = false;
        any = true;
    }
    return any;
}

/* COMMAND_ONE: like the lines of a file, but issued at once and with its answer as the reply. */
static void run_one(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    load(agent, bytes, size);
    agent->segment_end = SIZE_MAX;
    agent->run_head = head;
    agent->run_start_ns = agent->runtime->now_ns;
    agent->told_next = SIZE_MAX;
    agent->running = true;
    agent->answering = true;
}

static void tell_answer(struct agent *agent, const struct chord_completion *completion, uint64_t end_ns) {
    const struct control_answer answer = {.kind = completion->kind,
                                          .outcome = completion->outcome,
                                          .version = completion->version,
                                          .answered_by = completion->answered_by,
                                          .owner_hops = completion->owner_hops,
                                          .retry_count = completion->retry_count,
                                          .latency_ns = end_ns - completion->started_ticks,
                                          .value_size =
                                              completion->outcome == CHORD_FOUND ? completion->value_size : 0};
    const size_t size = sizeof answer + answer.value_size;
    unsigned char *bytes = malloc(size);
    chord_check(bytes != NULL);
    memcpy(bytes, &answer, sizeof answer);
    if (answer.value_size > 0) {
        memcpy(bytes + sizeof answer, completion->value, answer.value_size);
    }
    agent->running = false;
    agent->answering = false;
    agent_reply(agent, agent->run_head, bytes, size);
    free(bytes);
}

void agent_complete(struct agent *agent, const struct chord_completion *completion, uint64_t end_ns) {
    struct metrics *metrics = &agent->ran->metrics;
    const struct history_answer answer = {.outcome = completion->outcome,
                                          .version = completion->version,
                                          .end_ns = end_ns,
                                          .value_digest = completion->outcome == CHORD_FOUND
                                                              ? chord_digest64(completion->value, completion->value_size)
                                                              : 0,
                                          .retry_count = completion->retry_count};
    const size_t position = (size_t)completion->tag - agent->segment_start;
    history_answer(&agent->history, position, &answer);
    source_answered(&agent->source, (size_t)completion->tag, completion, end_ns);
    recorder_note(&agent->recorder, position, completion);
    metrics->outcomes[completion->kind][completion->outcome]++;
    metrics->retry_count += completion->retry_count;
    histogram_record(&metrics->latency_ns[completion->kind], end_ns - completion->started_ticks);
    hops_record(&metrics->hops[completion->kind], completion->owner_hops);
    if (agent->config->cache_count > 0) {
        hops_record(&metrics->shortcut_hops[completion->shortcut], completion->owner_hops);
    }
    /* The clocks of two hosts agree but for an error: an answer can seem to come before the start. */
    const int64_t elapsed_ns = (int64_t)(end_ns - agent->run_start_ns);
    if (completion->outcome != CHORD_UNKNOWN) {
        timeline_record(&agent->ran->timeline, elapsed_ns > 0 ? (uint64_t)elapsed_ns : 0);
    }
    agent->completed_count++;
    if (agent->answering) {
        tell_answer(agent, completion, end_ns);
    }
}

/* --- judging --- */

/* Fills in what can be told after the timed part: digests of keys and of written values. */
static void digest_records(struct agent *agent) {
    for (size_t i = 0; i < agent->history.count && !agent->keeps_evidence; i++) {
        struct history_record *record = &agent->history.records[i];
        size_t size;
        const unsigned char *key = agent_key(agent, record->index, &size);
        record->key_digest = chord_digest64(key, size);
        if (record->kind == CHORD_INSERT) {
            const unsigned char *value = agent_value(agent, record->index, &size);
            record->value_digest = chord_digest64(value, size);
        }
    }
}

static void scatter(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_scatter command;
    chord_check(size == sizeof command + agent->config->rank_count * sizeof(bool));
    memcpy(&command, bytes, sizeof command);
    digest_records(agent);
    agent->scatter_head = head;
    witness_scatter(&agent->witness, &agent->history, agent->clock_offset_ns, agent->clock_error_ns, command.attempt,
                    (const bool *)(bytes + sizeof command));
    if (witness_is_done(&agent->witness)) {
        agent_reply(agent, head, NULL, 0);
    }
}

static void judge(struct agent *agent, struct control_head head) {
    const struct control_judged judged = witness_judge(&agent->witness);
    agent_reply(agent, head, &judged, sizeof judged);
}

static void keep(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    uint64_t offset;
    chord_check(size == sizeof offset);
    memcpy(&offset, bytes, sizeof offset);
    unsigned char *kept = witness_keep(&agent->witness, offset, &size);
    agent_reply(agent, head, kept, size);
    free(kept);
}

/* Negative controls: falsifies one thing on this rank, if it has one of the kind. */
static void forge(struct agent *agent, struct control_head head, enum options_forge kind) {
    uint32_t found = 0;
    for (size_t i = 0; kind != OPTIONS_FORGE_LOSE && found == 0 && i < agent->history.count; i++) {
        struct history_record *record = &agent->history.records[i];
        if (kind == OPTIONS_FORGE_ANSWER && record->outcome == CHORD_FOUND) {
            record->value_digest ^= 1;
            found = 1;
        }
        if (kind == OPTIONS_FORGE_STALE && record->outcome == CHORD_FOUND) {
            record->version_counter = 0;
            found = 1;
        }
    }
    for (uint32_t v = 0; kind == OPTIONS_FORGE_LOSE && found == 0 && v < agent->config->virtual_node_count; v++) {
        struct chord_node *node = &agent->runtime->peer.nodes[v];
        for (uint32_t a = 0; a < node->arcs.count && found == 0; a++) {
            size_t position = 0;
            const struct chord_entry *entry = chord_store_next(&node->arcs.items[a].store, &position);
            found = entry != NULL && chord_store_remove(&node->arcs.items[a].store, chord_entry_id(entry), entry->bytes,
                                                        entry->key_size);
        }
    }
    agent_reply(agent, head, &found, sizeof found);
}

/* --- faults --- */

static void fail(struct agent *agent, const unsigned char *bytes, size_t size) {
    struct control_fault fault;
    chord_check(size == sizeof fault);
    memcpy(&fault, bytes, sizeof fault);
    switch ((enum crash_kind)fault.kind) {
    case CRASH_SILENCE:
        runtime_silence(agent->runtime);
        return;
    case CRASH_KILL:
        fault_kill();
    case CRASH_PAUSE:
        (void)fault_pause((uint32_t)(fault.pause_ns / 1000000));
        return;
    case CRASH_KIND_COUNT:
        break;
    }
    chord_check(!"a way to fail");
}

/* --- dispatch --- */

static void reset(struct agent *agent, struct control_head head, const unsigned char *bytes) {
    struct control_reset command;
    memcpy(&command, bytes, sizeof command);
    forget_phase(agent);
    witness_reset(&agent->witness);
    chord_check(runtime_reset_peer(agent->runtime, agent->node_ids, command.incarnation) == CHORD_OK);
    agent_reply(agent, head, NULL, 0);
}

/* What is left to do goes on, or never will. */
static void resume(struct agent *agent, bool goes_on) {
    agent->holds = false;
    if (!goes_on) {
        agent->running = false;
    }
}

static void carry_out(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    uint32_t number = 0;
    memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
    switch ((enum control_command)head.command) {
    case COMMAND_RESET:
        reset(agent, head, bytes);
        return;
    case COMMAND_FORM:
        chord_peer_start(&agent->runtime->peer);
        agent_reply(agent, head, NULL, 0);
        return;
    case COMMAND_BEGIN:
        begin_phase(agent);
        agent_reply(agent, head, NULL, 0);
        return;
    case COMMAND_LOAD:
        load(agent, bytes, size);
        agent_reply(agent, head, NULL, 0);
        return;
    case COMMAND_RUN:
        start(agent, head, bytes, size);
        return;
    case COMMAND_HALT:
        agent->segment_end = agent->issued_count < agent->segment_end ? agent->issued_count : agent->segment_end;
        return;
    case COMMAND_FORGE:
        forge(agent, head, (enum options_forge)number);
        return;
    case COMMAND_SCATTER:
        scatter(agent, head, bytes, size);
        return;
    case COMMAND_JUDGE:
        judge(agent, head);
        return;
    case COMMAND_STOP:
        agent->stopped = true;
        agent_reply(agent, head, NULL, 0);
        return;
    case COMMAND_ONE:
        run_one(agent, head, bytes, size);
        return;
    case COMMAND_FAULT:
        fail(agent, bytes, size);
        return;
    case COMMAND_KEEP:
        keep(agent, head, bytes, size);
        return;
    case COMMAND_RESUME:
        resume(agent, number != 0);
        return;
    case COMMAND_REST:
        agent->resting = number != 0;
        agent_reply(agent, head, NULL, 0);
        return;
    case COMMAND_GENERATE:
        generate(agent, head, bytes, size);
        return;
    case COMMAND_STATE:
    case COMMAND_METRICS:
    case COMMAND_ARCS:
    case COMMAND_KEYS:
    case COMMAND_NODES:
    case COMMAND_TABLES:
    case COMMAND_RANK:
    case COMMAND_KEY:
    case COMMAND_WAITING:
    case COMMAND_STEP:
    case COMMAND_INFO:
    case COMMAND_PAIRS:
    case COMMAND_IMPACT:
    case COMMAND_HISTORY:
    case COMMAND_ACTION:
        agent_tell(agent, head, bytes, size);
        return;
    case COMMAND_COUNT:
        break;
    }
    chord_check(!"a command that no driver gives");
}

void agent_receive(struct agent *agent, uint32_t from_rank, unsigned type, const unsigned char *bytes, size_t size) {
    switch ((enum control_type)type) {
    case CONTROL_COMMAND: {
        struct control_head head;
        chord_check(size >= sizeof head);
        memcpy(&head, bytes, sizeof head);
        if (head.serial == 0 || head.serial > agent->newest_serial) {
            agent->newest_serial = head.serial > 0 ? head.serial : agent->newest_serial;
            carry_out(agent, head, bytes + sizeof head, size - sizeof head);
        }
        return;
    }
    case CONTROL_RECORDS:
        witness_receive_records(&agent->witness, from_rank, bytes, size);
        return;
    case CONTROL_RECORDS_ACK:
        if (witness_receive_ack(&agent->witness, from_rank, bytes, size)) {
            agent_reply(agent, agent->scatter_head, NULL, 0);
        }
        return;
    case CONTROL_MARK: {
        struct control_mark mark;
        chord_check(size == sizeof mark);
        memcpy(&mark, bytes, sizeof mark);
        generated_hear(&agent->source.generated, &mark);
        return;
    }
    case CONTROL_REPLY:
    case CONTROL_BACK:
    case CONTROL_ANSWERED:
        break;
    }
    chord_check(!"a control message that isn't for agents");
}

size_t agent_ride(struct agent *agent, unsigned char *at, size_t room) {
    struct control_mark mark;
    if (room < 1 + sizeof mark || !agent->source.generates || !generated_gossip(&agent->source.generated, &mark)) {
        return 0;
    }
    at[0] = CONTROL_MARK;
    memcpy(at + 1, &mark, sizeof mark);
    return 1 + sizeof mark;
}

/* Whether this rank has just stood still for so long that it may have been taken for dead. Then it asks before it issues
 * anything more: its operations may have been judged already, without those that it is about to issue. */
static bool has_stood_still(struct agent *agent) {
    const uint64_t now_ns = agent->runtime->now_ns;
    const uint64_t gap_ns = now_ns - agent->worked_ns;
    agent->worked_ns = now_ns;
    return agent->config->heartbeat_ticks > 0 && gap_ns > agent->config->suspicion_ticks &&
           agent->runtime->rank != agent->config->coordinator_rank;
}

/* What was given up leaves the client no room for the rest. */
static bool is_stuck(const struct agent *agent, bool issued_any) {
    return !issued_any && agent->next_is_prepared && agent->runtime->peer.client.given_up_count > 0;
}

/* Whether the segment is as long as it may be. What has begun is carried through: a read and its update are one. */
static bool is_full(const struct agent *agent) {
    return agent->issued_count >= agent->segment_end && !agent->next_is_prepared && !source_is_unfinished(&agent->source);
}

/* All is answered, or given up. */
static bool has_ended(const struct agent *agent, bool issued_any) {
    return agent->completed_count == agent->issued_count &&
           (agent_left(agent) == 0 || is_full(agent) || is_stuck(agent, issued_any));
}

static void end_segment(struct agent *agent, bool issued_any) {
    const uint64_t left_count = agent_left(agent);
    const bool stuck = left_count > 0 && !is_full(agent) && is_stuck(agent, issued_any);
    const struct control_segment segment = {.issued_count = agent->issued_count,
                                            .left_count = stuck ? 0 : left_count};
    agent->running = false;
    agent->ran->not_issued_count = stuck ? left_count : 0;
    agent_reply(agent, agent->run_head, &segment, sizeof segment);
}

bool agent_work(struct agent *agent) {
    const bool stood_still = has_stood_still(agent);
    if (!agent->running) {
        return false;
    }
    if (stood_still) {
        agent->holds = true;
        runtime_send_control(agent->runtime, agent->config->coordinator_rank, CONTROL_BACK, NULL, 0);
    }
    if (agent->holds) {
        return false;
    }
    const bool any = issue(agent);
    if (agent->completed_count >= agent->told_next) {
        tell_answered(agent);
    }
    if (agent->running && has_ended(agent, any)) {
        end_segment(agent, any);
        return true;
    }
    return any;
}
