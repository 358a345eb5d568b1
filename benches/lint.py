#!/usr/bin/env python3
"""Time and peak memory of `stackgen lint`, beside the checkers one would run instead.

    cargo build --release
    python3 benches/lint.py [--binary FILE] [--stacks N]

One tree of stacks (1,000 unless told otherwise; each of ten services by benches/generate.py, with what `stackgen build`
makes of it), checked in turns:

    stackgen   every stack.yaml: all rules, and what the stacks of a host take from one another
    yamllint   the same files: their form
    dclint     the docker-compose.yml of each: its form, and what one file shows

Then the reference stack alone, beside `docker compose config -q` on what is built of it. yamllint, dclint and
docker-compose-2.40 come from .ci/tools. Needs Linux. Prints a table in Markdown. A peak below 16 MiB shows as that: it
is what the measuring Python held itself. Takes five minutes on an idle machine, nearly all of them the others'.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from compare import REFERENCE, ROOT, digits, spread
from generate import manifest

TREE = ROOT / "target/bench/lint"
TOOLS = Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools")) / "bin"


def tree(binary, number):
    """Stacks that differ, each on a host of its own; each built, so that the others have what to read."""
    shutil.rmtree(TREE, ignore_errors=True)
    for n in range(number):
        text = manifest(10).replace("name: generated-10", f"name: stack-{n}", 1)
        text = text.replace("203.0.113.7", f"198.18.{n // 250}.{n % 250}").replace("example.com", f"s{n}.example.com")
        folder = TREE / f"{n:04}"
        folder.mkdir(parents=True)
        (folder / "stack.yaml").write_text(text, encoding="utf-8")
        subprocess.run([binary, "--quiet", "build", folder], check=True, capture_output=True)
    return sum(p.stat().st_size for p in TREE.glob("*/stack.yaml")), len(list(TREE.glob("*/stack.yaml")))


def sample(words, cwd):
    """Wall and CPU milliseconds, peak MiB and exit status of a run."""
    start = time.perf_counter()
    process = subprocess.Popen([str(w) for w in words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "wall": (time.perf_counter() - start) * 1e3,
        "cpu": (usage.ru_utime + usage.ru_stime) * 1e3,
        "peak": usage.ru_maxrss / 1024,
        "status": process.returncode,
    }


def table(title, commands, runs):
    rows = {name: [] for name in commands}
    for turn in range(max(runs.values())):
        for name, (words, cwd) in commands.items():
            if turn < runs[name]:
                rows[name].append(sample(words, cwd))
    base = statistics.median(s["wall"] for s in rows["stackgen"])
    for name, samples in rows.items():
        column = {key: [s[key] for s in samples] for key in samples[0]}
        wall = statistics.median(column["wall"])
        statuses = "/".join(str(s) for s in sorted(set(column["status"])))
        print(
            f"| {title} | {name} | {spread(column['wall'])} | {digits(wall / base)}× | {spread(column['cpu'])} "
            f"| {digits(statistics.median(column['peak']))} | {statuses} |"
        )
        title = ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=Path, default=target / "release/stackgen")
    parser.add_argument("--stacks", type=int, default=1000)
    args = parser.parse_args()
    binary = args.binary.resolve()
    if not binary.exists():
        sys.exit(f"{binary} is not there: cargo build --release")
    for name in ("yamllint", "dclint", "docker-compose-2.40"):
        if not (TOOLS / name).exists():
            sys.exit(f"{TOOLS / name} is not there: bash .ci/tools")
    size, number = tree(binary, args.stacks)
    print(f"{number:,} stacks, {size / 2**20:.1f} MiB of manifests\n")
    print("| what | program | wall ms | to stackgen | CPU ms | peak MiB | exit status |")
    print("| --- | --- | --: | --: | --: | --: | --: |")
    manifests = sorted(TREE.glob("*/stack.yaml"))
    composes = sorted(TREE.glob("*/deploy/docker-compose.yml"))
    table(
        f"{number:,} stacks",
        {
            "stackgen": ([binary, "--quiet", "lint", "."], TREE),
            "yamllint": ([TOOLS / "yamllint", "-d", "relaxed", *manifests], TREE),
            "dclint": ([TOOLS / "dclint", "--quiet", *composes], TREE),
        },
        {"stackgen": 5, "yamllint": 2, "dclint": 1},
    )
    one = TREE / "reference"
    subprocess.run([binary, "--quiet", "build", REFERENCE, "-o", one], check=True, capture_output=True)
    (one / ".env").write_text((one / ".env.example").read_text(encoding="utf-8").replace("=\n", "=x\n"), encoding="utf-8")
    table(
        "reference stack",
        {
            "stackgen": ([binary, "--quiet", "lint", REFERENCE], ROOT),
            "yamllint": ([TOOLS / "yamllint", "-d", "relaxed", REFERENCE], ROOT),
            "dclint": ([TOOLS / "dclint", "--quiet", one / "docker-compose.yml"], one),
            "docker compose config -q": ([TOOLS / "docker-compose-2.40", "config", "-q"], one),
            "docker compose version": ([TOOLS / "docker-compose-2.40", "version"], one),
        },
        dict.fromkeys(["stackgen", "yamllint", "dclint", "docker compose config -q", "docker compose version"], 15),
    )


if __name__ == "__main__":
    main()
