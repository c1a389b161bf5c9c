#include "chord/wire/message.h"

const char *chord_message_name(enum chord_message_type type) {
    static const char *const names[] = {
        [CHORD_MESSAGE_REQUEST] = "REQUEST",       [CHORD_MESSAGE_CHAIN] = "CHAIN",           [CHORD_MESSAGE_ACK] = "ACK",
        [CHORD_MESSAGE_ANSWER] = "ANSWER",         [CHORD_MESSAGE_REFUSAL] = "REFUSAL",       [CHORD_MESSAGE_LOOKUP] = "LOOKUP",
        [CHORD_MESSAGE_FOUND] = "FOUND",           [CHORD_MESSAGE_REGISTER] = "REGISTER",     [CHORD_MESSAGE_NEIGHBOURS] = "NEIGHBOURS",
        [CHORD_MESSAGE_INSTALL] = "INSTALL",       [CHORD_MESSAGE_SYNCED] = "SYNCED",         [CHORD_MESSAGE_ACTIVATE] = "ACTIVATE",
    };
    if ((unsigned)type >= CHORD_MESSAGE_TYPE_COUNT || names[type] == NULL) {
        return "?";
    }
    return names[type];
}
