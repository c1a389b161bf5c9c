/* A readable transcript of a simulated run: one line a message, with what matters of it. */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include "chord/wire/sink.h"
#include "tests/sim/faults.h"

#include <stdio.h>

/* All write to `out` unless it is NULL. */
void trace_message(FILE *out, uint64_t now_ticks, const struct chord_message *message, unsigned id_bits);
void trace_completion(FILE *out, uint64_t now_ticks, uint32_t rank, const struct chord_completion *completion);

void trace_notice(FILE *out, uint64_t now_ticks, const struct chord_notice *notice);
void trace_command(FILE *out, uint64_t now_ticks, enum chord_command what, struct chord_address node,
                   enum chord_status status);

/* A fault that is inflicted now. */
void trace_fault(FILE *out, uint64_t now_ticks, const struct fault *fault);

#endif
