"""Stands in for Odoo 18: reads its options, uses its database and answers on its ports as Odoo does; no Odoo inside.

Where Odoo is silent about a fault this one refuses: an option name that Odoo does not know ends it.
"""

import argparse
import configparser
import os
import signal
import sys
import threading
import time
import urllib.parse

import psycopg2

import stub

HERE = os.path.dirname(os.path.abspath(__file__))


def say(text):
    print("odoo:", text, file=sys.stderr, flush=True)


def known_options():
    """Names that Odoo 18 reads from the file, by the table that stackgen checks manifests with."""
    names = set()
    with open(os.path.join(HERE, "odoo.settings.tsv"), encoding="utf-8") as file:
        for line in file:
            name, _, _, _, status, *_ = line.rstrip("\n").split("\t") + [""] * 5
            if not line.startswith("#") and not status.startswith("removed"):
                names.add(name)
    return names


def read_options(path):
    parser = configparser.RawConfigParser()
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    options = dict(parser.items("options"))
    unknown = sorted(set(options) - known_options())
    if unknown:
        sys.exit(f"odoo: {path}: Odoo 18 has no such options: {', '.join(unknown)}")
    # As in Odoo: these words, and nothing else, are not text.
    words = {"True": True, "true": True, "False": False, "false": False, "None": None}
    return {name: words.get(value, value) for name, value in options.items()}


class Database:
    """One connection, made again when it broke; every use of it is a round trip to the server."""

    def __init__(self, options, name=None):
        self.parameters = {
            "dbname": name or options["db_name"],
            "application_name": f"odoo-{os.getpid()}",
            "connect_timeout": 5,
        }
        for option, parameter in (
            ("db_host", "host"), ("db_port", "port"), ("db_user", "user"), ("db_password", "password"),
            ("db_sslmode", "sslmode"),
        ):
            if options.get(option):
                self.parameters[parameter] = options[option]
        self.connection = None
        self.lock = threading.Lock()

    def run(self, statement):
        with self.lock:
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(**self.parameters)
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute(statement)
                    return cursor.fetchall() if cursor.description else []
            except psycopg2.Error:
                self.connection = None
                raise


class Handler(stub.Handler):
    """What stub.py answers, with Odoo's health page in front and the database behind every request."""

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/web/health":
            if "db_server_status" in urllib.parse.parse_qs(url.query):
                try:
                    self.server.administration.run("select 1")
                except psycopg2.Error as fault:
                    say(f"health: {fault}".strip())
                    return self.answer(500, {"status": "fail", "db_server_status": False})
                return self.answer(200, {"status": "pass", "db_server_status": True})
            return self.answer(200, {"status": "pass"})
        try:
            self.server.database.run("select 1")
        except psycopg2.Error as fault:
            say(f"{self.path}: {fault}".strip())
            self.drain_body()
            return self.answer(500, {"error": f"the database is away: {fault}".strip()})
        if self.wants_websocket() and not self.server.evented:
            # Odoo's words.
            return self.answer(500, {"error": "Couldn't bind the websocket. Is the connection opened on the evented port?"})
        return super().respond()


def serve(options):
    """Odoo's processes as threads: HTTP, websockets on a port of their own if there are workers, scheduled actions."""
    database, administration = Database(options), Database(options, "postgres")
    ports = [(int(options.get("http_port") or 8069), False)]
    if int(options.get("workers") or 0) > 0:
        ports.append((int(options.get("gevent_port") or 8072), True))
    for port, evented in ports:
        server = stub.Server("odoo", options.get("http_interface") or "0.0.0.0", port)
        server.RequestHandlerClass = Handler
        server.database, server.administration, server.evented = database, administration, evented
        threading.Thread(target=server.serve_forever, daemon=True).start()
        say(f"HTTP service running on port {port}")

    def scheduled():
        # Odoo's cron listens in the database `postgres`, whatever db_name says.
        while True:
            try:
                administration.run("listen cron_trigger")
            except psycopg2.Error as fault:
                say(f"cron: {fault}".strip())
            time.sleep(60)

    threading.Thread(target=scheduled, daemon=True).start()
    while True:
        signal.pause()


def main():
    parser = argparse.ArgumentParser(prog="odoo")
    parser.add_argument("subcommand", nargs="?", choices=["server", "shell"], default="server")
    parser.add_argument("--config", "-c", default=os.environ.get("ODOO_RC"))
    parser.add_argument("--init", "-i")
    parser.add_argument("--update", "-u")
    parser.add_argument("--without-demo")
    parser.add_argument("--no-http", action="store_true")
    parser.add_argument("--stop-after-init", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    options = read_options(arguments.config)
    for folder in ("addons/18.0", "filestore", "sessions"):
        os.makedirs(os.path.join(options["data_dir"], folder), mode=0o700, exist_ok=True)
    with open(os.path.join(options["data_dir"], "sessions", "last-start"), "w", encoding="utf-8") as file:
        file.write(time.strftime("%FT%TZ", time.gmtime()))

    database = Database(options)
    if arguments.init:
        database.run("create table if not exists ir_module_module (name text primary key, state text)")
        for module in arguments.init.split(","):
            database.run(f"insert into ir_module_module values ('{module}', 'installed') on conflict do nothing")
            say(f"module {module} loaded")
    if database.run("select to_regclass('ir_module_module')") == [(None,)]:
        sys.exit("odoo: the database is not initialized, you can force it with -i base")
    if arguments.update:
        say(f"updated {arguments.update}")
    if arguments.subcommand == "shell":
        for line in sys.stdin:
            print(database.run(line))
        return
    if arguments.stop_after_init:
        say("stopping as asked")
        return
    serve(options)


if __name__ == "__main__":
    try:
        main()
    except psycopg2.Error as fault:
        sys.exit(f"odoo: {fault}".strip())
