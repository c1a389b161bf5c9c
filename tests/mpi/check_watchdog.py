"""Nothing hangs: with one rank stopped (SIGSTOP) the run ends by itself with status 5 and says which rank is silent."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import ring

STOPPED_RANK = 2


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


def main():
    given = ring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "insert.csv").write_text("".join(f"key{i},value\n" for i in range(300000)))
        report = str(folder / "report.jsonl")
        command = [str(ring.LAUNCHER), "-n", "4", "--", given.program, "run", "--phase",
                   f"insert={folder / 'insert.csv'}", "--timeout", "3", "--replicas", "2", "--report", report]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        stopped = None
        while running.poll() is None and stopped is None:
            stopped = find_rank(report, STOPPED_RANK)
            time.sleep(0.01)
        if ring.expect(stopped is not None, "the rank's process wasn't found"):
            # Not before its loop: at start-up there are collectives, which no watchdog sees.
            while running.poll() is None and not list(folder.glob("report.jsonl.tmp*")):
                time.sleep(0.01)
            os.kill(stopped, signal.SIGSTOP)
        stdout, stderr = running.communicate(timeout=60)
        text = stderr.decode("utf-8", "replace")
        print(text)
        ring.expect(running.returncode == 5, f"status {running.returncode}\n{stdout.decode()}{text}")
        ring.expect(f"rank {STOPPED_RANK}: no answer" in text, "the silent rank isn't named")
        ring.expect("rank 1: " in text and "rank 1: no answer" not in text, "the others don't say what they wait for")
        ring.expect(b"operations/second" not in stdout, "a throughput was printed")
        ring.expect(stopped is None or not pathlib.Path(f"/proc/{stopped}/exe").exists(), "the rank is still there")
    ring.finish()


main()
