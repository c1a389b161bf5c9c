/* The view change of one arc, at message level: a coordinator, replicas, clients, and a checker that watches.
 * README.md says what this covers, run.py which configurations are verified. */

#include "configuration.pml"
#include "state.pml"
#include "checker.pml"
#include "coordinator.pml"
#include "transfer.pml"
#include "replica.pml"
#include "client.pml"

/* The ring has been formed: the first view is committed, and there are no pairs yet. */
init {
    byte n;
    d_step {
        committed = FIRST_REPLICAS(MEMBERS);
        complete = committed;
        touched = committed;
        do
        :: n < NODES && HAS(MEMBERS, n) ->
            incarnation[n] = 1;
            known[n] = 1;
            if
            :: HAS(committed, n) ->
                status[n] = ACTIVE;
                epoch[n] = 1;
                promised[n] = 1;
                chain[n] = committed;
                base[n] = 1
            :: else -> skip
            fi;
            n++
        :: n < NODES && !HAS(MEMBERS, n) -> n++
        :: else -> break
        od;
        n = 0
    }
    atomic {
        run coordinator();
        do
        :: n < NODES -> run replica(n); n++
        :: else -> n = 0; break
        od;
        run clients()
    }
}
