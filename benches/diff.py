#!/usr/bin/env python3
"""What `stackgen diff` of a generated stack against its deployed folder costs, beside reading the same bytes.

    cargo build --release
    python3 benches/diff.py [--binary FILE] [--quick]

    read      `cat` of every file of the folder
    diff      `diff -ru` of the folder and the one just built: lines, without a thought
    build     `stackgen build --check` into the folder: compiles the manifest and compares bytes
    in sync   `stackgen diff` after a deploy
    edited    the same, after a value of every hundredth service was changed in docker-compose.yml, and a line of
              nginx.conf, so that both have to be understood
    manifest  the same, after the manifest has changed for every hundredth service

Needs Linux and rustc. Prints a table in Markdown.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys

from compare import BENCH, ROOT, run
from generate import manifest


def prepare():
    BENCH.mkdir(parents=True, exist_ok=True)
    source, program = ROOT / "benches/measure.rs", BENCH / "measure"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        run("rustc", "--edition", "2024", "-O", "-o", program, source)


def measured(*command):
    """CPU and wall milliseconds, and peak MiB; that something differs is no failure."""
    words = ["sh", "-c", '"$@" >/dev/null 2>&1; [ $? -le 1 ]', "sh", *map(str, command)]
    said = subprocess.run([str(BENCH / "measure"), *words], capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"{' '.join(words)}\n{said.stderr}")
    user, system, wall, peak = map(int, said.stdout.split())
    return (user + system) / 1000, wall / 1000, peak / 1024


def edited(folder):
    compose = folder / "docker-compose.yml"
    count = iter(range(10**9))
    text = re.sub(r"start_period: 20s", lambda m: m[0] if next(count) % 100 else "start_period: 21s", compose.read_text())
    compose.write_text(text)
    nginx = folder / "nginx/nginx.conf"
    nginx.write_text(nginx.read_text().replace("server_tokens off;", "server_tokens on;"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=ROOT / "target/release/stackgen")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    prepare()
    print("| stack | program | CPU ms | to read | wall ms | peak MiB |\n| --- | --- | --: | --: | --: | --: |")
    for size, times in [(100, 11), (1000, 7)] + ([] if options.quick else [(10000, 3)]):
        base = BENCH / f"diff-{size}"
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir()
        stack = base / "stack.yaml"
        stack.write_text(manifest(size), encoding="utf-8")
        server, other, built = base / "server", base / "edited", base / "deploy"
        for folder in (server, built):
            run(options.binary, "-q", "build", stack, "-o", folder)
        shutil.copytree(server, other)
        edited(other)
        moved = base / "moved.yaml"
        count = iter(range(10**9))
        moved.write_text(re.sub(r"memory: 256MiB", lambda m: m[0] if next(count) % 100 else "memory: 260MiB", manifest(size)))
        subjects = {
            "read": ["find", server, "-type", "f", "-exec", "cat", "{}", "+"],
            "diff": ["diff", "-ru", other, built],
            "build": [options.binary, "-q", "build", "--check", stack, "-o", server],
            "in sync": [options.binary, "diff", stack, "--against", server],
            "edited": [options.binary, "diff", stack, "--against", other],
            "manifest": [options.binary, "diff", moved, "--against", server],
        }
        taken = {name: [] for name in subjects}
        for _ in range(times):
            for name, command in subjects.items():
                taken[name].append(measured(*command))
        bytes_there = sum(f.stat().st_size for f in server.rglob("*") if f.is_file())
        label = f"{size:,} services, {bytes_there / 2**20:.1f} MiB, {times} runs"
        floor = statistics.median(t[0] for t in taken["read"])
        for name, all_times in taken.items():
            cpu, wall, peak = (statistics.median(column) for column in zip(*all_times))
            print(f"| {label} | {name} | {cpu:,.1f} | {cpu / floor:,.1f}× | {wall:,.1f} | {peak:,.1f} |", flush=True)
            label = ""


if __name__ == "__main__":
    main()
