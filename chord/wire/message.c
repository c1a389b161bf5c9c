#include "chord/wire/message.h"

const char *chord_message_name(enum chord_message_type type) {
    static const char *const names[] = {
        [CHORD_MESSAGE_REQUEST] = "REQUEST",   [CHORD_MESSAGE_CHAIN] = "CHAIN",
        [CHORD_MESSAGE_ACK] = "ACK",           [CHORD_MESSAGE_ANSWER] = "ANSWER",
        [CHORD_MESSAGE_REFUSAL] = "REFUSAL",   [CHORD_MESSAGE_LOOKUP] = "LOOKUP",
        [CHORD_MESSAGE_FOUND] = "FOUND",       [CHORD_MESSAGE_ANNOUNCE] = "ANNOUNCE",
        [CHORD_MESSAGE_ANNOUNCED] = "ANNOUNCED", [CHORD_MESSAGE_GONE] = "GONE",
        [CHORD_MESSAGE_REGISTER] = "REGISTER", [CHORD_MESSAGE_INVITE] = "INVITE",
        [CHORD_MESSAGE_JOIN] = "JOIN",         [CHORD_MESSAGE_NEIGHBOURS] = "NEIGHBOURS",
        [CHORD_MESSAGE_SPARE] = "SPARE",       [CHORD_MESSAGE_EXCLUDED] = "EXCLUDED",
        [CHORD_MESSAGE_PREPARE] = "PREPARE",   [CHORD_MESSAGE_WEDGED] = "WEDGED",
        [CHORD_MESSAGE_INSTALL] = "INSTALL",   [CHORD_MESSAGE_PULL] = "PULL",
        [CHORD_MESSAGE_PIECE] = "PIECE",       [CHORD_MESSAGE_SYNCED] = "SYNCED",
        [CHORD_MESSAGE_ACTIVATE] = "ACTIVATE", [CHORD_MESSAGE_DROP] = "DROP",
        [CHORD_MESSAGE_SETTLED] = "SETTLED",   [CHORD_MESSAGE_HEARTBEAT] = "HEARTBEAT",
        [CHORD_MESSAGE_SHUT] = "SHUT",         [CHORD_MESSAGE_OPEN] = "OPEN",
    };
    if ((unsigned)type >= CHORD_MESSAGE_TYPE_COUNT || names[type] == NULL) {
        return "?";
    }
    return names[type];
}
