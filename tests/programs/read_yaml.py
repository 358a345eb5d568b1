#!/usr/bin/env python3
"""read_yaml.py FILE: the file as PyYAML reads it (YAML 1.1, safe), as JSON with sorted keys.

What JSON cannot hold stands there as a text with its tag ("!!timestamp 2024-01-31", "!!float nan", and as keys
"!!bool True", "!!int 80"), so a value or key that YAML 1.1 takes for something else than text cannot pass unseen.
A key that occurs twice in one mapping is an error, as in Compose; PyYAML itself would keep the last.
"""

import base64
import datetime
import json
import math
import sys

import yaml


class Loader(yaml.SafeLoader):
    pass


def mapping(loader, node):
    seen = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if repr(key) in seen:
            raise yaml.constructor.ConstructorError(
                "in this mapping", node.start_mark, f"the key {key!r} occurs twice", key_node.start_mark
            )
        seen.add(repr(key))
    return (yield from yaml.SafeLoader.construct_yaml_map(loader, node))


Loader.add_constructor("tag:yaml.org,2002:map", mapping)


def tagged(value):
    """The text for what JSON cannot hold, or None."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return f"!!timestamp {value.isoformat()}"
    if isinstance(value, bytes):
        return f"!!binary {base64.b64encode(value).decode()}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"!!float {value}"
    return None


def key_text(key):
    if isinstance(key, str):
        return key
    if key is None:
        return "!!null"
    return tagged(key) or f"!!{type(key).__name__} {key}"


def plain(value):
    if isinstance(value, dict):
        return {key_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, set):
        return {"!!set": sorted(key_text(item) for item in value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return tagged(value) or value


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], "rb") as file:
            value = plain(yaml.load(file, Loader=Loader))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as fault:
        sys.exit(f"{sys.argv[1]}: {fault}")
    json.dump(value, sys.stdout, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    print()


if __name__ == "__main__":
    main()
