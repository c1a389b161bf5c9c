/* The shell's questions to the ring: which nodes there are, what they are called, and one command to one rank with its
 * reply. A false says that the ring is stuck and the watchdog has told why. */
#ifndef APP_SHELL_ASK_H
#define APP_SHELL_ASK_H

#include "app/driver/steps.h"
#include "app/shell/answers.h"
#include "app/shell/command.h"
#include "chord/base/prng.h"

/* A zeroed struct with `driver` and `prng` set is ready for ask_begin(). */
struct ask {
    struct driver *driver; /* borrowed */
    struct chord_prng prng; /* chooses random members */
    const struct ring *ring; /* borrowed from the driver, which keeps it up to date */
    unsigned char *reply; /* owned; the last one */
    size_t reply_size;
    size_t reply_capacity;
};

/* Asks where the ranks run: once, when the ring is formed. */
CHORD_MUST_CHECK bool ask_begin(struct ask *ask);
void ask_clear(struct ask *ask);

/* The host that a rank runs on; borrowed. */
const char *ask_host(const struct ask *ask, uint32_t rank);

/* Names a member; or the node at an address, CHORD_ALL_NODES for a rank as a whole. */
struct answers_node ask_name(const struct ask *ask, struct chord_member member);
struct answers_node ask_name_at(const struct ask *ask, struct chord_address address);

/* The member that owns an id, from the sorted ids alone. There is at least one. */
struct answers_node ask_owner(const struct ask *ask, struct chord_id id);

/* The nodes that a person's NODE means: `count` virtual nodes from `first` on. Returns false with one line in error
 * (COMMAND_ERROR_SIZE) if there are none such. */
CHORD_MUST_CHECK bool ask_resolve(const struct ask *ask, const struct command_node *node, struct chord_address *first,
                                  uint16_t *count, char *error);

/* The node to enter the ring at: the one given (a rank's first node), which may be a spare and passes on what enters at it;
 * or a random member. False as above. */
CHORD_MUST_CHECK bool ask_entry(struct ask *ask, const struct command_node *node, struct chord_address *entry,
                                char *error);

/* Gives one command to one rank and waits for the reply, which is then in ask->reply. */
CHORD_MUST_CHECK bool ask_rank(struct ask *ask, const char *what, uint32_t rank, enum control_command command,
                               const void *bytes, size_t size);

/* Copies the reply's first bytes, which must be there, into a struct of control.h; returns what follows them. */
const unsigned char *ask_take(const struct ask *ask, void *head, size_t head_size);

#endif
