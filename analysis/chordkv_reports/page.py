"""Puts the report together: what was run on what, tables, shapes, figures, how to repeat each run."""

from __future__ import annotations

import json
from typing import Any

import pandas

from . import figures, figures_latency, figures_ring, provenance, series, shapes
from .canvas import short_time
from .document import Claim, Code, Document, Plot, Section, Table, Text
from .figures import THROUGHPUT, Figure, spread
from .load import Folder, Loaded, Problem
from .published import PUBLISHED, RANKS, SEED_PER_SECOND, STALE
from .series import comparable, contexts
from .statistics import median
from .tidy import Observation, observations, table


def all_figures(frame: pandas.DataFrame, observed: list[Observation]) -> list[Figure]:
    """Every figure that these repetitions have something for."""
    if not len(frame):
        return []
    made = [
        figures.throughput_by_k(frame),
        figures.messages_by_k(frame),
        figures.beside_published(frame),
        figures.scaling(frame),
        figures_latency.latency_cdf(frame, observed),
        figures_ring.hops(frame, observed),
        figures_ring.keys_per_node(frame, observed),
        figures_ring.over_time(frame, observed),
    ]
    return [figure for figure in made if figure is not None]


def _results(frame: pandas.DataFrame) -> Table:
    header = [
        "phase",
        "ranks",
        "k",
        "consistency",
        "repetitions",
        "operations/s: median (min to max)",
        "p50",
        "p99",
        "p99.9",
        "owner_hops",
        "expected",
        "messages waited for",
        "all",
        "runs",
    ]
    rows = []
    for context in contexts(frame, (*series.REPLICATION, *series.SCALE)):
        for _, of in context.rows.groupby(["rank_count", "consistency", "replicas"], sort=True):

            def middle(name: str, form: str = ".2f") -> str:
                values = of[name].dropna().tolist()  # noqa: B023
                return f"{median(values):{form}}" if values else ""

            times = [of[f"latency_{p}_ns"].dropna().tolist() for p in ("p50", "p99", "p99_9")]
            rows.append(
                [
                    context.label,
                    str(of["rank_count"].iloc[0]),
                    str(of["replicas"].iloc[0]),
                    of["consistency"].iloc[0],
                    str(len(of)),
                    spread(of[THROUGHPUT].tolist()),
                    *(short_time(median(values)) if values else "" for values in times),
                    middle("owner_hops_mean"),
                    middle("owner_hops_expected_mean"),
                    middle(figures.CRITICAL),
                    middle(figures.ALL_MESSAGES),
                    provenance.compressed(set(of["run"])),
                ]
            )
    return Table(header, rows)


def _published(frame: pandas.DataFrame) -> list[Table | Text]:
    header = [
        "operation",
        "consistency",
        "k",
        "published, operations/s",
        "source",
        "ours: median (min to max)",
        "ours is",
        "measured as",
    ]
    rows = []
    ours = frame[frame["rank_count"] == RANKS]
    for published in PUBLISHED:
        of_kind = ours[
            (ours["phase_type"] == published.phase)
            & (ours["consistency"] == published.consistency)
            & (ours["operation_count"] == 500)
        ]
        for k, rate in zip(published.replicas, published.per_second):
            found = contexts(of_kind[of_kind["replicas"] == k], ())
            for context in found:
                values = context.rows[THROUGHPUT].tolist()
                rows.append(
                    [
                        published.phase,
                        published.consistency,
                        str(k),
                        f"{rate:,.1f}",
                        published.source,
                        spread(values),
                        f"{median(values) / rate:,.0f} times",
                        _how(context.rows),
                    ]
                )
            if not found:
                rows.append(
                    [
                        published.phase,
                        published.consistency,
                        str(k),
                        f"{rate:,.1f}",
                        published.source,
                        "not measured",
                        "",
                        "",
                    ]
                )
    stale_rows = []
    for stale in STALE:
        of_mix = frame[(frame["phase_type"] == "mix") & (frame["consistency"] == stale.consistency)]
        for k, count in zip(stale.replicas, stale.counts):
            here = of_mix[of_mix["replicas"] == k]
            values = here["stale_read_count"].dropna().tolist()
            stale_rows.append(
                [stale.consistency, str(k), str(count), stale.source, spread(values, "g") if values else "not measured"]
            )
        for k in sorted(set(of_mix["replicas"]) - set(stale.replicas)):
            values = of_mix[of_mix["replicas"] == k]["stale_read_count"].dropna().tolist()
            stale_rows.append([stale.consistency, str(k), "", "", spread(values, "g") + " of a phase's reads"])
    return [
        Text(
            f"Published values are of {RANKS} nodes and 500 operations, each from a random node; "
            f"ours of phases with 500 operations on {RANKS} ranks. The program that this one succeeds measured "
            f"{SEED_PER_SECOND[0]} to {SEED_PER_SECOND[1]} operations a second on 3 nodes. Those wait for HTTP "
            "and Python or Java, ours for messages between processes of one machine: only shapes compare."
        ),
        Table(header, rows),
        Text("Stale reads of a mixed phase:"),
        Table(["consistency", "k", "published", "source", "ours, a repetition: median (min to max)"], stale_rows),
    ]


def _how(rows: pandas.DataFrame) -> str:
    mode = rows["mode"].iloc[0]
    return mode if mode == "serial" else f"{mode}, window {rows['window'].iloc[0]}"


def _flat(value: Any, name: str = "") -> list[list[str]]:
    """Nested settings as rows of name and value."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flat(item, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return [[name, ", ".join(map(str, value))]]
    return [[name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]]


def _folder_section(folders: list[Folder]) -> list[Text | Table | Code]:
    blocks: list[Text | Table | Code] = []
    for folder in folders:
        name = folder.path.rstrip("/").rpartition("/")[2] or folder.path
        if folder.environment is not None:
            blocks += [
                Text(f"The folder {name} says (environment.json):"),
                Table(["what", "value"], _flat(folder.environment)),
            ]
        if folder.plan is not None:
            blocks.append(Code(folder.plan, f"The plan of {name} (plan.txt)"))
    return blocks


def _commit_problems(loaded: Loaded) -> list[Problem]:
    """A folder that names another commit than its runs were made with."""
    made = []
    for folder in loaded.folders:
        commit = (folder.environment or {}).get("commit")
        if not isinstance(commit, str) or not commit:
            continue
        for run in loaded.runs:
            ran = run.phases[0]["run"]["environment"]["commit"] if run.phases else commit
            plain = ran.removesuffix("-dirty").removesuffix("+")
            if run.path.startswith(folder.path) and not (commit.startswith(plain) or plain.startswith(commit)):
                made.append(Problem(run.path, None, f"was made with commit {ran}, but environment.json says {commit}"))
    return made


def build(loaded: Loaded, title: str) -> Document:
    """The whole report."""
    observed = observations(loaded.runs)
    everything = table(observed)
    frame = comparable(everything) if len(everything) else everything
    runs, environments = loaded.runs, provenance.Environments(loaded.runs)
    valid = sum(run.valid for run in runs)
    problems = loaded.problems + _commit_problems(loaded)
    made = all_figures(frame, observed)
    found = shapes.check(frame, everything, observed)
    tally = {
        verdict: sum(shape.verdict == verdict for shape in found)
        for verdict in (shapes.HOLDS, shapes.FAILS, shapes.OPEN)
    }
    lead = (
        f"{len(runs)} run{'s' * (len(runs) != 1)}, {valid} of them valid; {len(frame)} repetitions of phases. "
        f"Of {len(found)} expected shapes {tally[shapes.HOLDS]} hold, {tally[shapes.FAILS]} don't, and of "
        f"{tally[shapes.OPEN]} these runs can't tell. "
        + (
            f"{len(problems)} problem{'s' * (len(problems) != 1)} with the files: see below."
            if problems
            else "Every record could be read."
        )
    )
    sections = [
        Section(
            "verdicts",
            "What holds",
            [
                Text(
                    f"Each shape that the literature leads one to expect, checked on these runs. Intervals are of "
                    f"95 % (Welch's t on logarithms of the repetitions); flat means within a factor of "
                    f"{shapes.FLAT:g}; with fewer than three repetitions on a side, or an interval that allows both "
                    "answers, we can't tell."
                ),
                *[
                    Claim(
                        s.claim,
                        s.verdict,
                        [s.numbers, *filter(None, [s.explanation, s.source]), f"Runs {provenance.compressed(s.runs)}."],
                    )
                    for s in found
                ],
            ],
        )
    ]
    if len(frame):
        sections.append(
            Section(
                "results",
                "Results",
                [
                    Text(
                        "Only of runs whose every answer was checked and right. Latencies, hops and messages are "
                        "medians of the repetitions; messages are per operation."
                    ),
                    _results(frame),
                ],
            )
        )
        sections.append(Section("published", "Beside published values", _published(frame)))  # type: ignore[arg-type]
    sections.append(
        Section(
            "figures",
            "Figures",
            [Plot(figure, provenance.sentence(figure.runs, runs, environments)) for figure in made]
            or [Text("No valid run has anything to draw.")],
        )
    )
    header, rows = figures_ring.events_table(frame, observed) if len(frame) else ([], [])
    if rows:
        sections.append(Section("events", "Changes and faults", [Table(header, rows)]))
    sections.append(
        Section(
            "runs",
            "What was run on what",
            [
                Text("A run is one call of chordkv. What isn't among its options was left at its default."),
                Table(provenance.RUN_HEADER, provenance.run_rows(runs, environments), anchors=True),
                Text("Environments:"),
                Table(
                    ["environment", "commit", "machine", "hosts", "MPI", "compiler", "flags", "build", "version"],
                    environments.rows(),
                    anchors=True,
                ),
                Text("Workload files, by their SHA-256:"),
                Table(["SHA-256", "file", "phase", "operations"], provenance.workload_rows(runs)),
                *_folder_section(loaded.folders),
            ],
        )
    )
    sections.append(
        Section(
            "reproduce",
            "How to repeat each run",
            [
                Text(
                    "Check out the run's commit, build it as README.md says, and start it as below. The times will "
                    "differ; answers, workload and choice of entry nodes follow from the seed. Ids come from host "
                    "names: for the same ring on another machine write the ids (records have them under nodes) to a "
                    "file for --node-ids."
                ),
                Code("\n".join(provenance.recipe(run) for run in runs if run.phases)),
                Text(
                    "This page again: analysis/report.py FOLDER. The table behind it: analysis/collect.py FOLDER. The "
                    "figures as files: analysis/plot.py FOLDER."
                ),
            ],
        )
    )
    if problems:
        sections.append(
            Section(
                "problems",
                "Problems with the files",
                [Table(["what was skipped, or can't be shown"], [[str(problem)] for problem in problems])],
            )
        )
    return Document(title, lead, sections)
