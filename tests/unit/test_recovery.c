/* What the environment of a rank tells about its launcher. */
#include "app/mpi/recovery.h"
#include "tests/unit/unit.h"

#include <string.h>

#define VARIABLES_MAX 6

/* The environment of the case at hand: NAME=VALUE, NULL-terminated. */
static const char *const *environment;

static char *variable(const char *name) {
    const size_t size = strlen(name);
    for (const char *const *entry = environment; *entry != NULL; entry++) {
        if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=') {
            return (char *)*entry + size + 1;
        }
    }
    return NULL;
}

#define MPIRUN "OMPI_MCA_orte_hnp_uri=1.0;tcp://192.0.2.1:1"
#define TOLD "OMPI_MCA_orte_enable_recovery=1"

static const struct {
    const char *variables[VARIABLES_MAX];
    enum recovery_state state;
    bool connects_on_one_host; /* all ranks with each other, before the first one dies */
    bool connects_on_many_hosts;
} cases[] = {
    {{NULL}, RECOVERY_UNKNOWN, false, false},
    {{"PMI_RANK=3", "PMI_SIZE=4", NULL}, RECOVERY_UNKNOWN, false, false}, /* MPICH */
    {{"SLURM_STEP_ID=0", "SLURM_PROCID=1", "PMIX_RANK=1", NULL}, RECOVERY_SRUN, false, false},
    {{"SLURM_STEPID=0", TOLD, NULL}, RECOVERY_SRUN, false, false}, /* nobody reads it there */
    {{MPIRUN, NULL}, RECOVERY_OFF, false, false},
    {{MPIRUN, "OMPI_MCA_orte_enable_recovery=0", NULL}, RECOVERY_OFF, false, false},
    {{MPIRUN, "SLURM_STEP_ID=0", NULL}, RECOVERY_OFF, false, false}, /* mpirun inside an allocation */
    {{MPIRUN, "CHORDKV_RECOVERY=0", NULL}, RECOVERY_OFF, false, false},
    {{"CHORDKV_RECOVERY=1", NULL}, RECOVERY_UNKNOWN, false, false},
    {{MPIRUN, TOLD, NULL}, RECOVERY_ENABLED, false, true},
    {{MPIRUN, "OMPI_MCA_orte_enable_recovery=true", NULL}, RECOVERY_ENABLED, false, true},
    {{MPIRUN, TOLD, "SLURM_STEP_ID=0", NULL}, RECOVERY_ENABLED, false, true},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=self,tcp", NULL}, RECOVERY_ENABLED, true, true},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=tcp", NULL}, RECOVERY_ENABLED, true, true},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=self,vader,tcp", NULL}, RECOVERY_ENABLED, false, true},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=self,vader", NULL}, RECOVERY_ENABLED, false, false},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=self,sm,tcpx", NULL}, RECOVERY_ENABLED, false, false},
    {{MPIRUN, TOLD, "OMPI_MCA_btl=self,tcp", "OMPI_MCA_pml=ucx", NULL}, RECOVERY_ENABLED, false, false},
    {{MPIRUN, TOLD, "OMPI_MCA_pml=ob1", NULL}, RECOVERY_ENABLED, false, true},
    {{"PRTE_LAUNCHED=1", NULL}, RECOVERY_OFF, false, false}, /* Open MPI 5, whatever its mpirun was told */
    {{"PRTE_LAUNCHED=1", "CHORDKV_RECOVERY=1", NULL}, RECOVERY_ENABLED, false, true},
    {{"PRTE_LAUNCHED=1", "PRTE_MCA_prte_enable_recovery=1", "OMPI_MCA_pml=ucx", NULL},
     RECOVERY_ENABLED,
     false,
     false},
};

static void test_states(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        environment = cases[i].variables;
        CU_ASSERT_EQUAL(recovery_state(variable), cases[i].state);
        CU_ASSERT_EQUAL(recovery_outlives_ranks(variable), cases[i].state == RECOVERY_ENABLED);
        CU_ASSERT_EQUAL(recovery_needs_connections(variable, false), cases[i].connects_on_one_host);
        CU_ASSERT_EQUAL(recovery_needs_connections(variable, true), cases[i].connects_on_many_hosts);
    }
}

static void test_stranded(void) {
    static const struct {
        const char *variables[VARIABLES_MAX];
        bool strands;
    } runs[] = {
        {{MPIRUN, TOLD, "OMPI_MCA_orte_num_nodes=1", NULL}, false},
        {{MPIRUN, TOLD, NULL}, false},
        {{MPIRUN, "OMPI_MCA_orte_num_nodes=2", NULL}, false}, /* without recovery it ends */
        {{MPIRUN, TOLD, "OMPI_MCA_orte_num_nodes=2", NULL}, true},
        {{MPIRUN, TOLD, "OMPI_MCA_orte_num_nodes=10", NULL}, true},
    };
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        environment = runs[i].variables;
        CU_ASSERT_EQUAL(recovery_strands_mpirun(variable), runs[i].strands);
    }
}

/* Every refusal says what works instead, in one line. */
static void test_advice(void) {
    CU_ASSERT_PTR_NULL(recovery_advice(RECOVERY_ENABLED));
    for (int state = RECOVERY_ENABLED + 1; state < RECOVERY_STATE_COUNT; state++) {
        const char *text = recovery_advice((enum recovery_state)state);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "silence, which works with any MPI"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "jobs/launch.sh"));
        CU_ASSERT_PTR_NULL(strchr(text, '\n'));
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"states", test_states}, {"mpirun is stranded", test_stranded}, {"advice", test_advice}};
    return UNIT_RUN("recovery", tests);
}
