#!/usr/bin/env python3
"""Fails when a build takes more instructions than it did when somebody last looked.

    cargo build --release
    python3 benches/instructions.py [--binary FILE] [--bless]

Counts with valgrind, which sees the program's own instructions and not the machine, the load or the kernel: two runs
differ by less than one in a thousand. Another compiler or C library gives other numbers; then look, and record them
with --bless. Exit status 1: more than 5 % above benches/instructions.tsv, or 4,000 services take more than four times what
1,000 do. Takes about a minute.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from compare import REFERENCE, ROOT, count
from generate import manifest

TABLE = Path(__file__).resolve().parent / "instructions.tsv"
SIZES = [100, 1000, 4000]
ABOVE = 1.05
# What grows with the square of the services shows here long before anybody has to wait for it.
# The entries of all files are sorted for the lock, which takes n log n: 1.06 in all.
LINEAR = 1.10


def measured(binary):
    """Instructions of a build into an empty folder, by stack."""
    with tempfile.TemporaryDirectory() as folder:
        stacks = {"odoo-erp-prod": REFERENCE}
        for size in SIZES:
            path = stacks[f"generated-{size}"] = Path(folder) / f"generated-{size}.yaml"
            path.write_text(manifest(size), encoding="utf-8")
        return {
            name: count([binary, "--quiet", "build", path, "-o", Path(folder) / "out" / name])
            for name, path in stacks.items()
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=Path, default=target / "release/stackgen")
    parser.add_argument("--bless", action="store_true", help="record what was counted")
    args = parser.parse_args()
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there: cargo build --release")
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    now = measured(args.binary.resolve())
    if args.bless:
        TABLE.write_text("stack\tinstructions\n" + "".join(f"{k}\t{v}\n" for k, v in now.items()), encoding="utf-8")
    recorded = dict(line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:])
    slower = False
    for name, instructions in now.items():
        if name not in recorded:
            sys.exit(f"{TABLE.name} does not have {name}: run with --bless")
        ratio = instructions / int(recorded[name])
        slower |= ratio > ABOVE
        print(f"{name:<16} {instructions / 1e6:8.1f} M, {ratio - 1:+.1%} of {int(recorded[name]) / 1e6:.1f} M recorded")
    growth = now["generated-4000"] / now["generated-1000"] / 4
    print(f"4,000 services take {growth:.3f} of four times what 1,000 do")
    if slower:
        sys.exit("slower by more than 5 %: mend it, or record the new count with --bless and say why in the commit")
    if growth > LINEAR:
        sys.exit("growth is more than that of sorting: something looks through all services for each service")


if __name__ == "__main__":
    main()
