"""The figures of a run with the real programs: kept in a file, and written into docs/engine-run.md by `run --record`.

  real_record.py PAGE    writes the page
"""

import contextlib
import json
import os
import pathlib
import sys
import threading
import time

import harness

FILE = pathlib.Path("/run/world/record.json")


def read():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def note(group, name, value):
    record = read()
    record.setdefault(group, {})[name] = value
    FILE.write_text(json.dumps(record, indent=1))


def finish():
    """The end of a group, whose checks are counted."""
    note("checks", pathlib.Path(sys.argv[0]).stem, [len(harness.passed), len(harness.failed)])
    harness.finish()


@contextlib.contextmanager
def timed(what):
    began = time.monotonic()
    yield
    note("seconds", what, round(time.monotonic() - began, 1))


# --- Memory --------------------------------------------------------------------------------------------------------

_most = {}


def _mib(text):
    number = float(text.rstrip("KMGiTB"))
    return number * {"B": 2**-20, "KiB": 2**-10, "MiB": 1, "GiB": 1024}[text.lstrip("0123456789.")]


def _stats():
    done = harness.run("docker", "stats", "--no-stream", "--format", "{{ json . }}")
    for row in map(json.loads, done.stdout.splitlines()):
        used, limit = row["MemUsage"].split(" / ")
        entry = _most.setdefault(row["Name"], {"used": 0, "limit": 0, "pids": 0})
        entry["used"] = max(entry["used"], round(_mib(used)))
        entry["pids"] = max(entry["pids"], int(row["PIDs"]) if row["PIDs"].isdigit() else 0)


def watch_memory():
    """From now on, looks every few seconds at what containers use, page cache not counted."""
    def look():
        while True:
            _stats()
            time.sleep(3)
    threading.Thread(target=look, daemon=True).start()


def memory():
    """The most that each service used, in MiB, beside its limit."""
    found = {}
    for service, row in harness.containers().items():
        state = harness.inspect(row["ID"])
        if row["State"] != "running":
            continue
        most = _most.get(row["Name"], {"used": 0, "pids": 0})
        found[service] = {
            "used": most["used"], "limit": state["HostConfig"]["Memory"] >> 20, "pids": most["pids"],
            "pids_limit": state["HostConfig"]["PidsLimit"] or 0, "killed": state["State"]["OOMKilled"],
        }
    note("memory", "services", found)
    return found


# What the operator has of his own: there is nothing real to put in its place.
STAND_INS = ("ocr", "mcp", "auth")

# --- The page ------------------------------------------------------------------------------------------------------


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def page(record):
    memory_rows = [
        [name, row["used"], row["limit"], f"{100 * row['used'] // row['limit']} %", row["pids"], row["pids_limit"]]
        for name, row in record["memory"]["services"].items()
        if name not in STAND_INS
    ]
    return f"""# A run with the real programs

Written by `bash tests/engine/run --real --record`; not by hand. The reference stack as `stackgen build` writes it, on a
Docker engine, with a managed PostgreSQL and a certificate authority beside it. Odoo is 19, which is what can be had, under
the name and in the layout of 18.

## Versions

{table(["program", "version"], sorted(record["versions"].items()))}

## Checks

{table(["group", "passed", "failed"], [[name, *row] for name, row in record["checks"].items()])}

## Seconds

On {record["machine"]["cpus"]} CPUs with a load of {record["machine"]["load"]} in the mean of the last quarter of an hour of the run.

{table(["step", "seconds"], record["seconds"].items())}

{table(["stopped, while somebody asked", "seconds"], record.get("stop", {}).items())}

## Memory

The most that was seen in use, page cache not counted, after all of the above: several applications in Odoo, a workflow with
code in n8n, SQL Lab and a chart in Superset. In MiB.

{table(["service", "used", "limit", "", "processes and threads", "limit"], memory_rows)}

The largest process of Odoo has {record["memory"]["odoo"][0]} MiB of address space; that is what `limit_memory_soft` counts,
and it is {record["memory"]["odoo"][1]} MiB.
"""


def main():
    load = os.getloadavg()[2]
    note("machine", "cpus", os.cpu_count())
    note("machine", "load", round(load, 1))
    pathlib.Path(sys.argv[1]).write_text(page(read()))


if __name__ == "__main__":
    main()
