"""History files of real runs: what chordkv-check says of them, of falsified ones, and what it exports, which is read
here by other means: lines of EDN by a small reader, well-formedness by the rules of Porcupine and Knossos,
linearizability by trying every order.

--part verdict: serial and parallel runs are linearizable; an old value, a lost write and a forged answer are found, and
                the key is named; a run with wrong answers leaves its history, too
--part export:  the three formats
"""

import collections
import functools
import json
import pathlib
import random
import re
import subprocess
import tempfile

import ring

RANKS = 4
WINDOW = 8


# --- runs and the checker ---

def record(program, folder, name, *options, status=0):
    """A run on few keys, so that operations overlap. Returns the history's path."""
    path = folder / f"{name}.jsonl"
    done = ring.run(program, RANKS, [*options, "--replicas", 3, "--history", path])
    ring.expect(done.status == status, f"{name}: status {done.status}\n{done.stdout}{done.stderr}")
    ring.expect(path.exists(), f"{name}: no history was left")
    left = sorted(entry.name for entry in folder.iterdir() if ".tmp-" in entry.name)
    ring.expect(not left, f"{name}: files left behind: {left}")
    return path


def check(checker, path, *options):
    return subprocess.run([checker, str(path), *map(str, options)], capture_output=True, text=True, timeout=120,
                          check=False)


def verdict(checker, path, *options):
    done = check(checker, path, "--json", *options)
    result = json.loads(done.stdout)
    ring.expect(result["exit_status"] == done.returncode, f"{path}: {done.returncode} and {result['exit_status']}")
    return result


def write_workload(folder, name, seed, count, keys):
    """A mix whose writes have values of their own."""
    rng = random.Random(seed)
    lines = []
    for i in range(count):
        key = f"key {rng.randrange(keys)}"
        kind = rng.choice(["insert", "insert", "query", "query", "delete"])
        lines.append(f"{kind},{key},value {i}" if kind == "insert" else f"{kind},{key}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path, records):
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in records), "utf-8")
    return path


def operations_of(records):
    return [entry for entry in records if entry["record"] == "operation"]


# --- verdicts ---

def check_recorded(checker, path, count, rounds):
    """All operations are there, as the workload asked for them, and they are linearizable."""
    records = read(path)
    operations = operations_of(records)
    ring.expect(len(operations) == count * rounds, f"{path}: {len(operations)} operations")
    ring.expect(records[0]["record"] == "history" and records[0]["ranks"] == RANKS, f"{path}: {records[0]}")
    ring.expect(records[-1] == {"record": "end", "operation_count": len(operations)}, f"{path}: {records[-1]}")
    places = {(entry["round"], entry["phase"], entry["client"], entry["index"]) for entry in operations}
    ring.expect(len(places) == len(operations), f"{path}: operations are told twice")
    ring.expect({entry["round"] for entry in operations} == set(range(1, rounds + 1)), f"{path}: rounds are missing")
    result = verdict(checker, path)
    ring.expect(result["verdict"] == "linearizable", f"{path}: {result}")
    ring.expect(result["operation_count"] == count * rounds, f"{path}: {result}")
    ring.expect(result["versions"]["wrong_count"] == 0 and not result["unversioned_count"], f"{path}: {result}")
    told = check(checker, path)
    ring.expect(told.returncode == 0 and "LINEARIZABLE: each of" in told.stdout, f"{path}: {told.stdout}")
    return records


def expect_found(checker, path, key, what):
    result = verdict(checker, path)
    ring.expect(result["verdict"] == "wrong" and result["exit_status"] == 3, f"{what}: {result['verdict']}")
    ring.expect([violation["stuck"]["key"] for violation in result["violations"]] == [key],
                f"{what}: {result['violations']}")
    told = check(checker, path)
    ring.expect(told.returncode == 3 and f'Key "{key}" has no order' in told.stdout and
                "NOT LINEARIZABLE: 1 of" in told.stdout, f"{what}: {told.stdout}")


def falsify_old_value(records):
    """The last answer with a value gets one that two writes, one after the other, have overwritten before it began."""
    operations = operations_of(records)
    for query in sorted((e for e in operations if e["outcome"] == "found"), key=lambda e: -e["start_ns"]):
        writes = sorted((e for e in operations if e["key"] == query["key"] and e["kind"] == "insert" and
                         e["round"] == query["round"] and e["end_ns"] < query["start_ns"]), key=lambda e: e["end_ns"])
        if len(writes) > 1 and writes[0]["end_ns"] < writes[-1]["start_ns"] and writes[0]["value"] != query["value"]:
            for field in ("value", "value_size", "value_digest"):
                query[field] = writes[0][field]
            return query["key"]
    return None


def falsify_lost_write(records):
    """The line of a write that was read is dropped."""
    operations = operations_of(records)
    for query in operations:
        for entry in operations if query["outcome"] == "found" else []:
            if entry["kind"] == "insert" and (entry["key"], entry["value"]) == (query["key"], query["value"]):
                records.remove(entry)
                return query["key"]
    return None


def part_verdict(given, folder):
    count = 300
    mix = write_workload(folder, "mix.csv", 1, count, 12)
    parallel = ["--mode", "parallel", "--window", WINDOW, "--phase", f"mix={mix}"]
    for name, options, rounds in (("serial", ["--phase", f"mix={mix}"], 1), ("parallel", parallel, 1),
                                  ("repeated", parallel + ["--repetitions", 2, "--warmup", 1], 3)):
        print(name, flush=True)
        path = record(given.program, folder, name, *options)
        records = check_recorded(given.checker, path, count, rounds)
        for falsify in (falsify_old_value, falsify_lost_write):
            falsified = [dict(entry) for entry in records]
            key = falsify(falsified)
            what = f"{name}, {falsify.__name__}"
            ring.expect(key is not None, f"{what}: there is nothing to falsify")
            expect_found(given.checker, write(folder / "falsified.jsonl", falsified), key, what)
    eventual = record(given.program, folder, "eventual", *parallel, "--consistency", "eventual")
    told = check(given.checker, eventual)
    ring.expect(told.returncode in (0, 3) and "doesn't promise linearizability" in told.stdout, told.stdout)
    ring.expect(verdict(given.checker, eventual)["versions"]["wrong_count"] == 0, "eventual: T1 finds wrong answers")
    # What the run itself finds wrong is in its history, too.
    for forge in ("answer", "stale"):
        path = record(given.program, folder, forge, *parallel, "--forge", forge, status=3)
        result = verdict(given.checker, path)
        ring.expect(result["exit_status"] == 3, f"{forge}: {result}")
        ring.expect(result["violated_key_count"] == (forge == "answer"), f"{forge}: {result}")
        ring.expect(result["versions"]["wrong_count"] == 1, f"{forge}: {result}")


# --- EDN ---

TOKEN = re.compile(r'\s*(?:(?P<string>"(?:[^"\\]|\\["\\tnr])*")|(?P<keyword>:[a-z]+)|(?P<number>\d+)|(?P<nil>nil)|'
                   r'(?P<brace>[{}])|(?P<comma>,))')
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", '"': '"', "\\": "\\"}
ABSENT = ":absent"


def edn_map(line):
    """One map of keywords to strings, keywords, numbers or nil."""
    tokens = []
    at = 0
    while at < len(line):
        match = TOKEN.match(line, at)
        if match is None:
            raise ValueError(f"no EDN at {at}: {line}")
        at = match.end()
        kind, text = match.lastgroup, match.group(match.lastgroup)
        if kind == "string":
            tokens.append(re.sub(r"\\(.)", lambda m: ESCAPES[m.group(1)], text[1:-1]))
        elif kind == "number":
            tokens.append(int(text))
        elif kind == "nil":
            tokens.append(None)
        elif kind in ("keyword", "brace"):
            tokens.append(text)
    if tokens[0] != "{" or tokens[-1] != "}" or len(tokens) % 2:
        raise ValueError(f"no map: {line}")
    return dict(zip(tokens[1:-1:2], tokens[2:-1:2]))


def well_formed(events, what, open_ends):
    """One thing at a time for each process, and none after :info. Returns [call, return or None, start, end]: positions
    in the file are the times."""
    under_way = {}
    retired = set()
    operations = []
    for position, event in enumerate(events):
        process, kind = event[":process"], event[":type"]
        ring.expect(process not in retired, f"{what}: process {process} goes on after :info")
        if kind == ":invoke":
            ring.expect(process not in under_way, f"{what}: process {process} does two things at once")
            under_way[process] = [event, None, position, None]
            operations.append(under_way[process])
            continue
        operation = under_way.pop(process, None)
        if not ring.expect(operation is not None, f"{what}: a {kind} without :invoke"):
            continue
        ring.expect(operation[0][":f"] == event[":f"], f"{what}: {operation[0]} ends as {event}")
        if kind == ":info":
            retired.add(process)
        else:
            ring.expect(kind == ":ok", f"{what}: {kind}")
            operation[1], operation[3] = event, position
    ring.expect(open_ends or not under_way, f"{what}: {len(under_way)} operations don't end")
    return operations


def linearizable(operations, reads, initial):
    """Tries every order of one register's operations."""
    count = len(operations)
    answered = sum(1 << i for i, operation in enumerate(operations) if operation[3] is not None)

    @functools.lru_cache(maxsize=None)
    def search(done, value):
        if done & answered == answered:
            return True
        due = min(operations[i][3] for i in range(count) if answered >> i & 1 and not done >> i & 1)
        for i in range(count):
            call, answer, start, _ = operations[i]
            if done >> i & 1 or start > due:
                continue
            if call[":f"] == reads:
                if answer[":value"] == value and search(done | 1 << i, value):
                    return True
            elif search(done | 1 << i, call[":value"]):
                return True
        return False

    return search(0, initial)


PORCUPINE = re.compile(r'\{:process \d+, :type :(?:invoke|ok), :f :(?:get|put), :key "(.*)", :value (?:nil|"(.*)")\}')


def check_porcupine(path, what):
    lines = path.read_text("utf-8").splitlines()
    ring.expect(all(PORCUPINE.fullmatch(line) for line in lines), f"{what}: lines that Porcupine doesn't read")
    ring.expect(max(len(line.encode()) for line in lines) < 4096, f"{what}: a line too long for Porcupine")
    operations = well_formed([edn_map(line) for line in lines], what, open_ends=True)
    keys = collections.defaultdict(list)
    for operation in operations:
        keys[operation[0][":key"]].append(operation)
        if operation[1] is not None:
            ring.expect(operation[0][":key"] == operation[1][":key"], f"{what}: {operation}")
    return all(linearizable(own, ":get", "") for own in keys.values()), len(operations)


def check_knossos(path, what):
    fine, count = True, 0
    for file in sorted(path.iterdir()):
        lines = file.read_text("utf-8").splitlines()
        ring.expect(lines[0].startswith('; key "'), f"{what}: {lines[0]}")
        operations = well_formed([edn_map(line) for line in lines[1:]], f"{what} {file.name}", open_ends=False)
        first = operations[0]
        ring.expect(first[0][":value"] == ABSENT and first[3] == 1, f"{what}: {first}")
        for call, answer, _, _ in operations:
            if call[":f"] == ":read":
                ring.expect(call[":value"] is None and answer[":value"] is not None, f"{what}: {call} {answer}")
        fine &= linearizable(operations, ":read", None)
        count += len(operations) - 1
    return fine, count


def check_edn(path, what, records):
    events = [edn_map(line) for line in path.read_text("utf-8").splitlines()]
    ring.expect([event[":index"] for event in events] == list(range(len(events))), f"{what}: indices")
    times = [event[":time"] for event in events]
    ring.expect(times == sorted(times) and times[0] == 0, f"{what}: times")
    operations = well_formed(events, what, open_ends=False)
    told = collections.Counter((call[":client"], call[":phase"], call[":operation"]) for call, _, _, _ in operations)
    asked = collections.Counter((e["client"], e["phase"], e["index"]) for e in operations_of(records))
    ring.expect(told == asked, f"{what}: other operations than in the history")
    ring.expect(all(call[":process"] % RANKS == call[":client"] for call, _, _, _ in operations), f"{what}: processes")


def check_exports(given, folder, path, what, fine):
    records = read(path)
    lost_reads = sum(e["kind"] == "query" and e["outcome"] == "unknown" for e in operations_of(records))
    for form, checked in (("porcupine", check_porcupine), ("knossos", check_knossos)):
        to = folder / f"{what}.{form}"
        done = check(given.checker, path, "--export", form, "--to", to)
        ring.expect(done.returncode == 0, f"{what}, {form}: {done.stderr}")
        found, count = checked(to, f"{what}, {form}")
        ring.expect(found == fine, f"{what}, {form}: linearizable by trying every order: {found}")
        ring.expect(count == len(operations_of(records)) - lost_reads, f"{what}, {form}: {count} operations")
    to = folder / f"{what}.edn"
    done = check(given.checker, path, "--export", "edn", "--to", to)
    ring.expect(done.returncode == 0, f"{what}, edn: {done.stderr}")
    check_edn(to, f"{what}, edn", records)


def without_answers(records, seed, count):
    """Takes some answers away. What is read stays written, so the history stays linearizable."""
    rng = random.Random(seed)
    for entry in rng.sample(operations_of(records), count):
        entry["outcome"] = "unknown"
        entry["end_ns"] = None
        entry.pop("version")
        if entry["kind"] == "query":
            for field in ("value", "value_size", "value_digest"):
                entry.pop(field, None)
    return records


def part_export(given, folder):
    # Trying every order takes few operations a key.
    mix = write_workload(folder, "mix.csv", 2, 240, 16)
    with mix.open("a") as stream:
        stream.write('insert,"with ""quotes"" and \\ backslashes",""\nquery,"with ""quotes"" and \\ backslashes"\n'
                     'insert,"two\nlines","tab\tand ü"\nquery,"two\nlines"\ninsert,hex:6b,digest:0\nquery,hex:6b\n')
    path = record(given.program, folder, "run", "--mode", "parallel", "--window", WINDOW, "--phase", f"mix={mix}")
    ring.expect(verdict(given.checker, path)["exit_status"] == 0, "the run isn't linearizable")
    check_exports(given, folder, path, "run", True)
    overlap = [edn_map(line) for line in (folder / "run.edn").read_text("utf-8").splitlines()]
    ring.expect(max(event[":process"] for event in overlap) >= RANKS, "no client had two operations under way")
    unknown = write(folder / "unknown.jsonl", without_answers(read(path), 3, 12))
    ring.expect(verdict(given.checker, unknown)["exit_status"] == 0, "with answers taken away")
    check_exports(given, folder, unknown, "unknown", True)
    records = read(path)
    ring.expect(falsify_old_value(records) is not None, "there is nothing to falsify")
    check_exports(given, folder, write(folder / "old.jsonl", records), "old", False)
    records = read(path)
    ring.expect(falsify_lost_write(records) is not None, "there is nothing to falsify")
    check_exports(given, folder, write(folder / "lost.jsonl", records), "lost", False)


PARTS = {"verdict": part_verdict, "export": part_export}


def main():
    arguments = ring.parser(__doc__)
    arguments.add_argument("--checker", required=True, help="the chordkv-check to test")
    arguments.add_argument("--part", choices=PARTS, required=True)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        PARTS[given.part](given, pathlib.Path(name))
    ring.finish()


main()
