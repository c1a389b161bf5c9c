"""Large runs. --part values: 10 ranks, window 64, values of 1 MiB, the smallest pool: completes within the printed bound.
--part million: a million inserts and a million queries on 4 ranks, window 64: verified, under 150 bytes a pair."""

import pathlib
import random
import re
import tempfile

import ring


def check_values(program, folder, count):
    path = folder / "values.csv"
    draw = random.Random(2)
    with path.open("w") as out:
        for i in range(count):
            out.write(f"key{i % (count - 3)},{draw.randrange(10)}{'v' * (1024 * 1024 - 1)}\n")
    keys = folder / "keys.csv"
    keys.write_text("".join(f"key{i}\n" for i in range(count)))
    for consistency in ("linearizable", "eventual"):
        done = ring.run(program, 10, ["--phase", f"insert={path}", "--phase", f"query={keys}", "--mode", "parallel",
                                      "--window", 64, "--replicas", 3, "--pool", "min", "--print-bound",
                                      "--consistency", consistency], timeout=600)
        what = f"values of 1 MiB, {consistency}"
        if not ring.expect_valid(done, what):
            continue
        bound = re.search(r"at most (\d+) bytes a rank", done.stdout)
        if ring.expect(bound, f"{what}: no bound was printed"):
            used = max(rank["pool_bytes_used_max"] for phase in done.phases for rank in phase["ranks"])
            print(f"{what}: {used} bytes of frames used, bound {bound[1]}", flush=True)
            ring.expect(0 < used <= int(bound[1]), f"{what}: {used} bytes used, {bound[1]} printed")


def check_million(program, folder, count=1000000):
    insert = folder / "insert.csv"
    query = folder / "query.csv"
    draw = random.Random(3)
    with insert.open("w") as out:
        out.writelines(f"key{i:013d},{i:032d}\n" for i in range(count))
    with query.open("w") as out:
        out.writelines(f"key{draw.randrange(count):013d}\n" for i in range(count))
    done = ring.run(program, 4, ["--phase", f"insert={insert}", "--phase", f"query={query}", "--mode", "parallel",
                                 "--window", 64], timeout=600)
    if not ring.expect_valid(done, "a million pairs"):
        return
    ring.expect(done.phases[1]["operations"]["query"]["found"] == count, "not every key was found")
    overhead = done.phases[1]["overhead_bytes_per_stored_copy"]
    for phase in done.phases:
        print(f"{phase['phase']['type']}: {phase['throughput_per_second']:,.0f} operations/second, "
              f"{phase['mpi_messages'] / count:.3f} MPI messages an operation")
    print(f"{overhead:.1f} bytes a pair beside key and value", flush=True)
    ring.expect(overhead < 150, f"{overhead} bytes a pair")


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--part", choices=["values", "million"], required=True)
    arguments.add_argument("--count", type=int, default=40, help="values of 1 MiB")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.part == "values":
            check_values(given.program, pathlib.Path(name), given.count)
        else:
            check_million(given.program, pathlib.Path(name))
    ring.finish()


main()
