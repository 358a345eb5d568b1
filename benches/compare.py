#!/usr/bin/env python3
"""Time, instructions and peak memory of `stackgen build`, beside what one could compare it with.

    cargo build --release
    python3 benches/compare.py [--binary FILE] [--quick]

Side by side, in turns, so that a busy machine is busy for all alike:

    empty     a Rust process that does nothing
    floor     reads the manifest, writes as many bytes to as many files
    stackgen  the real program, into an empty folder
    jinja     benches/jinja.py: Python, Jinja2, PyYAML; the same manifest to a compose file and an nginx.conf

Needs Linux, rustc and python3 with venv (Jinja2 and PyYAML are installed into target/bench/py); for instructions perf,
where the machine lets it count, or valgrind. Prints a table in Markdown. Takes three to five minutes.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from generate import manifest

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "target/bench"
REFERENCE = ROOT / "stacks/odoo-erp-prod/stack.yaml"
PACKAGES = ["Jinja2==3.1.6", "PyYAML==6.0.3"]
SUBJECTS = ["empty", "floor", "stackgen", "jinja"]
# Under valgrind everything takes some fifty times as long; what would take minutes is left out.
PATIENCE = {"stackgen": 6.0, "floor": 6.0, "empty": 6.0, "jinja": 0.4}


def run(*command):
    """What a program prints; when it fails, what it said is shown and that is the end."""
    said = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if said.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{said.stderr}")
    return said.stdout


def prepare():
    BENCH.mkdir(parents=True, exist_ok=True)
    for name in ("empty", "floor", "measure"):
        source, program = ROOT / f"benches/{name}.rs", BENCH / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            run("rustc", "--edition", "2024", "-O", "-o", program, source)
    python = BENCH / "py/bin/python"
    installed = python.exists() and subprocess.run([python, "-c", "import jinja2, yaml"], capture_output=True)
    if not installed or installed.returncode != 0:
        run(sys.executable, "-m", "venv", "--clear", BENCH / "py")
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)


def stacks(sizes):
    """Name and manifest of everything that is built."""
    yield "reference", REFERENCE
    for size in sizes:
        folder = BENCH / f"generated-{size}"
        folder.mkdir(exist_ok=True)
        path = folder / "stack.yaml"
        path.write_text(manifest(size), encoding="utf-8")
        yield f"{size:,} services", path


def command(subject, binary, path, target):
    return {
        "empty": [BENCH / "empty"],
        "floor": [BENCH / "floor", path, BENCH / "files.tsv", target],
        "stackgen": [binary, "--quiet", "build", path, "-o", target],
        "jinja": [BENCH / "py/bin/python", ROOT / "benches/jinja.py", path, target],
    }[subject]


def files(folder):
    return [(p.stat().st_size, p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]


class Fresh:
    """An output folder that is empty whenever it is asked for."""

    def __init__(self):
        self.path = BENCH / "out"

    def __call__(self):
        shutil.rmtree(self.path, ignore_errors=True)
        return self.path


def count(words):
    """Instructions by valgrind: of the program alone, not of the kernel."""
    said = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, words)],
        capture_output=True,
        text=True,
    )
    found = re.search(r"Collected : (\d+)", said.stderr)
    if said.returncode != 0 or not found:
        sys.exit(f"valgrind failed:\n{said.stderr}")
    return int(found.group(1))


def counter():
    """How instructions are counted here, as a function of a command, and what to call it."""

    def perf(words):
        said = subprocess.run(
            ["perf", "stat", "-x,", "-e", "instructions:u", *map(str, words)], capture_output=True, text=True
        )
        number = next((line.split(",")[0] for line in said.stderr.splitlines() if "instructions" in line), "")
        return int(number) if number.isdigit() else None

    if shutil.which("perf") and perf(["true"]):
        return perf, "perf"
    if shutil.which("valgrind"):
        return count, "valgrind"
    return lambda words: None, "nothing: neither perf nor valgrind can be used"


def sample(words):
    user, system, wall, peak = map(int, run(BENCH / "measure", *words).split())
    return {"cpu": (user + system) / 1e3, "wall": wall / 1e3, "peak": peak / 1024}


def digits(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    return f"{digits(statistics.median(values))} ({digits(min(values))}–{digits(max(values))})"


def times(value, base):
    return f"{digits(value / base)}×" if base else "-"


def measure(name, path, binary, instructions):
    fresh = Fresh()
    run(*command("stackgen", binary, path, fresh()))
    listed = files(fresh.path)
    output = sum(size for size, _ in listed) / 2**20
    (BENCH / "files.tsv").write_text("".join(f"{size}\t{file}\n" for size, file in listed), encoding="utf-8")
    samples = {subject: [sample(command(subject, binary, path, fresh()))] for subject in SUBJECTS}
    slowest = max(s[0]["wall"] for s in samples.values()) / 1e3
    for _ in range(max(2, min(20, int(12 / slowest) - 1))):
        for subject in SUBJECTS:
            samples[subject].append(sample(command(subject, binary, path, fresh())))
    median = {s: {k: statistics.median(x[k] for x in samples[s]) for k in samples[s][0]} for s in SUBJECTS}
    for subject in SUBJECTS:
        own = samples[subject]
        few = median[subject]["cpu"] / 1e3 < PATIENCE[subject]
        counted = instructions(command(subject, binary, path, fresh())) if few else None
        yield [
            f"{name}, {len(own)} runs" if subject == "empty" else "",
            subject,
            spread([s["cpu"] for s in own]),
            times(median[subject]["cpu"], median["empty"]["cpu"]),
            times(median[subject]["cpu"], median["floor"]["cpu"]),
            spread([s["wall"] for s in own]),
            digits(counted / 1e6) if counted else "-",
            digits(median[subject]["peak"]),
            digits(output) if subject in ("floor", "stackgen") else "-",
            times(median[subject]["peak"], output) if subject == "stackgen" else "-",
        ]


def table(rows):
    head = ["stack", "program", "CPU ms", "to empty", "to floor", "wall ms", "M instructions", "peak MiB"]
    head += ["output MiB", "peak to output"]
    yield head
    yield ["---", "---"] + ["--:"] * (len(head) - 2)
    yield from rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=Path, default=target / "release/stackgen")
    parser.add_argument("--quick", action="store_true", help="not the 10,000 services")
    args = parser.parse_args()
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there: cargo build --release")
    prepare()
    instructions, by = counter()
    print(f"Instructions counted by {by}.", file=sys.stderr)
    sizes = [10, 100, 1000] if args.quick else [10, 100, 1000, 10000]
    rows = (row for name, path in stacks(sizes) for row in measure(name, path, args.binary.resolve(), instructions))
    for row in table(rows):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
