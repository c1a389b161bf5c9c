# Whole runs of chordkv on real rings, read from their reports.

# chordkv_run_test(<name> <labels> <timeout in seconds> <script> <options...>)
function(chordkv_run_test name labels timeout script)
  add_test(NAME mpi.${name}
    COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/${script} --program $<TARGET_FILE:chordkv> ${ARGN})
  set_tests_properties(mpi.${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout} RESOURCE_LOCK mpi
    SKIP_RETURN_CODE 77)
  if(CHORDKV_SANITIZE)
    # MPI itself leaks.
    set_tests_properties(mpi.${name} PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
  endif()
endfunction()

foreach(ranks 1 2 3 5 8 10)
  chordkv_run_test(matrix_${ranks} "ci;mpi" 300 check_matrix.py --ranks ${ranks})
endforeach()
chordkv_run_test(controls "ci;mpi" 300 check_controls.py)
chordkv_run_test(errors "ci;mpi" 300 check_errors.py)
chordkv_run_test(watchdog "ci;mpi" 120 check_watchdog.py)
chordkv_run_test(hops "ci;mpi" 300 check_routing.py --part hops)
chordkv_run_test(textbook "ci;mpi" 120 check_routing.py --part textbook)
chordkv_run_test(tables_64 "ci;mpi" 300 check_routing.py --part dump)
chordkv_run_test(virtual "ci;mpi" 300 check_virtual.py --part rings --part hops --part layout)
chordkv_run_test(membership "ci;mpi" 300 check_membership.py --part random)
chordkv_run_test(membership_shapes "ci;mpi" 300 check_membership.py --part shapes --part refusals)
chordkv_run_test(values_1mib "ci;mpi" 600 check_size.py --part values --count 40)
chordkv_run_test(assignment "ci;mpi;ntua;optional" 300 check_assignment.py)
if(CHORDKV_LONG_TESTS)
  chordkv_run_test(matrix_full "full" 3600 check_matrix.py --part full)
  chordkv_run_test(membership_50 "full" 1200 check_membership.py --part many)
  chordkv_run_test(values_1mib_many "full" 1800 check_size.py --part values --count 300)
  chordkv_run_test(million "full" 1200 check_size.py --part million)
endif()
