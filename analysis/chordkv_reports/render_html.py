"""A document as one self-contained HTML page: no script, nothing from elsewhere; for a phone, a wide screen and paper,
light and dark."""

from __future__ import annotations

import html
import itertools
import re

from .canvas import css_variables, inline_svg
from .document import Block, Claim, Code, Document, Plot, Section, Table, Text

_STYLE = f"""
:root {{ color-scheme: light dark; {css_variables(False)} --good: #006b4f; --bad: #b3261e; --open: #6b5300; }}
@media (prefers-color-scheme: dark) {{
  :root {{ {css_variables(True)} --good: #4fd1a5; --bad: #ff8a80; --open: #e0b93a; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }}
main, header, nav {{ max-width: 84rem; margin: 0 auto; padding: 0 1rem; }}
header {{ padding-top: 1.5rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--grid); }}
h3 {{ font-size: 1.05rem; margin: 2rem 0 .5rem; }}
h4 {{ font-size: .875rem; font-weight: 600; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
p {{ max-width: 46rem; margin: .5rem 0; }}
a {{ color: var(--c1); }}
nav ul {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: 1rem 0 0; }}
.scroll {{ overflow-x: auto; margin: .75rem 0; }}
table {{ border-collapse: collapse; font-size: .8125rem; line-height: 1.35; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--grid); }}
th {{ font-weight: 600; vertical-align: bottom; }}
td {{ max-width: 26rem; overflow-wrap: break-word; min-width: 2.5rem; }}
td.long {{ min-width: 13rem; overflow-wrap: anywhere; }}
td.number {{ white-space: nowrap; }}
tr:target {{ background: var(--grid); }}
.claims {{ display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }}
.claim {{ border-left: .25rem solid var(--open); padding: .1rem 0 .1rem .75rem; margin: 1rem 0; break-inside: avoid; }}
.claim.holds {{ border-color: var(--good); }}
.claim.fails {{ border-color: var(--bad); }}
.claim strong {{ color: var(--open); }}
.claim.holds strong {{ color: var(--good); }}
.claim.fails strong {{ color: var(--bad); }}
.claim p {{ margin: .15rem 0; font-size: .875rem; }}
.claim p:first-child {{ font-size: 1rem; }}
figure {{ margin: 0 0 2.5rem; }}
.panels {{ display: grid; gap: 1.5rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }}
.panel {{ break-inside: avoid; max-width: 30rem; display: flex; flex-direction: column;
         justify-content: space-between; }}
svg.plot {{ display: block; width: 100%; height: auto; overflow: visible; }}
figcaption {{ font-size: .875rem; max-width: 46rem; }}
.from {{ color: var(--faint); overflow-wrap: anywhere; }}
pre {{ overflow-x: auto; background: color-mix(in srgb, var(--grid) 45%, transparent); padding: .75rem;
      font: .8125rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }}
details {{ margin: .75rem 0; }}
summary {{ cursor: pointer; font-size: .875rem; padding: .4rem 0; }}
@media print {{
  :root {{ {css_variables(False)} color-scheme: light; --good: #006b4f; --bad: #b3261e; --open: #6b5300; }}
  body {{ font-size: 10pt; }}
  nav {{ display: none; }}
  .scroll, pre {{ overflow: visible; }}
  pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
  table {{ font-size: 6.5pt; }}
  th, td, td.long {{ padding-right: .3rem; min-width: 0; overflow-wrap: break-word; white-space: normal; }}
  td.long {{ overflow-wrap: anywhere; }}
  .panels {{ grid-template-columns: 1fr 1fr; }}
}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_CLASSES = {"holds": "holds", "doesn't hold": "fails", "can't tell": "open"}
_LONG = 28


def _cell(text: str, anchor: bool) -> str:
    shown = html.escape(text)
    if anchor:
        return f"<td>{shown}</td>"
    if re.fullmatch(r"[RE]\d+", text):
        return f'<td><a href="#{shown}">{shown}</a></td>'
    if re.fullmatch(r"[\d.,]+( ?[a-zA-Z]{1,2})?( \([\d.,]+ to [\d.,]+\))?", text):
        return f'<td class="number">{shown}</td>'
    return f'<td class="long">{shown}</td>' if len(text) > _LONG else f"<td>{shown}</td>"


def _table(table: Table, label: str) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.header)
    rows = []
    for row in table.rows:
        name = f' id="{html.escape(row[0], quote=True)}"' if table.anchors and row else ""
        cells = "".join(_cell(text, table.anchors and i == 0) for i, text in enumerate(row))
        rows.append(f"<tr{name}>{cells}</tr>")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(label, quote=True)}"><table><thead>'
        f"<tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "</tbody></table></div>"
    )


def _linked(text: str) -> str:
    """Plain text in which runs are links to their row."""
    return re.sub(r"\b(R\d+)\b", r'<a href="#\1">\1</a>', html.escape(text))


def _plot(plot: Plot) -> str:
    figure = plot.figure
    panels = []
    for number, panel in enumerate(figure.panels, start=1):
        drawing = inline_svg(panel, f"{figure.key}-{number}")
        panels.append(f'<div class="panel"><h4>{html.escape(panel.title)}</h4>\n{drawing}</div>')
    numbers = _table(Table(figure.header, figure.rows), f"numbers of {figure.title}") if figure.rows else ""
    return (
        f'<figure id="{figure.key}"><h3>{html.escape(figure.title)}</h3>\n<div class="panels">\n'
        + "\n".join(panels)
        + f"</div>\n<figcaption><p>{html.escape(figure.caption)}</p>"
        f'<p class="from">{_linked(plot.provenance)}</p></figcaption>\n'
        f"<details><summary>The numbers of this figure</summary>{numbers}</details></figure>"
    )


def _block(block: Block, section: str) -> str:
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Table):
        return _table(block, section)
    if isinstance(block, Code):
        code = f'<pre tabindex="0">{html.escape(block.text)}</pre>'
        return f"<details><summary>{html.escape(block.title)}</summary>{code}</details>" if block.title else code
    if isinstance(block, Claim):
        lines = "".join(
            f"<p>{_linked(line) if line.startswith('Runs R') else html.escape(line)}</p>" for line in block.lines
        )
        return (
            f'<div class="claim {_CLASSES[block.verdict]}"><p><strong>{html.escape(block.verdict.capitalize())}:'
            f"</strong> {html.escape(block.claim)}</p>{lines}</div>"
        )
    return _plot(block)


def _section(section: Section) -> str:
    parts = []
    for of_claims, blocks in itertools.groupby(section.blocks, lambda block: isinstance(block, Claim)):
        shown = "\n".join(_block(block, section.title) for block in blocks)
        parts.append(f'<div class="claims">\n{shown}</div>' if of_claims else shown)
    return f'<section id="{section.key}"><h2>{html.escape(section.title)}</h2>\n' + "\n".join(parts) + "</section>"


def render(document: Document) -> str:
    links = "".join(f'<li><a href="#{s.key}">{html.escape(s.title)}</a></li>' for s in document.sections)
    body = "\n".join(_section(section) for section in document.sections)
    title = html.escape(document.title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{title}</h1>
<p>{html.escape(document.lead)}</p></header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{body}
</main>
</body>
</html>
"""
