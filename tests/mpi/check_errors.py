"""What a person can get wrong: one clear line, printed once, status 2, nothing half written."""

import pathlib
import subprocess
import tempfile

import ring


def check(program, options, words, ranks=3, status=2):
    done = ring.run(program, ranks, options, report=False)
    what = ring.describe(options)
    print(what[:150], flush=True)
    ring.expect(done.status == status, f"{what}: status {done.status}\n{done.stdout}{done.stderr}")
    lines = done.stderr.strip().splitlines()
    ring.expect(len(lines) == 1, f"{what}: {len(lines)} lines:\n{done.stderr}")
    for word in words:
        ring.expect(word in done.stderr, f"{what}: '{word}' isn't in: {done.stderr}")
    ring.expect("operations/second" not in done.stdout, f"{what}: a throughput was printed")


def check_without_mpirun(program):
    """A ring of one, and it says so."""
    done = subprocess.run([program, "run", "--phase", f"insert={ring.WORKLOADS / 'insert.csv'}"],
                          capture_output=True, env=ring.environment_without_launcher(), timeout=60, check=False)
    ring.expect(done.returncode == 0, f"without mpirun: status {done.returncode} {done.stderr}")
    ring.expect(b"ring of one" in done.stderr, f"without mpirun: {done.stderr}")


def main():
    given = ring.parser(__doc__).parse_args()
    insert = ring.shipped("insert")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "empty.csv").write_text("# nothing but a comment\n")
        (folder / "bad.csv").write_text("a,1\nb,2,3\n")
        (folder / "long.csv").write_text("k" * 1025 + ",1\n")
        (folder / "value.csv").write_text("k," + "v" * (1024 * 1024 + 1) + "\n")
        (folder / "twins.txt").write_text("0 1\n1 2\n2 2\n")
        (folder / "few.txt").write_text("0 1\n1 2\n")
        (folder / "events.txt").write_text("# changes\n1s:join:2\n2s:jion:1\n")
        cases = [
            (insert + ["--replica", "3"], ["--replica", "--replicas"]),
            (insert + ["--window", "0", "--mode", "parallel"], ["--window", "1"]),
            (insert + ["--via", "7"], ["--via 7", "0..2"]),
            (["--mode", "serial"], ["--phase"]),
            (["--phase", f"insert={folder / 'missing.csv'}"], ["missing.csv"]),
            (["--phase", f"insert={folder}"], [str(folder)]),
            (["--phase", f"insert={folder / 'empty.csv'}"], ["empty.csv"]),
            (["--phase", f"insert={folder / 'bad.csv'}"], ["bad.csv:2", "b,2,3"]),
            (["--phase", f"insert={folder / 'long.csv'}"], ["long.csv:1", "1,024"]),
            (["--phase", f"insert={folder / 'value.csv'}"], ["value.csv:1"]),
            (["--phase", f"inserts={folder / 'bad.csv'}"], ["insert"]),
            (insert + ["--report", f"{folder}/no/such/folder.jsonl"], ["can't write", "folder.jsonl"]),
            (insert + ["--dump", f"{folder}/no/such/folder.json"], ["--dump", "folder.json"]),
            (insert + ["--id-bits", "4", "--node-ids", folder / "twins.txt"], ["twins.txt:3"]),
            (insert + ["--id-bits", "4", "--node-ids", folder / "few.txt"], ["few.txt", "2"]),
            (insert + ["--id-bits", "1"], ["no room for 3 nodes", "--id-bits 2"]),
            (insert + ["--id-bits", "3", "--virtual-nodes", "3"], ["no room for 9 nodes", "--id-bits 4"]),
            # 15 names on 16 ids: that none meet happens in 1 of 55,000 machines
            (insert + ["--id-bits", "4", "--virtual-nodes", "5"], ["one id", "--node-ids"]),
            (insert + ["--virtual-nodes", "65"], ["--virtual-nodes", "1 to 64"]),
            (insert + ["--virtual-nodes", "2", "--node-ids", folder / "twins.txt"], ["twins.txt:1", "RANK and 2 ids"]),
            (insert + ["--pool", "4KiB"], ["--pool", "at least"]),
            (insert + ["--initial-nodes", "4"], ["--initial-nodes 4", "3 ranks", "-n"]),
            (insert + ["--at", "2s:join:3"], ["--at '2s:join:3'", "no rank 3", "0..2"]),
            (insert + ["--at", "op=500:join:2"], ["--at 'op=500:join:2'", "500 operations"]),
            (insert + ["--at", "mix/2s:join:2"], ["no mix phase", "--phase mix=FILE"]),
            (insert + ["--at", "op=5:crash:0"], ["--at 'op=5:crash:0'", "coordinator", "choose another rank"]),
            (insert + ["--at", "op=5:crash:host:2#0:kill"], ["host:2#0", "as a whole"]),
            (insert + ["--at", "op=5:crash:2:kil"], ["'kil'", "did you mean 'kill'", "pause=800ms"]),
            (insert + ["--history-dir", folder / "none"], ["no history", "none", "--history-dir"]),
            (insert + ["--suspect-after", "10"], ["--suspect-after", "1ms to 3600s", "never"]),
            (insert + ["--schedule", folder / "events.txt"], ["events.txt:3", "jion", "join"]),
            (insert + ["--schedule", folder / "none.txt"], ["none.txt", "can't be opened"]),
        ]
        for options, words in cases:
            check(given.program, options, words)
        left = sorted(p.name for p in folder.iterdir())
        ring.expect(left == ["bad.csv", "empty.csv", "events.txt", "few.txt", "long.csv", "twins.txt", "value.csv"],
                    f"left behind: {left}")
    check_without_mpirun(given.program)
    ring.finish()


main()
