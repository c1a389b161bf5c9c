#include "tests/sim/trace.h"

#include "chord/member/coordinator.h"

#include <inttypes.h>

static const char *const kinds[] = {"insert", "query", "delete"};
static const char *const outcomes[] = {"inserted", "updated", "found", "absent", "deleted", "unknown"};
static const char *const reasons[] = {"not active", "stale epoch", "below watermark", "too many hops"};

static const char *const shortcuts[] = {"", " shortcut", " stale shortcut"};

static void trace_request(FILE *out, const struct chord_request *request) {
    fprintf(out, " %u#%" PRIu64 " %s %.*s hops=%u", request->client_rank, request->seq, kinds[request->kind],
            (int)request->key_size, (const char *)request->key, request->owner_hops);
    fputs(shortcuts[request->shortcut], out);
}

static void trace_version(FILE *out, struct chord_version version) {
    fprintf(out, " version=%u.%" PRIu64, version.epoch, version.counter);
}

static void trace_part(FILE *out, uint32_t epoch, struct chord_id start, struct chord_id end, unsigned id_bits) {
    char first[CHORD_ID_TEXT_SIZE];
    char last[CHORD_ID_TEXT_SIZE];
    fprintf(out, " epoch=%u part=(%s,%s]", epoch, chord_id_format(start, id_bits, first),
            chord_id_format(end, id_bits, last));
}

static void trace_claim(FILE *out, const struct chord_claim *claim, unsigned id_bits) {
    trace_part(out, claim->epoch, claim->start, claim->owner.id, id_bits);
}

void trace_message(FILE *out, uint64_t now_ticks, const struct chord_message *message, unsigned id_bits) {
    if (out == NULL) {
        return;
    }
    char text[CHORD_ID_TEXT_SIZE];
    fprintf(out, "%8" PRIu64 "  %u.%u -> %u.%u  %-10s", now_ticks, message->from.rank, message->from.virtual_node,
            message->to.rank, message->to.virtual_node, chord_message_name(message->type));
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        trace_request(out, &message->request);
        break;
    case CHORD_MESSAGE_CHAIN:
        trace_request(out, &message->chain.request);
        trace_version(out, message->chain.version);
        fprintf(out, "%s", message->chain.duplicate ? " duplicate" : "");
        break;
    case CHORD_MESSAGE_ACK:
        fprintf(out, " arc=%s epoch=%u counter=%" PRIu64, chord_id_format(message->ack.arc_end, id_bits, text),
                message->ack.epoch, message->ack.counter);
        break;
    case CHORD_MESSAGE_ANSWER:
        fprintf(out, " #%" PRIu64 " %s", message->answer.seq, outcomes[message->answer.outcome]);
        trace_version(out, message->answer.version);
        break;
    case CHORD_MESSAGE_REFUSAL:
        fprintf(out, " #%" PRIu64 " %s", message->refusal.seq, reasons[message->refusal.reason]);
        break;
    case CHORD_MESSAGE_LOOKUP:
        fprintf(out, " target=%s finger=%u", chord_id_format(message->lookup.target, id_bits, text),
                message->lookup.exponent);
        break;
    case CHORD_MESSAGE_FOUND:
        trace_claim(out, &message->found.claim, id_bits);
        fprintf(out, " finger=%u", message->found.exponent);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        trace_claim(out, &message->announce.claim, id_bits);
        fprintf(out, " target=%s walk=%u", chord_id_format(message->announce.target, id_bits, text),
                message->announce.exponent);
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        fprintf(out, " epoch=%u walk=%u", message->announced.epoch, message->announced.exponent);
        break;
    case CHORD_MESSAGE_GONE:
        fprintf(out, " id=%s incarnation=%u", chord_id_format(message->gone.member.id, id_bits, text),
                message->gone.member.incarnation);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        fprintf(out, " id=%s incarnation=%u", chord_id_format(message->registration.member.id, id_bits, text),
                message->registration.member.incarnation);
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        fprintf(out, " epoch=%u predecessor=%s successors=", message->neighbours.epoch,
                chord_id_format(message->neighbours.predecessor.id, id_bits, text));
        for (uint32_t i = 0; i < message->neighbours.successors.count; i++) {
            const struct chord_member member = chord_members_get(&message->neighbours.successors, i);
            fprintf(out, "%s%u.%u", i == 0 ? "" : ",", member.address.rank, member.address.virtual_node);
        }
        break;
    case CHORD_MESSAGE_SPARE:
        fprintf(out, " contact=%u.%u", message->spare.contact.address.rank,
                message->spare.contact.address.virtual_node);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        fprintf(out, " incarnation=%u contact=%u.%u%s", message->excluded.incarnation,
                message->excluded.contact.address.rank, message->excluded.contact.address.virtual_node,
                message->excluded.rejoin ? " rejoin" : "");
        break;
    case CHORD_MESSAGE_PREPARE:
        trace_part(out, message->prepare.epoch, message->prepare.start, message->prepare.end, id_bits);
        break;
    case CHORD_MESSAGE_WEDGED:
        fprintf(out, " epoch=%u part=%s", message->wedged.epoch,
                chord_id_format(message->wedged.end, id_bits, text));
        break;
    case CHORD_MESSAGE_INSTALL:
        trace_part(out, message->install.epoch, message->install.start, message->install.end, id_bits);
        fprintf(out, " source=%u.%u chain=", message->install.source.address.rank,
                message->install.source.address.virtual_node);
        for (uint32_t i = 0; i < message->install.chain.count; i++) {
            const struct chord_member member = chord_members_get(&message->install.chain, i);
            fprintf(out, "%s%u.%u", i == 0 ? "" : ",", member.address.rank, member.address.virtual_node);
        }
        break;
    case CHORD_MESSAGE_PULL:
        fprintf(out, " epoch=%u part=%s offset=%" PRIu64 " base=%u.%" PRIu64, message->pull.epoch,
                chord_id_format(message->pull.end, id_bits, text), message->pull.offset, message->pull.base_epoch,
                message->pull.base_applied);
        break;
    case CHORD_MESSAGE_PIECE:
        fprintf(out, " epoch=%u part=%s offset=%" PRIu64 " size=%u%s", message->piece.epoch,
                chord_id_format(message->piece.end, id_bits, text), message->piece.offset, message->piece.size,
                message->piece.last ? " last" : "");
        break;
    case CHORD_MESSAGE_SYNCED:
        fprintf(out, " epoch=%u part=%s pairs=%" PRIu64, message->synced.epoch,
                chord_id_format(message->synced.end, id_bits, text), message->synced.pair_count);
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        trace_part(out, message->activate.epoch, message->activate.start, message->activate.end, id_bits);
        break;
    case CHORD_MESSAGE_SETTLED:
        fprintf(out, " epoch=%u messages=%u", message->settled.epoch, message->settled.message_count);
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        fprintf(out, " rank=%u", message->reach.rank);
        break;
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
    fputc('\n', out);
}

void trace_completion(FILE *out, uint64_t now_ticks, uint32_t rank, const struct chord_completion *completion) {
    if (out == NULL) {
        return;
    }
    fprintf(out, "%8" PRIu64 "  client %u: operation %" PRIu64 " %s %s", now_ticks, rank, completion->tag,
            kinds[completion->kind], outcomes[completion->outcome]);
    trace_version(out, completion->version);
    fputc('\n', out);
}

void trace_notice(FILE *out, uint64_t now_ticks, const struct chord_notice *notice) {
    static const char *const notices[] = {"formed", "duplicate id", "changed", "settled", "cancelled",
                                          "suspected", "heard", "lost", "shut", "opened"};
    if (out != NULL) {
        fprintf(out, "%8" PRIu64 "  coordinator: %s, epoch %u", now_ticks, notices[notice->kind], notice->epoch);
        if (notice->kind == CHORD_NOTICE_CHANGED) {
            fprintf(out, ", %u attempts, %u arcs, %" PRIu64 " pairs", notice->change.attempt_count,
                    notice->change.arc_count, notice->change.pair_count);
        } else if (notice->kind == CHORD_NOTICE_SUSPECTED || notice->kind == CHORD_NOTICE_HEARD) {
            fprintf(out, ", rank %u", notice->suspicion.rank);
        }
        fputc('\n', out);
    }
}

void trace_fault(FILE *out, uint64_t now_ticks, const struct fault *fault) {
    if (out == NULL) {
        return;
    }
    fprintf(out, "%8" PRIu64 "  fault: %s of rank %u", now_ticks, fault_name(fault->kind), fault->rank);
    if (fault->kind == FAULT_STALL) {
        fprintf(out, " towards rank %u", fault->to_rank);
    }
    if (fault->duration_ticks > 0) {
        fprintf(out, " for %" PRIu64, fault->duration_ticks);
    }
    fputc('\n', out);
}

void trace_command(FILE *out, uint64_t now_ticks, enum chord_command what, struct chord_address node,
                   enum chord_status status) {
    static const char *const commands[] = {"join", "depart", "exclude"};
    if (out != NULL) {
        fprintf(out, "%8" PRIu64 "  command: %s %u.%d: %s\n", now_ticks, commands[what], node.rank,
                node.virtual_node == CHORD_ALL_NODES ? -1 : node.virtual_node, chord_status_text(status));
    }
}
