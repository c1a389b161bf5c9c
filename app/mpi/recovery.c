#include "app/mpi/recovery.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_set(recovery_variable *variable, const char *name) {
    return variable(name) != NULL;
}

/* As Open MPI reads its booleans. */
static bool is_true(recovery_variable *variable, const char *name) {
    const char *value = variable(name);
    return value != NULL &&
           (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0);
}

/* Ranks under srun inside an allocation have Slurm's variables in either case; only mpirun's daemons set these. */
static bool is_under_mpirun(recovery_variable *variable) {
    return is_set(variable, "OMPI_MCA_orte_hnp_uri") || is_set(variable, "PRTE_LAUNCHED");
}

bool recovery_outlives_ranks(recovery_variable *variable) {
    return is_under_mpirun(variable) &&
           (is_true(variable, "OMPI_MCA_orte_enable_recovery") || is_true(variable, "PRTE_MCA_prte_enable_recovery") ||
            is_true(variable, "CHORDKV_RECOVERY"));
}

bool recovery_strands_mpirun(recovery_variable *variable) {
    const char *nodes = variable("OMPI_MCA_orte_num_nodes");
    return recovery_outlives_ranks(variable) && nodes != NULL && strcmp(nodes, "0") != 0 && strcmp(nodes, "1") != 0;
}

/* Whether one of the words of a list a,b,c is this one. */
static bool has_word(const char *list, const char *word) {
    const size_t size = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0'; at = *at == ',' ? at + 1 : at) {
        const size_t length = strcspn(at, ",");
        if (length == size && strncmp(at, word, size) == 0) {
            return true;
        }
        at += length;
    }
    return false;
}

/* Open MPI chooses by itself unless told: between hosts its own TCP where there is nothing faster, which the
 * environment doesn't tell; on one host shared memory. */
static bool may_use_own_tcp(recovery_variable *variable, bool many_hosts) {
    const char *layer = variable("OMPI_MCA_pml");
    if (layer != NULL && strcmp(layer, "ucx") == 0) {
        return false;
    }
    const char *carriers = variable("OMPI_MCA_btl");
    if (many_hosts) {
        return carriers == NULL || has_word(carriers, "tcp");
    }
    return carriers != NULL && has_word(carriers, "tcp") && !has_word(carriers, "vader") && !has_word(carriers, "sm");
}

bool recovery_needs_connections(recovery_variable *variable, bool many_hosts) {
    return recovery_outlives_ranks(variable) && may_use_own_tcp(variable, many_hosts);
}

enum recovery_state recovery_state(recovery_variable *variable) {
    if (!is_under_mpirun(variable)) {
        return is_set(variable, "SLURM_STEP_ID") || is_set(variable, "SLURM_STEPID") ? RECOVERY_SRUN : RECOVERY_UNKNOWN;
    }
    return recovery_outlives_ranks(variable) ? RECOVERY_ENABLED : RECOVERY_OFF;
}

const char *recovery_advice(enum recovery_state state) {
    static const char *const texts[RECOVERY_STATE_COUNT] = {
        [RECOVERY_ENABLED] = NULL,
        [RECOVERY_OFF] = "kill needs mpirun --enable-recovery: start with jobs/launch.sh, or add the option, or use "
                         "silence, which works with any MPI",
        [RECOVERY_SRUN] = "kill doesn't work under srun, which ends all ranks when one dies: start with "
                          "jobs/launch.sh, or use silence, which works with any MPI",
        [RECOVERY_UNKNOWN] = "kill needs Open MPI's mpirun --enable-recovery (jobs/launch.sh adds it); use silence, "
                             "which works with any MPI",
    };
    return texts[state];
}
