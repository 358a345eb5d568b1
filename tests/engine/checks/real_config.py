"""The generated odoo.conf, read by Odoo's own configuration module: every option arrives, with the value that is meant.

The table of options that stackgen checks against is of Odoo 18; the Odoo here is 19. What differs is listed, and nothing
else may.
"""

import configparser
import json
import sys

import harness
from harness import DEPLOY, REPOSITORY, ok, run
from real_record import finish

ADDONS = DEPLOY.parent / "addons"
sys.path.insert(0, str(REPOSITORY / "tests/programs"))
import check_odoo_conf

# Odoo 19 passes over directories without modules, with a warning.
READ = """
import json, logging, sys
logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
from odoo.tools import config
config.parse_config(["--config", sys.argv[1]], setup_logging=False)
names = sys.argv[2].split(",")
print(json.dumps({name: [type(config.options.get(name)).__name__, config.options.get(name)] for name in names if name in config.options},
                 default=str))
"""


def read(text):
    """What Odoo makes of a file with this text, and what it says to it."""
    folder = harness.world.WORK / "config"
    folder.mkdir(exist_ok=True)
    (folder / "odoo.conf").write_text(text)
    (folder / "read.py").write_text(READ)
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    done = run("docker", "run", "--rm", "--volume", f"{folder}:/etc/odoo:ro", "--volume", f"{ADDONS}:/mnt/extra-addons:ro",
               "--entrypoint", "python3", "odoo:18.0", "/etc/odoo/read.py", "/etc/odoo/odoo.conf", ",".join(parser["options"]),
               seconds=120)
    values = json.loads(done.stdout) if done.returncode == 0 else {}
    return dict(parser["options"]), values, done.stderr.splitlines()


(ADDONS / "tests_config").mkdir(exist_ok=True)
for name, content in (("__init__.py", ""), ("__manifest__.py", '{"name": "Config", "license": "LGPL-3"}')):
    (ADDONS / "tests_config" / name).write_text(content)
text = (DEPLOY / "odoo/odoo.conf").read_text() + "\ndb_password = test-db %(x)s ${y} #1 ; \"q\"\nsmtp_password = test-smtp\n"
options, values, said = read(text)
table = check_odoo_conf.read_table(REPOSITORY / "templates/kinds/odoo.settings.tsv")
meant, faults = check_odoo_conf.check(DEPLOY / "odoo/odoo.conf", table)
ok("the table of options finds no fault", faults, [])
ok("Odoo knows every option", sorted(set(options) - set(values)), [])
ok("and says nothing about any", said, [])
for name, value in meant.items():
    kind, got = values.get(name, ["missing", None])
    if isinstance(value, list) and isinstance(got, str):
        got = got.split(",")
    if value in (False, "") and got in (None, "", []):
        got = value
    if isinstance(got, list) and not isinstance(value, list):
        got = ",".join(got)
    ok(f"{name} = {value!r}", got, value)
ok("a password arrives as it is", values.get("db_password", [None, None])[1], 'test-db %(x)s ${y} #1 ; "q"')

# What Odoo does with what stackgen refuses: the reasons of its rules, on the real program.
_, values, said = read("[options]\nlongpolling_port = 8072\nno_such_option = 1\n")
ok("Odoo does not read longpolling_port", "longpolling_port" in values and bool(said) is False, False)
_, values, said = read("[options]\nworkers = auto\n")
ok("Odoo refuses workers = auto", values, {})

# Why the master password is empty, and not False as Odoo 18 itself writes it.
_, values, said = read("[options]\nadmin_passwd = False\n")
ok("to Odoo 19 False is no master password but the default one", values.get("admin_passwd"), ["str", "admin"])

# What the two versions do not share; the table is of 18.
known = [name for name, row in table.items() if not name.endswith("*") and "removed" not in row.get("status", "")]
done = run("docker", "run", "--rm", "--entrypoint", "python3", "odoo:18.0", "-c",
           "from odoo.tools import config; import json; print(json.dumps(sorted(config.options_index)))", seconds=120)
in_19 = set(json.loads(done.stdout or "[]"))
print("     only in the table of 18:", ", ".join(sorted(set(known) - in_19)))
print("     only in 19:", ", ".join(sorted(in_19 - set(known))))
finish()
