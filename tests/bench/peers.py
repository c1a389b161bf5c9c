#!/usr/bin/python3
"""chordkv beside the stores that people run on one machine: redis, a redis cluster of three, and memcached, in turns.

All with 16-byte keys and 32-byte values, reads and writes half and half, uniform over the same number of keys. redis-benchmark
runs SET and GET one after the other; the mean rate of both together is shown. They differ from chordkv, and the ratios say no
more than what one machine does with each:

  redis           no routing, one copy, TCP on loopback, one thread; its clients are one program beside it
  redis cluster   the clients know which of three servers owns a key: no hops; one copy, no replica. With --cache so do ours
  memcached       a cache: no order among clients, no copies; loaded by memcaslap of libmemcached,
  chordkv         every operation is routed through the ring to the key's owner (about two hops), ranks are servers and clients
                  at once, over shared memory; every answer is checked afterwards

Needs the packages redis-server, redis-tools, memcached and libmemcached-tools; what is missing is left out and named. Servers
listen on 127.0.0.1 on ports of their own, keep their files in a folder that is removed, and are stopped at the end.
"""
import argparse
import collections
import csv
import io
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

import measure

START_SECONDS = 20
CACHE = 64  # owners that a rank remembers: as many as clients of a redis cluster need, and more


class Servers:
    """Processes that end with the script."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=START_SECONDS)

    def start(self, port: int, command: list[str]) -> None:
        folder = self.folder / str(port)
        folder.mkdir()
        with open(folder / "log", "wb") as log:
            self.processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        measure.fail(f"{command[0]} doesn't answer on port {port}: {(folder / 'log').read_text(errors='replace')[-300:]}")


def free_port(below: int = 50000) -> int:
    """A cluster's server also listens on its port + 10000."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = 20000 + probe.getsockname()[1] % (below - 20000)
        with socket.socket() as first, socket.socket() as second:
            if first.connect_ex(("127.0.0.1", port)) != 0 and second.connect_ex(("127.0.0.1", port + 10000)) != 0:
                return port


def start_redis(servers: Servers, clustered: bool) -> int:
    port = free_port()
    servers.start(port, ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                         *(["--cluster-enabled", "yes"] if clustered else [])])
    return port


def start_cluster(servers: Servers) -> int:
    ports = [start_redis(servers, True) for _ in range(3)]
    made = subprocess.run(["redis-cli", "--cluster", "create", *(f"127.0.0.1:{port}" for port in ports), "--cluster-yes"],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        measure.fail(f"redis-cli made no cluster: {made.stdout.strip()[-300:]}")
    deadline = time.monotonic() + START_SECONDS
    while "cluster_state:ok" not in subprocess.run(["redis-cli", "-p", str(ports[0]), "cluster", "info"], capture_output=True,
                                                   text=True, check=False).stdout:
        if time.monotonic() > deadline:
            measure.fail("the redis cluster doesn't get ready")
        time.sleep(0.1)
    return ports[0]


def run_redis(port: int, options: argparse.Namespace, pipeline: int, clustered: bool) -> float:
    """Requests a second: of as many SETs as GETs, the harmonic mean of both rates."""
    requests = options.operations // 2 if pipeline > 1 else max(options.operations // 20, 1000)
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-t", "set,get", "-n", str(requests), "-c", str(options.clients),
                           "-P", str(pipeline), "-d", str(measure.VALUE_BYTES), "-r", str(options.keys), "--csv",
                           *(["--cluster"] if clustered else [])], capture_output=True, text=True, check=True)
    rates = [float(row["rps"]) for row in csv.DictReader(io.StringIO(done.stdout[done.stdout.index('"test"'):]))]
    return len(rates) / sum(1 / rate for rate in rates)


def run_memcached(port: int, options: argparse.Namespace, folder: pathlib.Path) -> float:
    config = folder / "memcaslap.cnf"
    config.write_text(f"key\n{measure.KEY_BYTES} {measure.KEY_BYTES} 1\nvalue\n{measure.VALUE_BYTES} {measure.VALUE_BYTES} 1\n"
                      "cmd\n0 0.5\n1 0.5\n", encoding="ascii")
    done = subprocess.run(["memcaslap", "-s", f"127.0.0.1:{port}", "-x", str(options.operations // 2), "-c", str(options.clients),
                           "-T", "1", "-F", str(config)], capture_output=True, text=True, check=False)
    found = re.search(r"TPS:\s*([0-9.]+)", done.stdout)
    if found is None:
        measure.fail(f"memcaslap printed no rate: {(done.stdout + done.stderr).strip()[-300:]}")
    return float(found[1])


def main() -> None:
    options = parse_options()
    results: dict[str, list[float]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch, Servers(pathlib.Path(scratch)) as servers:
        folder = pathlib.Path(scratch)
        measure.write_workloads(folder, options.keys, options.operations)
        has_redis = all(shutil.which(program) for program in ("redis-server", "redis-cli", "redis-benchmark"))
        has_memcached = all(shutil.which(program) for program in ("memcached", "memcaslap"))
        single = start_redis(servers, False) if has_redis else 0
        cluster = start_cluster(servers) if has_redis else 0
        cache = free_port() if has_memcached else 0
        if has_memcached:
            servers.start(cache, ["memcached", "-l", "127.0.0.1", "-p", str(cache), "-u", "nobody", "-m", "1024"])
        for _ in range(options.rounds):
            for pipeline in (1, options.pipeline) if has_redis else ():
                results[f"redis, -P {pipeline}"].append(run_redis(single, options, pipeline, False))
                results[f"redis cluster of 3, -P {pipeline}"].append(run_redis(cluster, options, pipeline, True))
            if has_memcached:
                results["memcached"].append(run_memcached(cache, options, folder))
            for name, window, cache_size in ((f"chordkv, window {options.window}", options.window, 0),
                                             (f"chordkv, window {options.window}, --cache {CACHE}", options.window, CACHE),
                                             ("chordkv, window 1", 1, 0)):
                phase = measure.run_chordkv(options.build, folder, options.ranks, "--mode", "parallel", "--window", str(window),
                                            "--cache", str(cache_size))
                results[name].append(phase["throughput_per_second"])
    print(f"{options.ranks} ranks or {options.clients} clients, {options.keys} keys, medians of {options.rounds} rounds; the ratio is that of "
          f"chordkv at window {options.window} to it\n")
    reference = measure.median(results[f"chordkv, window {options.window}"])
    print(f"{'':34} {'a second':>12}  {'ratio':>6}")
    for name, values in results.items():
        print(f"{name:34} {measure.median(values):12,.0f}  {reference / measure.median(values):6.2f}")
    if not has_redis:
        print("\nredis is left out: install redis-server and redis-tools")
    if not has_memcached:
        print("\nmemcached is left out: install memcached and libmemcached-tools")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=10, help="of chordkv; default: 10")
    parser.add_argument("--window", type=int, default=64, help="of chordkv, besides 1; default: 64")
    parser.add_argument("--clients", type=int, default=10, help="of the others; default: 10")
    parser.add_argument("--pipeline", type=int, default=32, help="redis-benchmark's -P, besides 1; default: 32")
    parser.add_argument("--keys", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--operations", type=int, default=4_000_000,
                        help="a run; a tenth for redis without pipelining. A redis cluster's time is told in quarters of a second. "
                             "default: 4000000")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--build", type=pathlib.Path, default=measure.BUILD, help="build folder; default: build")
    return parser.parse_args()


if __name__ == "__main__":
    main()
