"""Imports a superset_config.py with secrets from an .env file, and prints what it says as JSON.

import_superset_config.py CONFIG ENV
"""

import builtins
import io
import json
import runpy
import sys
from urllib.parse import unquote, urlsplit

secrets = {}
with open(sys.argv[2], encoding="utf-8") as file:
    for line in file:
        name, _, value = line.rstrip("\n").partition("=")
        secrets[name] = value.strip("'")

real_open = builtins.open


def fake_open(path, *args, **kwargs):
    """The secret files of the container; everything else is the real thing."""
    if str(path).startswith("/run/secrets/"):
        return io.StringIO(secrets[str(path).removeprefix("/run/secrets/")] + "\n")
    return real_open(path, *args, **kwargs)


builtins.open = fake_open
config = runpy.run_path(sys.argv[1])
builtins.open = real_open

url = urlsplit(config["SQLALCHEMY_DATABASE_URI"])
plain = {k: v for k, v in config.items() if k.isupper() and isinstance(v, (str, int, bool))}
plain["url"] = {
    "scheme": url.scheme,
    "user": unquote(url.username),
    "password": unquote(url.password),
    "host": url.hostname,
    "port": url.port,
    "path": url.path,
    "query": url.query,
}
print(json.dumps(plain))
