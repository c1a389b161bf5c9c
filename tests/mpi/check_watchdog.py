"""Nothing hangs: with one rank stopped (SIGSTOP) the run ends by itself with status 5 and says which rank is silent;
when rank 0 is killed, the others end by themselves."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import ring

RANKS = 4
VICTIM = 2


def find_rank(marker, rank):
    """The process of that rank, told by an option on its command line; None while it isn't there yet."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"run" in command and marker.encode() in command and f"OMPI_COMM_WORLD_RANK={rank}".encode() in environment:
            return int(entry.name)
    return None


def run_with(program, rank, fault):
    """A long run in whose midst the rank gets the signal. Returns (status, standard error). Nobody is suspected: on a slow
    machine the others might go on without the rank, and be right."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "insert.csv").write_text("".join(f"key{i},value\n" for i in range(300000)))
        report = str(folder / "report.jsonl")
        command = [str(ring.LAUNCHER), "-n", str(RANKS), "--", program, "run", "--phase",
                   f"insert={folder / 'insert.csv'}", "--timeout", "3", "--replicas", "2", "--suspect-after", "never",
                   "--report", report]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        victim = None
        while running.poll() is None and victim is None:
            victim = find_rank(report, rank)
            time.sleep(0.01)
        if ring.expect(victim is not None, "the rank's process wasn't found"):
            # Not before its loop: at start-up there are collectives, which no watchdog sees.
            while running.poll() is None and not list(folder.glob("report.jsonl.tmp*")):
                time.sleep(0.01)
            os.kill(victim, fault)
        stdout, stderr = running.communicate(timeout=60)
        text = stderr.decode("utf-8", "replace")
        print(text)
        ring.expect(b"operations/second" not in stdout, "a throughput was printed")
        for other in range(RANKS):
            ring.expect(find_rank(report, other) is None, f"rank {other} is still there")
    return running.returncode, text


def main():
    given = ring.parser(__doc__).parse_args()
    status, text = run_with(given.program, VICTIM, signal.SIGSTOP)
    ring.expect(status == 5, f"status {status}\n{text}")
    ring.expect(f"rank {VICTIM}: no answer" in text, "the silent rank isn't named")
    ring.expect("rank 1: " in text and "rank 1: no answer" not in text, "the others don't say what they wait for")
    status, text = run_with(given.program, 0, signal.SIGKILL)
    ring.expect(status == 1, f"rank 0 killed: status {status}\n{text}")
    for rank in range(1, RANKS):
        ring.expect(f"chordkv: rank {rank}: rank 0's process is gone: ending" in text, f"rank {rank} says nothing")
    ring.finish()


main()
