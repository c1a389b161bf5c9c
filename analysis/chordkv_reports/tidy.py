"""Runs to one tidy table: a row for each repetition of a phase and kind of operation ("all": the whole phase), a column
for each variable, units in the names. Measurements are empty where the run isn't valid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas

from .load import Run
from .schema import KINDS, answered_count

Record = dict[str, Any]
# The judge's words (app/verdict/judge.h, JUDGE_READ_OLD).
STALE_REASON = "read a version older than one answered before the read began"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999}


@dataclass(frozen=True)
class Observation:
    """One repetition of one phase, and the run that it is of."""

    run: Run
    record: Record


def observations(runs: list[Run]) -> list[Observation]:
    return [Observation(run, phase) for run in runs for phase in run.phases if not phase["phase"]["warm_up"]]


def merged_buckets(record: Record, kinds: tuple[str, ...] = KINDS) -> list[tuple[int, int, int]]:
    """Latencies of these kinds together, as buckets (first, last, count) in order."""
    counts: dict[tuple[int, int], int] = {}
    for kind in kinds:
        for first, last, count in (record["latency_ns"] or {}).get(kind, {}).get("buckets", []):
            counts[first, last] = counts.get((first, last), 0) + count
    return [(first, last, count) for (first, last), count in sorted(counts.items())]


def quantile(buckets: list[tuple[int, int, int]], p: float) -> float:
    """As chordkv computes it: the last value of the bucket that has the ceil(p * count)-th smallest."""
    rank = max(math.ceil(p * sum(count for _, _, count in buckets)), 1)
    seen = 0
    for _, last, count in buckets:
        seen += count
        if seen >= rank:
            return float(last)
    return math.nan


def _all_latency(record: Record) -> Record:
    present = [record["latency_ns"][kind] for kind in KINDS if record["latency_ns"][kind]["count"] > 0]
    if not present:
        return {}
    if len(present) == 1:
        return dict(present[0])
    buckets = merged_buckets(record)
    count = sum(latency["count"] for latency in present)
    longest = max(latency["max"] for latency in present)
    values: Record = {name: min(quantile(buckets, p), longest) for name, p in QUANTILES.items()}
    values["mean"] = sum(latency["mean"] * latency["count"] for latency in present) / count
    return values | {"count": count, "max": longest, "min": min(latency["min"] for latency in present)}


def critical_path(record: Record) -> float:
    """Messages that one operation waits for, one after another, on average: client to entry node, hops to the owner,
    the chain if every copy must have it before the answer (linearizable), the answer. Copies that an eventual ring
    makes after its answer aren't waited for."""
    answered = answered_count(record)
    if answered == 0 or record["owner_hops"]["mean"] is None:
        return math.nan
    waits_for_chain = record["run"]["options"].get("consistency", "linearizable") == "linearizable"
    chain = record["messages"].get("CHAIN", 0) / answered if waits_for_chain else 0.0
    return 1 + float(record["owner_hops"]["mean"]) + chain + 1


def typed(value: Any) -> Any:
    """An option's text as a number where it is one; a repeated option as one text."""
    if isinstance(value, list):
        return " ".join(value)
    try:
        return int(value)
    except ValueError:
        return value


def _columns_of_run(observation: Observation) -> Record:
    run, record = observation.run, observation.record
    environment = record["run"]["environment"]
    row: Record = {"run": run.label, "name": run.name, "source": run.path, "valid": run.valid}
    row |= {
        "verdict": run.verdict_text,
        "forged": run.forged,
        "commit": environment["commit"],
        "seed": record["run"]["seed"],
    }
    row |= {
        name: environment[name] for name in ("version", "compiler", "flags", "build_type", "mpi_library", "machine")
    }
    row |= {"hosts": " ".join(environment["hosts"]), "host_count": environment["host_count"]}
    row |= {"ranks_per_core": environment["ranks_per_core"], "waiting": environment["waiting"]}
    options = record["run"]["options"]
    row |= {"rank_count": record["run"]["rank_count"], "replicas": typed(options.get("replicas", "1"))}
    row |= {"consistency": options.get("consistency", "linearizable"), "mode": options.get("mode", "serial")}
    row |= {"window": typed(options.get("window", "1")), "virtual_nodes": typed(options.get("virtual-nodes", "1"))}
    row["routing"] = options.get("routing", "finger")
    row |= {f"option_{name.replace('-', '_')}": typed(value) for name, value in options.items()}
    return row


def _columns_of_phase(record: Record, valid: bool) -> Record:
    phase = record["phase"]
    row: Record = {"phase_index": phase["index"], "phase_type": phase["type"], "file": phase["file"] or ""}
    row |= {"file_sha256": phase["file_sha256"] or "", "operation_count": phase["operation_count"]}
    row |= {"repetition": phase["repetition"], "elapsed_ns": phase["elapsed_ns"] if valid else None}
    return row


def _columns_of_kind(record: Record, kind: str, valid: bool) -> Record:
    everything = kind == "all"
    operations = record["operations"]
    kinds = KINDS if everything else (kind,)
    row: Record = {"operation": kind, "count": sum(operations[k]["count"] for k in kinds)}
    row["answered"] = sum(answered_count(record, k) for k in kinds)
    row["unknown"] = row["count"] - row["answered"]
    latency: Record = {}
    if valid:
        row["throughput_per_second"] = row["answered"] * 1e9 / max(record["phase"]["elapsed_ns"], 1)
        latency = _all_latency(record) if everything else record["latency_ns"][kind]
    else:
        row["throughput_per_second"] = None
    for name in ("mean", "min", *QUANTILES, "max"):
        row[f"latency_{name}_ns"] = latency.get(name)
    for name in ("owner_hops", "path_length"):
        hops = record[name] if everything else record[name]["by_kind"][kind]
        row |= {f"{name}_{of}": hops[of] for of in ("mean", "p1", "p50", "p99")}
    return row


def _stale_and_wrong(record: Record) -> int | None:
    """Stale reads where there may be none, as the judge found them; None if it was something else that it found."""
    if record["verdict"]["valid"]:
        return 0
    reasons = record["verdict"].get("judge", {}).get("wrong_by_reason", [])
    found = [reason["count"] for reason in reasons if reason["reason"] == STALE_REASON]
    return sum(found) if found else None


def _columns_of_whole(record: Record) -> Record:
    answered = max(answered_count(record), 1)
    row: Record = {"owner_hops_expected_mean": record["owner_hops"]["expected_mean"]}
    row["owner_hops_ideal_mean"] = record["owner_hops"]["ideal_mean"]
    row["path_length_expected_mean"] = record["path_length"]["expected_mean"]
    row["messages_critical_path_per_operation"] = critical_path(record)
    row["messages_all_per_operation"] = record["messages_all"] / answered
    row["messages_chain_per_operation"] = record["messages"].get("CHAIN", 0) / answered
    row |= {name: record[name] for name in ("messages_all", "messages_to_self", "mpi_messages", "message_bytes_all")}
    row["retry_count"] = record["retry_count"]
    for name in ("keys_per_node", "keys_per_rank"):
        balance = record.get(name, {})
        for of in ("mean", "min", "max", "p1", "p99", "max_over_mean", "expected_p1", "expected_p99"):
            row[f"{name}_{of}"] = balance.get(of)
    stale = record["stale_reads"]
    row["stale_read_count"] = stale["count"] if stale else _stale_and_wrong(record)
    row["stale_versions_missed_max"] = stale["versions_missed_max"] if stale else None
    row["copies_per_pair"] = record["verdict"]["copies_per_pair"]
    row["pair_count"] = record["verdict"]["pair_count"]
    row["member_count"] = sum(node.get("state", "member") == "member" for node in record["nodes"])
    row["change_count"] = sum(not change["refused"] for change in record.get("changes", []))
    row["fault_count"] = sum(not fault["refused"] for fault in record.get("faults", []))
    return row


def table(observed: list[Observation]) -> pandas.DataFrame:
    """The tidy table. `observation` is the number of the repetition among those read, from 0; options are columns
    option_*."""
    rows = []
    for number, observation in enumerate(observed):
        record = observation.record
        valid = observation.run.valid
        shared = {"observation": number} | _columns_of_run(observation) | _columns_of_phase(record, valid)
        for kind in ("all", *KINDS):
            if kind == "all" or record["operations"][kind]["count"] > 0:
                row = shared | _columns_of_kind(record, kind, valid)
                rows.append(row | (_columns_of_whole(record) if kind == "all" else {}))
    frame = pandas.DataFrame(rows)
    # What was measured before what was set, as a reader of the CSV expects it: the options go last.
    options = [name for name in frame.columns if name.startswith("option_")]
    return frame[[name for name in frame.columns if name not in options] + options]
