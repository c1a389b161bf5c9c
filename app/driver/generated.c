#include "app/driver/generated.h"

#include "app/driver/grown.h"
#include "app/generate/pairs.h"
#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

/* What is kept of an operation: record 48 bits | part 3 bits | slot 13 bits. */
enum part {
    PART_READ,
    PART_UPDATE,
    PART_INSERT,
    PART_DELETE,
    PART_FIRST_OF_TWO,  /* the read of a read-modify-write */
    PART_SECOND_OF_TWO, /* and its update */
    PART_LOAD           /* the insert of a record that is there from the start */
};
#define PART_SHIFT 48u
#define SLOT_SHIFT 51u
#define SLOTS_MAX (1u << 13)

static uint64_t packed(uint64_t index, enum part part, uint32_t slot) {
    return index | (uint64_t)part << PART_SHIFT | (uint64_t)slot << SLOT_SHIFT;
}

static uint64_t index_of(uint64_t drawn) {
    return drawn & (PAIRS_INDEX_MAX - 1);
}

static enum part part_of(uint64_t drawn) {
    return (enum part)(drawn >> PART_SHIFT & 7);
}

static bool is_kept(const struct generated *generated, size_t position) {
    return position >= generated->first_position && position < generated->position_count;
}

static uint64_t drawn_at(const struct generated *generated, size_t position) {
    return generated->drawn[position - generated->first_position];
}

void generated_clear(struct generated *generated) {
    for (uint32_t i = 0; i < generated->slot_count && generated->slots != NULL; i++) {
        free(generated->slots[i].bytes);
    }
    free(generated->slots);
    free(generated->drawn);
    free(generated->scratch);
    free(generated->actions);
    free(generated->lag);
    marks_clear(&generated->marks);
    *generated = (struct generated){0};
}

/* As many as the client may have under way, and the one that waits for room. */
static bool make_slots(struct generated *generated) {
    const uint32_t count = generated->config->window + 1;
    chord_check(count <= SLOTS_MAX);
    generated->slots = calloc(count, sizeof *generated->slots);
    generated->slot_count = generated->slots == NULL ? 0 : count;
    for (uint32_t i = 0; i < generated->slot_count; i++) {
        generated->slots[i].next = i + 1 < count ? i + 1 : NO_SLOT;
    }
    generated->free_first = 0;
    return generated->slots != NULL;
}

enum chord_status generated_begin(struct generated *generated, const struct chord_config *config, uint32_t rank,
                                  const struct control_generate *plan) {
    struct marks marks = generated->marks;
    generated->marks = (struct marks){0};
    generated_clear(generated);
    generated->marks = marks;
    generated->config = config;
    generated->rank = rank;
    generated->plan = *plan;
    generated->ready_first = generated->ready_last = NO_SLOT;
    generated->actions = calloc(MIX_ACTION_COUNT, sizeof *generated->actions);
    generated->lag = calloc(1, sizeof *generated->lag);
    generated->scratch = malloc((size_t)plan->key_size + plan->value_size);
    if (generated->actions == NULL || generated->lag == NULL || generated->scratch == NULL || !make_slots(generated)) {
        return CHORD_NO_MEMORY;
    }
    if (plan->loads || marks.counts == NULL) {
        marks_clear(&generated->marks);
        if (marks_init(&generated->marks, rank, config->rank_count, plan->record_count) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    chooser_init(&generated->chooser, &plan->mix, (enum distribution_kind)plan->distribution, plan->record_count,
                 plan->seed, (uint64_t)plan->stream << 32 | rank);
    return CHORD_OK;
}

void generated_go_on(struct generated *generated, uint64_t start_ns, size_t position) {
    generated->start_ns = start_ns;
    generated->first_position = position;
    generated->position_count = position;
}

/* --- the next operation --- */

static uint64_t due_ns(const struct generated *generated) {
    const struct control_generate *plan = &generated->plan;
    return generated->start_ns + plan->first_due_ns +
           (uint64_t)((double)generated->drawn_count * plan->interval_ns);
}

/* Whether another operation is to be drawn now. */
static bool may_draw(struct generated *generated, uint64_t now_ns) {
    const struct control_generate *plan = &generated->plan;
    const bool is_over = plan->duration_ns > 0 && now_ns >= generated->start_ns + plan->duration_ns;
    generated->ended = generated->ended || is_over || generated->drawn_count >= plan->operation_count;
    return !generated->ended && generated->free_first != NO_SLOT &&
           (plan->interval_ns <= 0 || due_ns(generated) <= now_ns);
}

static enum part part_of_action(enum mix_action action) {
    static const enum part parts[MIX_ACTION_COUNT] = {[MIX_READ] = PART_READ,
                                                      [MIX_UPDATE] = PART_UPDATE,
                                                      [MIX_INSERT] = PART_INSERT,
                                                      [MIX_DELETE] = PART_DELETE,
                                                      [MIX_READ_MODIFY_WRITE] = PART_FIRST_OF_TWO};
    return parts[action];
}

/* False: it has to wait. */
static bool draw(struct generated *generated, enum part *part, uint64_t *index) {
    const struct control_generate *plan = &generated->plan;
    if (plan->loads) {
        *part = PART_LOAD;
        *index = plan->load_first + generated->drawn_count * plan->load_stride;
        return true;
    }
    const struct chord_prng before = generated->chooser.prng;
    const struct choice choice = chooser_next(&generated->chooser, generated->marks.mark);
    *part = part_of_action(choice.action);
    *index = choice.index;
    if (choice.action == MIX_INSERT && !marks_take(&generated->marks, index)) {
        generated->chooser.prng = before;
        return false;
    }
    if (choice.action != MIX_INSERT && plan->distribution == DISTRIBUTION_LATEST) {
        histogram_record(generated->lag, marks_lag(&generated->marks));
    }
    return true;
}

static enum chord_operation_kind kind_of(enum part part) {
    return part == PART_READ || part == PART_FIRST_OF_TWO ? CHORD_QUERY
           : part == PART_DELETE                          ? CHORD_DELETE
                                                          : CHORD_INSERT;
}

static uint64_t write_of(const struct generated *generated, size_t position) {
    return pairs_write(generated->rank, generated->plan.stream, position);
}

/* The bytes of the operation at a position, in its slot, and a note of it. */
static void make(struct generated *generated, size_t position, enum part part, uint32_t at,
                 struct chord_operation *operation) {
    const struct control_generate *plan = &generated->plan;
    struct generated_slot *slot = &generated->slots[at];
    if (slot->bytes == NULL) {
        slot->bytes = malloc((size_t)plan->key_size + plan->value_size);
        chord_check(slot->bytes != NULL);
    }
    *operation = (struct chord_operation){
        .kind = kind_of(part),
        .entry = {.rank = generated->rank,
                  .virtual_node = (uint16_t)chord_prng_below(&generated->chooser.prng,
                                                             generated->config->virtual_node_count)},
        .key = slot->bytes,
        .key_size = plan->key_size,
        .value = slot->bytes + plan->key_size};
    if (part != PART_SECOND_OF_TWO) {
        pairs_key(plan->seed, slot->index, slot->bytes, plan->key_size);
    }
    if (operation->kind == CHORD_INSERT) {
        operation->value_size = plan->value_size;
        pairs_value(plan->seed, write_of(generated, position), slot->bytes + plan->key_size, plan->value_size);
    }
    const size_t kept = position - generated->first_position;
    generated->drawn = grown(generated->drawn, &generated->drawn_capacity, kept + 1, sizeof *generated->drawn);
    generated->position_count = position + 1;
    generated->drawn[kept] = packed(slot->index, part, at);
}

bool generated_next(struct generated *generated, size_t position, uint64_t now_ns, bool may_begin,
                    struct chord_operation *operation) {
    if (generated->ready_first != NO_SLOT) {
        const uint32_t at = generated->ready_first;
        generated->ready_first = generated->slots[at].next;
        generated->unfinished_count--;
        make(generated, position, PART_SECOND_OF_TWO, at, operation);
        return true;
    }
    enum part part;
    uint64_t index;
    if (!may_begin || !may_draw(generated, now_ns) || !draw(generated, &part, &index)) {
        return false;
    }
    const uint32_t at = generated->free_first;
    struct generated_slot *slot = &generated->slots[at];
    generated->free_first = slot->next;
    slot->index = index;
    slot->due_ns = generated->plan.interval_ns > 0 ? due_ns(generated) : 0;
    generated->drawn_count++;
    generated->unfinished_count += part == PART_FIRST_OF_TWO;
    make(generated, position, part, at, operation);
    return true;
}

uint64_t generated_left(const struct generated *generated) {
    const struct control_generate *plan = &generated->plan;
    const uint64_t to_draw = generated->ended                           ? 0
                             : plan->operation_count == UINT64_MAX ? 1
                                                                   : plan->operation_count - generated->drawn_count;
    return to_draw + generated->unfinished_count;
}

size_t generated_expected(const struct generated *generated) {
    const struct control_generate *plan = &generated->plan;
    if (plan->operation_count == UINT64_MAX) {
        return 0;
    }
    /* A read and its update are two. */
    return plan->operation_count * (100 + (plan->loads ? 0 : plan->mix.percent[MIX_READ_MODIFY_WRITE])) / 100;
}

/* --- answers --- */

static void count_outcome(struct action_metrics *action, const struct chord_completion *completion) {
    const bool is_absent = completion->outcome == CHORD_ABSENT ||
                           (completion->kind == CHORD_INSERT && completion->outcome == CHORD_INSERTED);
    if (completion->outcome == CHORD_UNKNOWN) {
        action->unknown_count++;
    } else if (is_absent) {
        action->absent_count++;
    } else {
        action->present_count++;
    }
}

static void record(struct action_metrics *action, uint64_t started_ns, uint64_t due, uint64_t end_ns) {
    histogram_record(&action->latency_ns, end_ns - started_ns);
    if (due > 0) {
        histogram_record(&action->intended_ns, end_ns > due ? end_ns - due : 0);
    }
}

static void give_back(struct generated *generated, uint32_t at) {
    generated->slots[at].next = generated->free_first;
    generated->free_first = at;
}

/* The read of two is answered: its update comes next. Given up, it has none. */
static void go_on(struct generated *generated, uint32_t at, const struct chord_completion *completion,
                  uint64_t end_ns) {
    struct generated_slot *slot = &generated->slots[at];
    if (completion->outcome == CHORD_UNKNOWN) {
        generated->unfinished_count--;
        generated->actions[MIX_READ_MODIFY_WRITE].unknown_count++;
        give_back(generated, at);
        return;
    }
    slot->started_ns = completion->started_ticks;
    slot->ready_ns = end_ns;
    slot->next = NO_SLOT;
    if (generated->ready_first == NO_SLOT) {
        generated->ready_first = at;
    } else {
        generated->slots[generated->ready_last].next = at;
    }
    generated->ready_last = at;
}

void generated_answered(struct generated *generated, size_t position, const struct chord_completion *completion,
                        uint64_t end_ns) {
    static const enum mix_action actions[] = {[PART_READ] = MIX_READ,           [PART_UPDATE] = MIX_UPDATE,
                                              [PART_INSERT] = MIX_INSERT,       [PART_DELETE] = MIX_DELETE,
                                              [PART_FIRST_OF_TWO] = MIX_READ,   [PART_SECOND_OF_TWO] = MIX_UPDATE,
                                              [PART_LOAD] = MIX_INSERT};
    const uint64_t drawn = drawn_at(generated, position);
    const enum part part = part_of(drawn);
    const uint32_t at = (uint32_t)(drawn >> SLOT_SHIFT);
    const struct generated_slot *slot = &generated->slots[at];
    struct action_metrics *action = &generated->actions[actions[part]];
    const uint64_t own_due_ns = part == PART_SECOND_OF_TWO && slot->due_ns > 0 ? slot->ready_ns : slot->due_ns;
    count_outcome(action, completion);
    if (completion->outcome != CHORD_UNKNOWN) {
        record(action, completion->started_ticks, own_due_ns, end_ns);
    }
    if (part == PART_INSERT && completion->outcome != CHORD_UNKNOWN) {
        marks_acknowledge(&generated->marks, slot->index);
    } else if (part == PART_INSERT) {
        marks_give_up(&generated->marks, slot->index);
    } else if (part == PART_FIRST_OF_TWO) {
        go_on(generated, at, completion, end_ns);
        return;
    } else if (part == PART_SECOND_OF_TWO) {
        struct action_metrics *both = &generated->actions[MIX_READ_MODIFY_WRITE];
        count_outcome(both, completion);
        if (completion->outcome != CHORD_UNKNOWN) {
            record(both, slot->started_ns, slot->due_ns, end_ns);
        }
    }
    give_back(generated, at);
}

/* --- bytes once more --- */

const unsigned char *generated_key(struct generated *generated, size_t position, size_t *size) {
    *size = 0;
    if (!is_kept(generated, position)) {
        return NULL;
    }
    *size = generated->plan.key_size;
    pairs_key(generated->plan.seed, index_of(drawn_at(generated, position)), generated->scratch,
              generated->plan.key_size);
    return generated->scratch;
}

const unsigned char *generated_value(struct generated *generated, size_t position, size_t *size) {
    *size = 0;
    if (!is_kept(generated, position) || kind_of(part_of(drawn_at(generated, position))) != CHORD_INSERT) {
        return NULL;
    }
    *size = generated->plan.value_size;
    unsigned char *value = generated->scratch + generated->plan.key_size; /* beside the key: both may be wanted */
    pairs_value(generated->plan.seed, write_of(generated, position), value, generated->plan.value_size);
    return value;
}

/* --- marks --- */

bool generated_gossip(struct generated *generated, struct control_mark *mark) {
    const struct marks *marks = &generated->marks;
    if (marks->counts == NULL || generated->plan.loads || generated->plan.mix.percent[MIX_INSERT] == 0) {
        return false;
    }
    /* Every second time its own, which nobody else knows as well. */
    const uint32_t turn = generated->gossip_next++;
    mark->rank = turn % 2 == 0 ? generated->rank : turn / 2 % marks->rank_count;
    mark->reserved = 0;
    mark->count = marks->counts[mark->rank];
    return true;
}

void generated_hear(struct generated *generated, const struct control_mark *mark) {
    if (generated->marks.counts != NULL) {
        marks_hear(&generated->marks, mark->rank, mark->count);
    }
}
