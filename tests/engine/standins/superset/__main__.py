"""superset db upgrade | superset init | serve: the commands of the generated files, and the server behind the port."""

import os
import signal
import sys
import threading
import urllib.parse

import sqlalchemy.exc

from superset import stub
from superset.app import create_app

TABLES = """
create table if not exists ab_role (name text primary key);
create table if not exists ab_user (username text primary key, first_name text, last_name text, email text,
  role text references ab_role, password text);
"""


class Handler(stub.Handler):
    def respond(self):
        if urllib.parse.urlsplit(self.path).path == "/health":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")
            return None
        try:
            self.server.app.run("select 1")
        except sqlalchemy.exc.SQLAlchemyError as fault:
            print("superset:", fault, file=sys.stderr, flush=True)
            self.drain_body()
            return self.answer(500, {"error": f"the database is away: {fault}"})
        return super().respond()


def serve():
    app = create_app()
    # Its tables are what `superset db upgrade` makes.
    app.run("select 1 from ab_role")
    home = os.environ["SUPERSET_HOME"]
    with open(os.path.join(home, "started"), "w", encoding="utf-8") as file:
        file.write("yes")
    server = stub.Server("superset", "0.0.0.0", int(os.environ.get("SUPERSET_PORT", "8088")))
    server.RequestHandlerClass, server.app = Handler, app
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("superset: listening", file=sys.stderr, flush=True)
    while True:
        signal.pause()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    command = " ".join(sys.argv[1:])
    if command == "db upgrade":
        create_app().run(TABLES)
    elif command == "init":
        create_app().run("insert into ab_role values ('Admin'), ('Public') on conflict do nothing")
    elif command == "serve":
        serve()
    else:
        sys.exit(f"superset: no such command '{command}'")


if __name__ == "__main__":
    main()
