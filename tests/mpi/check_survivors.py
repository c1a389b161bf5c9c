"""A rank that is killed, paused or silent in the midst of heavy traffic: the others shut it, go on and leave by
themselves (survivors_test.c). Afterwards nothing is left of the job: no process, no file in /dev/shm or TMPDIR."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import hosts
import ring

SHARED_MEMORY = pathlib.Path("/dev/shm")
RANKS = 5
# Two nodes, the first one mpirun's own, as mpirun sees it.
NODES = ("--mca", "plm_rsh_agent", str(pathlib.Path(__file__).with_name("fake_rsh.sh")),
         "-H", f"localhost:{RANKS - 2},elsewhere:2")
FAULTS = ("kill", "silence", "pause", "rank-0")
SIZES = (3000, 200000)  # of large messages: one frame at most, or many fragments


def processes_of(program):
    """Processes that run the program, zombies not counted."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe") == program:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def is_mapped(path):
    """Whether a process has the file mapped: then it is another job's, which goes on."""
    for maps in pathlib.Path("/proc").glob("[0-9]*/maps"):
        try:
            if str(path) in maps.read_text():
                return True
        except OSError:
            continue
    return False


def left_since(before):
    """Files in /dev/shm that are new and nobody's. Another job that starts or ends at the moment has such, too, but not
    for long."""
    left = []
    for _ in range(20):
        left = [path for path in set(SHARED_MEMORY.iterdir()) - before if not is_mapped(path)]
        if not left:
            break
        time.sleep(0.1)
    return left


def has_ucx():
    """Whether this Open MPI can send by UCX: jobs/launch.sh asks the same."""
    info = shutil.which("ompi_info")
    listed = subprocess.run([info, "--parsable"], capture_output=True, text=True, check=False) if info else None
    return listed is not None and "mca:pml:ucx:" in listed.stdout


def check_end(what, fault, ended, on_one_node):
    """How the launcher ended. On several nodes the first survivor ends mpirun, and mpirun the others; and the daemons
    may have something to say."""
    told = f"{what}: status {ended.returncode}\n{ended.stdout}{ended.stderr}"
    if fault == "rank-0":
        ring.expect(ended.returncode == 1 and "left no verdict" in ended.stderr, told)
        lines = ended.stderr.count("rank 0 is gone")
        ring.expect(lines == RANKS - 1 if on_one_node else lines >= 1, told)
    else:
        ring.expect(ended.returncode == 0 and f"survivors_test: {fault} survived" in ended.stdout, told)
        ring.expect(ended.stderr == "" or not on_one_node, f"{told}: MPI has complained")


def run_fault(program, fault, size, options, job=None):
    """One job under the launcher, on this host or on several (hosts.Job); checks how it ends and what it leaves."""
    what = f"{fault}, {size} bytes {' '.join(options)}"
    before = set(SHARED_MEMORY.iterdir())
    with tempfile.TemporaryDirectory() as folder:
        command = [str(ring.LAUNCHER), "-n", str(RANKS), *options, "--", program, fault, str(size)]
        environment = {**ring.environment_without_launcher(), "TMPDIR": folder}
        if job is not None:
            command = [*job.prefix, *command]
            environment.update(job.environment)
        ended = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL,
                               cwd=folder, env=environment, check=False)
        check_end(what, fault, ended, "-H" not in options)
        files = [path for path in pathlib.Path(folder).rglob("*") if not path.is_dir()]
        ring.expect(not files, f"{what}: these files were left: {files}")
    left = left_since(before)
    ring.expect(not left, f"{what}: left in /dev/shm: {left}")
    ring.expect(not processes_of(program), f"{what}: processes are left: {processes_of(program)}")


def check_hosts(program):
    """Ranks on hosts that share neither processes nor memory nor the time."""
    reason = hosts.missing()
    if reason is not None:
        print(f"skipped: {reason}")
        sys.exit(ring.SKIPPED)
    slots = {"alpha": 2, "beta": 2, "gamma": RANKS - 4}
    with tempfile.TemporaryDirectory() as folder, hosts.Hosts(list(slots), folder) as made:
        job = made.job(slots)
        for fault in FAULTS:
            run_fault(program, fault, SIZES[0], job.options, job)
            for name in slots:
                ring.expect(not made.shared_memory(name), f"{fault}: left on {name}: {made.shared_memory(name)}")


def main():
    arguments = ring.parser(__doc__)
    over = {"shm": (), "tcp": ("--tcp",), "ucx": ("--tcp", "--ucx"), "nodes": ("--tcp", *NODES), "ucx-nodes": ("--ucx", *NODES)}
    arguments.add_argument("--over", choices=[*over, "hosts"], default="shm")
    given = arguments.parse_args()
    if given.over == "hosts":
        check_hosts(given.program)
        ring.finish()
    options = over[given.over]
    if "--ucx" in options and not has_ucx():
        print("skipped: this Open MPI has no UCX")
        sys.exit(ring.SKIPPED)
    for fault in FAULTS:
        for size in SIZES:
            run_fault(given.program, fault, size, options)
    ring.finish()


main()
