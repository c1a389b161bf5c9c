"""The page in Debian's chromium, narrow and wide, light, dark and printed: nothing on the console, every figure
there, nothing too small, too wide or on top of each other. Then pages that are broken on purpose, which must be found.

With --screenshots FOLDER the pictures are kept for people to look at."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from fixture import FIXTURES

from browser import CHROMIUM, DRIVER, Browser
from chordkv_reports import page, render_html
from chordkv_reports.load import load

VIEWS = [(390, "light", ""), (390, "dark", ""), (1400, "light", ""), (1400, "dark", ""), (800, "dark", "print")]
LIGHT, DARK = "rgb(255, 255, 254)", "rgb(22, 24, 27)"


def faults(browser: Browser, path: Path, plot_count: int, view: tuple[int, str, str]) -> list[str]:
    """What is wrong with a page in one view."""
    width, scheme, medium = view
    browser.open(path, width, scheme, medium)
    found = browser.look()
    problems = browser.complaints() + found["problems"]
    if found["plots"] != plot_count:
        problems.append(f"{found['plots']} figures instead of {plot_count}")
    if found["labels"] < 8 * plot_count:
        problems.append(f"only {found['labels']} labels in {plot_count} figures")
    background, ink = (LIGHT, DARK) if scheme == "light" or medium == "print" else (DARK, LIGHT)
    if found["background"] != background:
        problems.append(f"the background is {found['background']} in {scheme}{medium}")
    if (found["ink"] > "rgb(200") != (ink > "rgb(200"):
        problems.append(f"labels are {found['ink']} in {scheme}{medium}")
    if found["foreign"]:
        problems.append(f"it loads {found['foreign']}")
    return problems


# What must be found: a change to the page's text, and a word of the complaint.
CONTROLS = [
    (r"<main>", "<main><script>console.error('a control')</script>", "SEVERE"),
    (r"<main>", '<main><img src="https://example.invalid/x.png" alt="">', "SEVERE"),
    (r'<svg class="plot".*?</svg>', "", "figures instead of"),
    (r"<main>", '<main><p style="width: 3000px">wide</p>', "wider than the screen"),
    (r"font: 9px", "font: 5px", " px"),
    (r'(<text [^>]*?)x="[^"]*" y="[^"]*"( transform="[^"]*")?', r'\1x="60" y="60"', "covers"),
    (r"prefers-color-scheme: dark", "prefers-color-scheme: none", "the background is"),
]


def control(text: str, pattern: str, replacement: str) -> str:
    # The policy would silence the script that a control puts in.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text) if "script" in replacement else text
    count = 1 if "svg" in pattern or "main" in pattern else 0
    made, changes = re.subn(pattern, replacement, text, count=count, flags=re.DOTALL)
    assert changes, f"this control changes nothing: {pattern}"
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshots", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    for program in (CHROMIUM, DRIVER):
        if not Path(program).exists():
            print(f"{program} is missing: apt-get install chromium chromium-driver", file=sys.stderr)
            return 1
    document = page.build(load([str(FIXTURES / "healthy")]), "chord-kv: healthy")
    text = render_html.render(document)
    plot_count = sum(len(figure.panels) for figure in document.figures)
    assert plot_count > 20, plot_count
    failed = 0
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        path = Path(folder) / "index.html"
        path.write_text(text, encoding="utf-8")
        for view in VIEWS:
            problems = faults(browser, path, plot_count, view)
            name = "-".join(str(part) for part in view if part)
            print(f"{name}: {plot_count} figures, {len(problems)} problems")
            for problem in problems:
                print(f"    {problem}")
            failed += bool(problems)
            if arguments.screenshots:
                arguments.screenshots.mkdir(parents=True, exist_ok=True)
                browser.screenshot(arguments.screenshots / f"{name}.png")
        for number, (pattern, replacement, word) in enumerate(CONTROLS):
            broken = Path(folder) / f"control-{number}.html"
            broken.write_text(control(text, pattern, replacement), encoding="utf-8")
            problems = faults(browser, broken, plot_count, (390, "dark", ""))
            found = any(word in problem for problem in problems)
            print(f"control {pattern} -> {replacement}: {'found' if found else f'NOT FOUND, but {problems[:3]}'}")
            failed += not found
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
