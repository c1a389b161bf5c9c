#!/usr/bin/python3
"""chordkv beside what MPI itself allows for the same messages, in turns.

For each setting and round: plain MPI, one message each, in several manners (the best one counts); plain MPI with messages
packed; the transport with nothing behind it; and chordkv, k=1, 16-byte keys, 32-byte values, half of the operations queries,
uniform. The others forward as often as chordkv's own report says. Medians over the rounds; ratios are to the best plain MPI
that sends each message by itself.
"""
import argparse
import collections
import json
import pathlib
import tempfile

import measure

SETTINGS = {
    "serial": ("serial", 1), "w1": ("parallel", 1), "w16": ("parallel", 16), "w64": ("parallel", 64), "w256": ("parallel", 256),
}


def main() -> None:
    options = parse_options()
    results: dict[str, dict[str, list[float]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    facts: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for setting in options.settings:
            mode, window = SETTINGS[setting]
            operations = options.operations if mode == "parallel" else max(options.operations // 20, 100)
            operations = operations if window > 1 else max(operations // 5, 100)
            measure.write_workloads(folder, options.keys, operations)
            for _ in range(options.rounds):
                phase = measure.run_chordkv(options.build, folder, options.ranks, "--mode", mode, "--window", str(window))
                results[setting]["chordkv"].append(phase["throughput_per_second"])
                facts[setting] = {"hops": phase["owner_hops"]["mean"], "mpi": phase["mpi_messages"] / operations}
                share = operations if mode == "serial" else max(operations // options.ranks, 1)
                for record in measure.run_limit(options.build, options.ranks, "--mode", mode, "--window", str(window), "--rounds", "1",
                                                "--operations", str(share), "--hops", f"{facts[setting]['hops']:.3f}"):
                    results[setting][record["manner"]].append(record["throughput_per_second"])
            print_setting(options, setting, results[setting], facts[setting])
    if options.json:
        lines = [json.dumps({"setting": setting, "ranks": options.ranks, **facts[setting], "throughputs_per_second": values})
                 for setting, values in results.items()]
        options.json.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=f"any of {' '.join(SETTINGS)}; default: all")
    parser.add_argument("--ranks", type=int, default=10, help="default: 10")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--keys", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--operations", type=int, default=1_000_000,
                        help="of all ranks together at windows above 1; a fifth at 1, a twentieth of that in serial; default: 1000000")
    parser.add_argument("--build", type=pathlib.Path, default=measure.BUILD, help="build folder; default: build")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write all figures there, as JSON Lines")
    options = parser.parse_args()
    options.settings = options.settings or list(SETTINGS)
    unknown = [setting for setting in options.settings if setting not in SETTINGS]
    if unknown:
        parser.error(f"there is no setting '{unknown[0]}'; there are {', '.join(SETTINGS)}")
    return options


def print_setting(options: argparse.Namespace, setting: str, results: dict[str, list[float]], facts: dict) -> None:
    medians = {name: measure.median(values) for name, values in results.items()}
    plain = {name: value for name, value in medians.items() if name.startswith("plain")}
    packed = {name: value for name, value in medians.items() if name.startswith("packed")}
    best, best_packed = max(plain, key=plain.get), max(packed, key=packed.get)
    print(f"\n{setting}: {options.ranks} ranks, {facts['hops']:.2f} hops, {facts['mpi']:.2f} MPI messages an operation, "
          f"medians of {options.rounds} rounds")
    for name in (best, best_packed, "transport", "chordkv"):
        print(f"  {name:36} {medians[name]:12,.0f} a second  {medians[name] / medians[best]:6.2f}", flush=True)


if __name__ == "__main__":
    main()
