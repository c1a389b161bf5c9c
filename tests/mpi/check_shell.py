"""The shell beside its transcripts (tests/scenario): files, exit statuses, the end of the input, junk, long lines, joins and
departs among files and in scripts."""

import json
import pathlib
import subprocess
import tempfile

import ring


def shell(program, ranks, options, text):
    """A session whose input is text; its status, standard output and standard error."""
    done = subprocess.run([str(ring.LAUNCHER), "-n", str(ranks), "--", program, "shell", *options], input=text,
                          capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def check_files(program):
    """Serial and parallel files among single operations: valid, with a throughput, and the totals add up."""
    text = b"insert mine 1\n"
    for kind, command in (("insert", "file"), ("query", "fileparallel"), ("mix", "file"), ("mix", "fileparallel")):
        text += f"{command} '{ring.WORKLOADS / kind}.csv' --type {kind}\n".encode()
    status, out, errors = shell(program, 5, ["--json", "--replicas", "3", "--window", "4"], text + b"query mine\nstats\n")
    ring.expect(status == 0 and not errors, f"files: status {status}\n{errors.decode()}")
    answers = [json.loads(line) for line in out.splitlines()]
    phases = [answer for answer in answers if answer.get("record") == "phase"]
    ring.expect(len(phases) == 4, f"{len(phases)} phases")
    ring.expect([phase["phase"]["index"] for phase in phases] in ([0, 1, 2, 3], [1, 2, 3, 4]), "phases aren't counted")
    for phase in phases:
        ring.expect(phase["verdict"]["valid"] and phase["throughput_per_second"] > 0, f"{phase['verdict']}")
    stats = answers[-2]
    ring.expect(stats["answer"] == "stats", "no stats")
    count = sum(kind["count"] for kind in stats["operations"].values())
    ring.expect(count == 2002, f"{count} operations in stats")
    verdict = answers[-1]
    ring.expect(verdict["answer"] == "verdict" and verdict["judged_count"] == 2002, f"{verdict}")
    # The insert, two serial files; the query after a parallel file that writes is T1's alone.
    ring.expect(verdict["checked_by_model_count"] == 1001, f"{verdict}")


def check_wrong_answers(program):
    """Negative controls: a falsified answer ends the session with status 3, and nothing is called valid."""
    for kind in ("answer", "lose", "stale"):
        status, out, errors = shell(program, 3, ["--forge", kind], b"insert a 1\nquery a\nquery a\n")
        ring.expect(status == 3, f"--forge {kind}: status {status}")
        ring.expect(b"wrong answers: " in errors and errors.count(b"\n") == 1, f"--forge {kind}: {errors}")
        ring.expect(b"VALID" not in out, f"--forge {kind}: called valid")
    text = f"file '{ring.WORKLOADS / 'insert.csv'}' --type insert\nquery a\n".encode()
    status, out, errors = shell(program, 3, ["--forge", "lose"], text)
    ring.expect(status == 3 and b"operations/second" not in out, f"a file with a lost pair: {status} {out}")


def check_ends(program):
    status, out, _ = shell(program, 3, [], b"")
    ring.expect(status == 0 and out.startswith(b"VALID: 0 answers"), f"empty input: {status} {out}")
    status, out, _ = shell(program, 3, [], b"insert a b\nquery a")
    ring.expect(status == 0 and b"Key:a has value:b" in out, f"no line feed at the end: {status} {out}")
    status, out, errors = shell(program, 3, ["--script", "/no/such/script"], b"")
    ring.expect(status == 2 and b"/no/such/script" in errors and errors.count(b"\n") == 1, f"no script: {status} {errors}")
    status, out, errors = shell(program, 3, [], b"insert a b\nbad\nquery a\n")
    ring.expect(status == 1 and b"Key:a has value:b" in out, f"an error: {status} {out}")
    ring.expect(b"<stdin>:2: unknown command 'bad'" in errors and b"1 command failed" in errors, f"an error: {errors}")


def check_junk(program):
    junk = bytes((number * number * 31 + number // 7) % 256 for number in range(100000))
    status, out, errors = shell(program, 3, [], junk + b"\ninsert a b\nquery a\n")
    ring.expect(status == 1 and b"Key:a has value:b" in out, f"junk: {status} {out[-300:]}")
    ring.expect(all(byte >= 32 or byte == 10 for byte in errors), "a control character of the input was printed")


def check_long_lines(program):
    value = b"v" * (1024 * 1024)
    text = (b"insert a " + b"x" * (2200 * 1024) + b"\ninsert b c\ninsert d " + value + b"v\ninsert e " + value +
            b"\nquery e 1\nquery *\n" + b"y" * (2200 * 1024))
    status, out, errors = shell(program, 3, ["--replicas", "2"], text)
    ring.expect(status == 1, f"long lines: status {status}")
    lines = errors.splitlines()
    ring.expect(len(lines) == 4, f"{len(lines)} errors")
    ring.expect(lines[0].endswith(b"<stdin>:1: the line is longer than 2 MiB; it was passed over"), f"{lines[0]}")
    ring.expect(b"<stdin>:3: the value has 1048577 bytes" in lines[1], f"{lines[1]}")
    ring.expect(b"<stdin>:7: the line is longer" in lines[2], f"{lines[2]}")
    ring.expect(out.count(b"value:" + value) == 2, "1 MiB doesn't come back")
    ring.expect(b"Key:b inserted" in out, "the next line was lost")


def check_many_pairs(program):
    """A listing in many pieces has every pair once, by node and key."""
    text = b"".join(b"insert key%d %s\n" % (number, b"v" * 2000) for number in range(100))
    status, out, _ = shell(program, 2, ["--json"], text + b"query *\n")
    pairs = [json.loads(line) for line in out.splitlines() if b'"answer":"pair"' in line]
    ring.expect(status == 0 and len({pair["key"] for pair in pairs}) == len(pairs) == 100, f"{len(pairs)} pairs")
    order = [(pair["node"], pair["key"]) for pair in pairs]
    nodes = list(dict.fromkeys(node for node, _ in order))
    ring.expect(order == sorted(order, key=lambda pair: (nodes.index(pair[0]), pair[1])), "not by node and key")


def json_session(program, ranks, options, text, what, status=0):
    """A valid session with --json; its answers."""
    got, out, errors = shell(program, ranks, ["--json", *options], text)
    ring.expect(got == status, f"{what}: status {got}\n{errors.decode()}")
    answers = [json.loads(line) for line in out.splitlines()]
    ring.expect(answers and answers[-1]["answer"] == "verdict" and answers[-1]["valid"], f"{what}: no verdict")
    return answers


def told(answers, *kinds):
    return [answer for answer in answers if answer.get("answer") in kinds]


def check_changes(program):
    """Files on a ring that grows and shrinks between them: every phase is valid on the ring as it is then."""
    insert, mix = ring.WORKLOADS / "insert.csv", ring.WORKLOADS / "mix.csv"
    text = (f"file '{insert}' --type insert\njoin 4\nfileparallel '{mix}' --type mix\ndepart 0\ndepart 2\n"
            f"file '{mix}' --type mix\njoin 0\nquery *\noverlay 2\n").encode()
    for consistency in ("linearizable", "eventual"):
        answers = json_session(program, 5, ["--replicas", "3", "--initial-nodes", "4", "--consistency", consistency,
                                            "--window", "4"], text, consistency)
        changes = told(answers, "join", "depart")
        ring.expect([(c["answer"], c["rank"], c["epoch"]) for c in changes] ==
                    [("join", 4, 2), ("depart", 0, 3), ("depart", 2, 4), ("join", 0, 5)], f"{consistency}: {changes}")
        for change in changes:
            ring.expect(change["node_count"] == change["change_count"] == 1 and change["message_count"] > 0 and
                        change["wedged_ns_max"] > 0 and change["settled_ns"] > 0, f"{consistency}: {change}")
        moved = [change["moved_pair_count"] for change in changes]
        ring.expect(all(0 < count <= 3 * answers[-1]["pair_count"] for count in moved), f"{consistency}: {moved} moved")
        phases = [answer for answer in answers if answer.get("record") == "phase"]
        ring.expect(len(phases) == 3 and all(phase["verdict"]["valid"] for phase in phases), f"{consistency}: phases")
        spares = [{node["rank"] for node in phase["nodes"] if node["state"] == "spare"} for phase in phases]
        ring.expect(spares == [{4}, set(), {0, 2}], f"{consistency}: spares {spares}")
        members = {node["rank"] for node in told(answers, "overlay")[0]["topology"]}
        ring.expect(members == {0, 1, 3, 4}, f"{consistency}: members {members}")
        pairs = told(answers, "pair")
        ring.expect(len({pair["key"] for pair in pairs}) == len(pairs) == answers[-1]["pair_count"] and
                    {pair["node"].rsplit(":", 1)[1] for pair in pairs} <= {"0", "1", "3", "4"}, f"{consistency}: pairs")


def check_whole_ranks(program):
    """All nodes of a rank join, by one view change or by several, and depart by one; all or none of them."""
    text = (b"".join(b"insert key%d value\n" % number for number in range(200)) +
            b"join 3\njoin 3#1\ndepart 0#2\njoin 0\ndepart 0\njoin 0#2\ndepart 3\noverlay\n")
    answers = json_session(program, 4, ["--virtual-nodes", "3", "--initial-nodes", "3", "--replicas", "2"], text,
                           "whole ranks", status=1)
    changes = told(answers, "join", "depart")
    ring.expect([(c["answer"], c["rank"], c["node_count"]) for c in changes] ==
                [("join", 3, 3), ("depart", 0, 1), ("join", 0, 1), ("depart", 3, 3)], f"whole ranks: {changes}")
    ring.expect(1 <= changes[0]["change_count"] <= 3 and changes[3]["change_count"] == 1, f"whole ranks: {changes}")
    errors = [answer["error"].partition(": ")[2] for answer in told(answers, "error")]
    ring.expect(errors == ["it is in the ring already"] * 2 + ["it is not in the ring"], f"{errors}")
    nodes = [(node["rank"], node["virtual_node"]) for node in told(answers, "overlay")[0]["topology"]]
    ring.expect(sorted(nodes) == [(rank, v) for rank in range(3) for v in range(3)], f"whole ranks: {nodes}")


def check_refusals(program):
    """A refusal in a script is one line with its place, the session goes on and ends valid with status 1; without one the
    status is 0. In a ring of one node there is nobody to join."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "script"
        for text, refusals in ((b"insert a 1\njoin 2\ndepart 0\nquery a 0\n", []),
                               (b"insert a 1\njoin 1\ndepart 2\njoin 3\ndepart\njoin 2\nquery a 2\n",
                                [b"2: node", b"3: node", b"4: there is no rank 3", b"5: too few words"])):
            script.write_bytes(text)
            status, out, errors = shell(program, 3, ["--initial-nodes", "2", "--replicas", "2", "--script", str(script)], b"")
            ring.expect(status == (1 if refusals else 0), f"{text}: status {status}")
            ring.expect(b"Key:a has value:1" in out and b"Node " in out and b"VALID: " in out, f"{text}: {out}")
            lines = errors.splitlines()
            ring.expect(len(lines) == (len(refusals) + 1 if refusals else 0), f"{text}: {errors}")
            for line, refusal in zip(lines, refusals):
                ring.expect(line.startswith(b"chordkv: " + bytes(script) + b":" + refusal), f"{text}: {line}")
    status, out, errors = shell(program, 1, [], b"insert a 1\ndepart 0\njoin 0\nquery a\n")
    ring.expect(status == 1 and b"Key:a has value:1" in out, f"one node: {status} {out}")
    ring.expect(b"it is the last member" in errors and b"in the ring already" in errors, f"one node: {errors}")
    status, _, errors = shell(program, 2, ["--initial-nodes", "3"], b"")
    ring.expect(status == 2 and b"--initial-nodes 3" in errors, f"too many nodes: {status} {errors}")


def check_crashes(program):
    """A rank that stops for a moment and isn't missed; what can't crash, and why."""
    status, out, errors = shell(program, 3, ["--json", "--suspect-after", "never", "--replicas", "2"],
                                b"insert a 1\ncrash 2 pause=30ms\nquery a 2\n")
    answers = [json.loads(line) for line in out.splitlines()]
    ring.expect(status == 0 and not errors and len(answers) == 4, f"a pause: {status} {out} {errors}")
    crash = answers[1]
    ring.expect(crash["answer"] == "crash" and crash["rank"] == 2 and crash["kind"] == "pause" and
                crash["pause_ns"] == 30000000 and crash["detected_after_ns"] is None, f"a pause: {crash}")
    ring.expect(answers[2]["value"] == "1" and answers[3]["valid"], f"after a pause: {answers[2:]}")
    status, out, errors = shell(program, 3, [], b"crash 0\ncrash 3\ncrash 1#0\ncrash 1 kil\n")
    lines = errors.decode().splitlines()
    ring.expect(status == 1 and len(lines) == 5 and out.startswith(b"VALID"), f"refused crashes: {status} {out} {errors}")
    for line, words in zip(lines, ("rank 0 can't crash: it hosts the coordinator", "there is no rank 3", "as a whole",
                                   "did you mean 'kill'", "4 commands failed")):
        ring.expect(words in line, f"'{words}' isn't in: {line}")


def check_losses(program):
    """Ranks that are gone for good, one after the other, and a file that is run on what is left: every answer is right, and the
    session ends by itself."""
    files = "".join(f"fileparallel '{ring.WORKLOADS / (kind + '.csv')}' --type {kind}\n" for kind in ("insert", "mix"))
    status, out, errors = shell(program, 5, ["--json", "--replicas", "3"],
                                f"insert a 1\ncrash 2 kill\nquery a\n{files}crash 3\nquery a\ninfo 4\njoin 3\n".encode())
    answers = [json.loads(line) for line in out.splitlines()]
    crashes = [answer for answer in answers if answer.get("answer") == "crash"]
    ring.expect([crash["rank"] for crash in crashes] == [2, 3], f"losses: {status} {out} {errors}")
    ring.expect(all(crash["detected_after_ns"] > 0 and crash["writable_after_ns"] > 0 for crash in crashes),
                f"losses: {crashes}")
    queries = [answer["value"] for answer in answers if answer.get("answer") == "query"]
    ring.expect(queries == ["1", "1"] and answers[-1]["valid"], f"losses: {answers}")
    ring.expect(len([answer for answer in answers if answer.get("record") == "phase"]) == 2, f"losses: the files: {answers}")
    ring.expect(status == 1 and b"taken for dead" in out and b"1 command failed" in errors,
                f"a dead rank that is to join: {status} {out} {errors}")


def main():
    program = ring.parser(__doc__).parse_args().program
    for check in (check_files, check_wrong_answers, check_ends, check_junk, check_long_lines, check_many_pairs,
                  check_changes, check_whole_ranks, check_refusals, check_crashes, check_losses):
        print(check.__name__, flush=True)
        check(program)
    ring.finish()


main()
