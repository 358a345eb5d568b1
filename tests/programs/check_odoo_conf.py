#!/usr/bin/env python3
"""check_odoo_conf.py FILE OPTIONS.tsv: reads an odoo.conf as Odoo 18 does and checks what Odoo itself would let pass.

Odoo 18 reads the file with RawConfigParser, turns the texts True, true, False and false into booleans and the options
that its command line knows as numbers or choices with optparse; the same classes work here. Unlike Odoo this refuses
unknown, removed and deprecated keys, and values of another type, which Odoo would keep as texts (and a text is true).

OPTIONS.tsv has a header line with at least the columns name and type; lines that start with # are comments. Types:
string, bool, int, int MIN..MAX (either end may be missing), float, enum a|b, path, list, json, url. False stands for
"not set" where the table's default is empty or False. Prints the values as JSON; 1 and messages on any fault.
"""

import configparser
import json
import optparse
import re
import sys
import urllib.parse

WORDS = {"True": True, "true": True, "False": False, "false": False}


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = [line.rstrip("\r\n") for line in file]
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    header, table = rows[0], {}
    for column in ("name", "type"):
        if column not in header:
            raise ValueError(f"{path}: no column {column!r} in the header {header}")
    for row in rows[1:]:
        cells = dict(zip(header, row))
        table[cells["name"]] = cells
    return table


def find(table, name):
    if name in table:
        return table[name]
    starred = [key for key in table if key.endswith("*") and name.startswith(key[:-1])]
    return table[max(starred, key=len)] if starred else None


def number(kind, name, text):
    """As optparse reads it, and so Odoo: 0x, 0b and a leading 0 for octal are prefixes of an int."""
    return optparse.Option.TYPE_CHECKER[kind](optparse.Option("--x", type=kind), name, text)


def typed(name, text, cells):
    """The value as Odoo has it; ValueError when it is not of its type."""
    kind, _, rest = cells["type"].partition(" ")
    value = WORDS.get(text, text)
    unset = cells.get("default", "") in ("", "False", "None")
    if kind == "bool":
        if isinstance(value, bool):
            return value
        raise ValueError("is kept as a text, which counts as true; only True, true, False and false are booleans")
    if value is True:
        raise ValueError(f"becomes the boolean True, not a {kind}")
    if value is False:
        # admin_passwd too: Odoo refuses every master password when it has none.
        if unset or name == "admin_passwd":
            return False
        raise ValueError(f"becomes the boolean False, not a {kind}")
    if "\n" in value and kind != "list":
        raise ValueError("goes on over more than one line")
    if kind in ("int", "float"):
        try:
            value = number(kind, name, value)
        except optparse.OptionValueError as fault:
            raise ValueError(f"stops Odoo: {fault.msg}") from None
        if rest:
            low, high = rest.split("..")
            if (low and value < int(low)) or (high and value > int(high)):
                raise ValueError(f"is outside {rest}")
        return value
    if kind == "enum":
        if value not in rest.split("|"):
            raise ValueError(f"is none of {rest}")
        return value
    if kind == "string" or (not value and unset):
        return value
    if kind == "path":
        if not re.match(r"[/~$]", value) or re.search(r"\s", value):
            raise ValueError("is no absolute path")
    elif kind == "list":
        items = [item.strip() for item in value.split(",")]
        if not all(items):
            raise ValueError("has an empty item")
        return items
    elif kind == "json":
        return json.loads(value)
    elif kind == "url":
        url = urllib.parse.urlsplit(value)
        if not url.scheme or not url.hostname or re.search(r"\s", value):
            raise ValueError("is no URL")
    else:
        raise ValueError(f"has the type {cells['type']!r} in the table, which this program does not know")
    return value


def check(path, table):
    """The values and the faults."""
    parser = configparser.RawConfigParser()
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    values, faults = {}, []
    if not parser.has_section("options"):
        return values, ["no section [options]"]
    faults += [f"[{name}]: a section that nothing of Odoo 18 itself reads" for name in parser.sections() if name != "options"]
    for name, text in parser.items("options"):
        cells = find(table, name)
        if cells is None:
            faults.append(f"{name}: no such option")
            continue
        for word in cells.get("status", "").split(","):
            state, _, successor = word.strip().partition(" ")
            if state in ("removed", "deprecated"):
                faults.append(f"{name}: {state}" + (f", use {successor}" if successor else ""))
        try:
            values[name] = typed(name, text, cells)
        except ValueError as fault:
            shown = "***" if "secret" in cells.get("status", "") else repr(text)
            faults.append(f"{name}: {shown} {fault}")
    return values, faults


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, table = sys.argv[1:]
    try:
        values, faults = check(path, read_table(table))
    except (OSError, ValueError, LookupError, configparser.Error) as fault:
        sys.exit(f"{path}: {fault}")
    for fault in faults:
        print(f"{path}: {fault}", file=sys.stderr)
    json.dump(values, sys.stdout, sort_keys=True, indent=1, ensure_ascii=False)
    print()
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
