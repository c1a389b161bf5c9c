"""Whether one record of a report is what it claims to be: its fields (app/report/record.c writes them), and whether
they agree with each other. Nothing is trusted: a record that contradicts itself is as bad as a broken one."""

from __future__ import annotations

from typing import Any, Callable

# The version that these tools read. Fields that came later within a version are optional: see `later`.
SCHEMA_VERSION = 1
KINDS = ("insert", "query", "delete")
OUTCOMES = ("inserted", "updated", "found", "absent", "deleted", "unknown")

# A check gets a value and where it stands, and names what is wrong with it.
Check = Callable[[Any, str], list[str]]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _simple(what: str, test: Callable[[Any], bool]) -> Check:
    def check(value: Any, where: str) -> list[str]:
        return [] if test(value) else [f"{where} is no {what}"]

    return check


count = _simple("count", lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**63)
number = _simple("number of at least 0", lambda v: _is_number(v) and 0 <= v < float("inf"))
text = _simple("text", lambda v: isinstance(v, str))
boolean = _simple("true or false", lambda v: isinstance(v, bool))
option = _simple("option", lambda v: isinstance(v, str) or isinstance(v, list) and all(isinstance(i, str) for i in v))


def nullable(check: Check) -> Check:
    return lambda value, where: [] if value is None else check(value, where)


def later(check: Check) -> Check:
    """Of a field that records of earlier commits don't have."""

    def optional(value: Any, where: str) -> list[str]:
        return check(value, where)

    setattr(optional, "optional", True)
    return optional


def array(check: Check) -> Check:
    def checked(value: Any, where: str) -> list[str]:
        if not isinstance(value, list):
            return [f"{where} is no array"]
        return [problem for i, item in enumerate(value) for problem in check(item, f"{where}[{i}]")]

    return checked


def mapping(check: Check) -> Check:
    def checked(value: Any, where: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [problem for name, item in value.items() for problem in check(item, f"{where}.{name}")]

    return checked


def record(fields: dict[str, Check]) -> Check:
    """An object with these fields; others, of a later commit, don't matter."""

    def checked(value: Any, where: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where or 'the record'} is no object"]
        problems = []
        for name, check in fields.items():
            path = f"{where}.{name}" if where else name
            if name in value:
                problems += check(value[name], path)
            elif not hasattr(check, "optional"):
                problems.append(f"{path} is missing")
        return problems

    return checked


_bucket = _simple(
    "bucket (first, last, count)",
    lambda v: isinstance(v, list) and len(v) == 3 and all(count(i, "") == [] for i in v) and v[0] <= v[1] and v[2] > 0,
)
_latency = record(
    {
        "count": count,
        "mean": nullable(number),
        "min": nullable(count),
        "max": nullable(count),
        "buckets": array(_bucket),
    }
    | {name: nullable(count) for name in ("p50", "p90", "p99", "p99_9")}
)
_hops = {"count": count, "mean": nullable(number), "histogram": array(count)}
_hops |= {name: nullable(count) for name in ("p1", "p50", "p99")}
_all_hops = _hops | {
    "by_kind": record({kind: record(_hops) for kind in KINDS}),
    "expected_mean": nullable(number),
    "expected_distribution": array(number),
}
_balance = record(
    {name: nullable(number) for name in ("mean", "min", "max")}
    | {name: later(nullable(number)) for name in ("max_over_mean", "expected_p1", "expected_p99")}
    | {name: later(nullable(number)) for name in ("expected_min_median", "expected_max_median")}
    | {"count": later(count)}
)
_options = mapping(option)
_environment = record(
    {
        name: text
        for name in ("waiting", "machine", "mpi_library", "version", "commit", "compiler", "flags", "build_type")
    }
    | {"hosts": array(text), "host_count": count, "ranks_per_core": number, "cpusets_by_rank": array(text)}
)
_change = record(
    {"trigger": text, "at_ns": count, "refused": boolean, "refusal_reason": nullable(text)}
    | {"members": array(record({"change": text, "name": nullable(text)}))}
    | {name: nullable(count) for name in ("epoch", "moved_pair_count", "expected_pair_count", "moved_pair_bytes")}
    | {
        name: nullable(count)
        for name in ("message_count", "started_ns", "ended_ns", "wedged_ns_max", "settled_after_ns")
    }
)
_fault_times = ("injected_ns", "detected_ns", "committed_ns", "rejoined_ns", "detected_after_ns", "writable_after_ns")
_fault = record(
    {"trigger": nullable(text), "rank": count, "kind": nullable(text), "refused": boolean, "name": nullable(text)}
    | {
        "refusal_reason": nullable(text),
        "unknown_operation_count": nullable(count),
        "copied_pair_count": nullable(count),
    }
    | {name: nullable(count) for name in _fault_times}
)
_phase = record(
    {
        "run": record(
            {"options": _options, "options_given": array(text), "seed": text, "rank_count": count}
            | {"environment": _environment, "virtual_node_count": later(count)}
        ),
        "phase": record(
            {"index": count, "type": text, "file": nullable(text), "file_sha256": nullable(text), "repetition": count}
            | {"warm_up": boolean, "operation_count": count, "elapsed_ns": nullable(count)}
            | {"segment_count": later(count), "judging_ns": later(count)}
        ),
        "operations": record({kind: record({name: count for name in OUTCOMES + ("count",)}) for kind in KINDS}),
        "throughput_per_second": nullable(number),
        "latency_ns": nullable(record({kind: _latency for kind in KINDS})),
        "owner_hops": record(_all_hops | {"ideal_mean": nullable(number)}),
        "path_length": record(_all_hops),
        "messages": mapping(count),
        "message_bytes_all": count,
        "messages_all": count,
        "mpi_messages": count,
        "messages_to_self": count,
        "retry_count": count,
        "nodes": array(record({"id": text, "rank": count, "owned_pair_count": count, "requests_owned": count})),
        "keys_per_node": _balance,
        "keys_per_rank": later(_balance),
        "ranks": array(record({"rank": count, "host": text, "cpuset": text, "owned_pair_count": later(count)})),
        "changes": later(array(_change)),
        "timeline": later(nullable(record({"slice_ns": count, "answered_counts": array(count)}))),
        "faults": later(array(_fault)),
        "verdict": record(
            {"valid": boolean, "wrong_count": count, "first_wrong": nullable(text), "copies_valid": boolean}
            | {"copies_per_pair": count, "pair_count": count, "forged": boolean, "lost_arcs": later(array(record({})))}
            | {"judge": later(record({"wrong_by_reason": array(record({"reason": text, "count": count}))}))}
        ),
        "stale_reads": nullable(record({"count": count, "share": nullable(number), "versions_missed_max": count})),
    }
)
_summary = record(
    {"phase": record({"index": count, "type": text}), "rank_count": count, "repetitions": count}
    | {"wrong_repetitions": count}
)
_verdict = record({"verdict": text, "exit_status": count, "message": text})
_KINDS_OF_RECORD = {"phase": _phase, "summary": _summary, "verdict": _verdict}


def answered_count(phase: dict[str, Any], kind: str | None = None) -> int:
    """Operations of this kind, or of all, that were answered."""
    kinds = KINDS if kind is None else (kind,)
    return sum(phase["operations"][k]["count"] - phase["operations"][k]["unknown"] for k in kinds)


def _contradictions(phase: dict[str, Any]) -> list[str]:
    problems = []
    verdict, elapsed_ns, rate = phase["verdict"], phase["phase"]["elapsed_ns"], phase["throughput_per_second"]
    if verdict["valid"]:
        for name in ("wrong_count", "lost_arcs"):
            if verdict.get(name):
                problems.append(f"the verdict is valid, but has {name}")
        if elapsed_ns is None or rate is None or phase["latency_ns"] is None:
            problems.append("the verdict is valid, but a measurement is missing")
        else:
            answered = answered_count(phase)
            expected = answered * 1e9 / max(elapsed_ns, 1)
            if abs(rate - expected) > 1e-6 * max(expected, 1):
                problems.append(
                    f"throughput_per_second is {rate:g}, but {answered} answers in {elapsed_ns} ns "
                    f"make {expected:g}"
                )
    elif elapsed_ns is not None or rate is not None or phase["latency_ns"] is not None:
        problems.append("the verdict isn't valid, but there are measurements")
    for kind in KINDS:
        operations = phase["operations"][kind]
        if sum(operations[outcome] for outcome in OUTCOMES) != operations["count"]:
            problems.append(f"the outcomes of operations.{kind} don't add up to its count")
        latency = (phase["latency_ns"] or {}).get(kind)
        if latency and sum(bucket[2] for bucket in latency["buckets"]) != latency["count"]:
            problems.append(f"the buckets of latency_ns.{kind} don't add up to its count")
    for name in ("owner_hops", "path_length"):
        if sum(phase[name]["histogram"]) != phase[name]["count"]:
            problems.append(f"the histogram of {name} doesn't add up to its count")
    return problems


def check_record(value: Any) -> list[str]:
    """What is wrong with a record; empty if nothing is."""
    if not isinstance(value, dict):
        return ["not a JSON object"]
    kind = value.get("record")
    check = _KINDS_OF_RECORD.get(kind) if isinstance(kind, str) else None
    if check is None:
        return [f"a record of kind {kind!r}, not phase, summary or verdict: no report of chordkv"]
    version = value.get("schema_version")
    if version is None or count(version, ""):
        return ["schema_version is missing"]
    if version != SCHEMA_VERSION:
        age, remedy = ("older", "earlier") if version < SCHEMA_VERSION else ("newer", "later")
        return [
            f"schema_version {version} is {age} than {SCHEMA_VERSION}, which this program reads; "
            f"use the analysis/ of the {remedy} commit that wrote it, or run it again"
        ]
    problems = check(value, "")
    if not problems and kind == "phase":
        problems = _contradictions(value)
    return problems
