#include "tests/sim/trace.h"

#include <inttypes.h>

static const char *const kinds[] = {"insert", "query", "delete"};
static const char *const outcomes[] = {"inserted", "updated", "found", "absent", "deleted", "unknown"};
static const char *const reasons[] = {"not active", "stale epoch", "below watermark", "too many hops"};

static void trace_request(FILE *out, const struct chord_request *request) {
    fprintf(out, " %u#%" PRIu64 " %s %.*s hops=%u", request->client_rank, request->seq, kinds[request->kind],
            (int)request->key_size, (const char *)request->key, request->owner_hops);
}

static void trace_version(FILE *out, struct chord_version version) {
    fprintf(out, " version=%u.%" PRIu64, version.epoch, version.counter);
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
        fprintf(out, " owner=%s finger=%u", chord_id_format(message->found.owner.id, id_bits, text),
                message->found.exponent);
        break;
    case CHORD_MESSAGE_REGISTER:
        fprintf(out, " id=%s", chord_id_format(message->registration.member.id, id_bits, text));
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        fprintf(out, " epoch=%u predecessor=%s successors=%u", message->neighbours.epoch,
                chord_id_format(message->neighbours.predecessor.id, id_bits, text),
                message->neighbours.successors.count);
        break;
    case CHORD_MESSAGE_INSTALL:
        fprintf(out, " epoch=%u arc=%s chain=", message->install.epoch,
                chord_id_format(message->install.end, id_bits, text));
        for (uint32_t i = 0; i < message->install.chain.count; i++) {
            const struct chord_member member = chord_members_get(&message->install.chain, i);
            fprintf(out, "%s%u.%u", i == 0 ? "" : ",", member.address.rank, member.address.virtual_node);
        }
        break;
    case CHORD_MESSAGE_SYNCED:
        fprintf(out, " epoch=%u arc=%s", message->synced.epoch,
                chord_id_format(message->synced.arc_end, id_bits, text));
        break;
    case CHORD_MESSAGE_ACTIVATE:
        fprintf(out, " epoch=%u arc=%s", message->activate.epoch,
                chord_id_format(message->activate.arc_end, id_bits, text));
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
