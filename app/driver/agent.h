/* The agent: carries out on its rank what the driver on rank 0 commands (control.h). It keeps the rank's share of a
 * phase's operations, issues them through the client, records the answers, and judges the keys that hash to it.
 *
 * COMMAND_LOAD carries operations one after the other, each
 *     kind 1 | entry rank 4 | entry virtual node 2 | key size 2 | value size 4 | key | value */
#ifndef APP_DRIVER_AGENT_H
#define APP_DRIVER_AGENT_H

#include "app/driver/control.h"
#include "app/driver/inspect.h"
#include "app/driver/recorder.h"
#include "app/driver/source.h"
#include "app/driver/witness.h"
#include "app/mpi/runtime.h"
#include "app/report/result.h"

struct agent {
    struct runtime *runtime; /* borrowed */
    const struct chord_config *config;
    struct result_rank place; /* where this rank runs */
    struct chord_id *node_ids; /* borrowed; of this rank */
    int64_t clock_offset_ns;   /* to add to this rank's clock to get rank 0's */
    uint64_t clock_error_ns;   /* bound of the error of that */

    struct source source; /* of the phase's operations */

    uint32_t newest_serial; /* of the commands that were carried out */

    bool running;
    struct control_head run_head; /* of the COMMAND_RUN that is to be replied to */
    uint64_t run_start_ns;        /* when the timed part began, on this rank's clock */
    size_t issued_count;  /* of the phase */
    size_t segment_start; /* index of the operation that the history begins with */
    size_t segment_end;   /* nothing is begun from there on before the next COMMAND_RUN */
    bool next_is_prepared;       /* the operation that is to be issued next is: */
    struct chord_operation next; /* taken from the source and its key hashed, */
    struct history_record next_record; /* and its record begun */
    size_t completed_count;
    size_t told_next; /* CONTROL_ANSWERED is due when so many are answered; SIZE_MAX: never */
    struct control_ran *ran; /* owned: too large for the stack */
    struct traffic traffic_before;
    struct chord_cache_counters cache_before;
    uint64_t *node_owned_before;     /* owned; by virtual node: counters at the start of the phase */
    uint64_t *node_forwarded_before; /* owned */

    size_t history_limit;   /* operations of a segment, at least 1; SIZE_MAX: no limit */
    struct history history; /* of this rank's client, of the segment: from segment_start on */
    size_t touched_count;   /* records that have memory by now */
    bool keeps_evidence;    /* it is a mapped one (history_mapped.h), with all digests from the start */
    bool holds;         /* it has stood still, and waits for the driver's word before it issues anything more */
    uint64_t worked_ns; /* when it had its last turn */
    struct recorder recorder; /* of the same operations, for the history file */

    struct witness witness;
    struct control_head scatter_head; /* of the COMMAND_SCATTER that is to be replied to */

    bool answering; /* what runs is a COMMAND_ONE: its reply has the answer */
    struct inspect_listing listing;
    bool resting; /* sleep between polls: nobody asks for anything at the moment */
    bool stopped;
};

/* An agent with nothing loaded. Everything given is borrowed for its life. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status agent_init(struct agent *agent, struct runtime *runtime,
                                              const struct chord_config *config, struct chord_id *node_ids,
                                              const struct result_rank *place);
void agent_clear(struct agent *agent);

/* A control message that is for agents. Others are a programmer error. */
void agent_receive(struct agent *agent, uint32_t from_rank, unsigned type, const unsigned char *bytes, size_t size);

/* For runtime_owner. */
size_t agent_ride(struct agent *agent, unsigned char *at, size_t room);
void agent_complete(struct agent *agent, const struct chord_completion *completion, uint64_t end_ns);
bool agent_work(struct agent *agent);

/* The key of the operation at `index` of the current phase; *size 0 if there is none. Borrowed until the next call. */
const unsigned char *agent_key(struct agent *agent, size_t index, size_t *size);
const unsigned char *agent_value(struct agent *agent, size_t index, size_t *size);

#endif
