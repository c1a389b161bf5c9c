/* What an agent answers when it is only asked: of the phase, of its nodes and rank, of single pairs and steps for the shell.
 * Nothing is changed by that but what a listing or a history remembers to go on from. Private to agent.c. */
#ifndef APP_DRIVER_AGENT_TELL_H
#define APP_DRIVER_AGENT_TELL_H

#include "app/driver/agent.h"

/* The reply to the command of that head, to rank 0. The bytes are copied. */
void agent_reply(const struct agent *agent, struct control_head head, const void *bytes, size_t size);

/* Operations that are not issued yet. */
static inline uint64_t agent_left(const struct agent *agent) {
    return source_left(&agent->source, agent->issued_count);
}

/* Replies to a command that only asks (control.h). */
void agent_tell(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size);

#endif
