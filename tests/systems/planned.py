"""The planned services of the reference stack, switched on, against what they talk to: PostgreSQL 17 with TLS and
pgvector, Redis with the files of its kind, Celery and Flask-Caching with the superset_config.py that is written.

Mattermost and AFFiNE themselves are no packages anywhere and do not run here; their start scripts do, up to the program
they would start. Everything happens in namespaces of its own (network, mounts, processes), which end with it.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from urllib.parse import parse_qsl, unquote, urlsplit

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
HOST = "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com"
AWKWARD = [
    "plain",
    "it's a \"se\\cret\" $HOME `id` $(id) #%:@/?&={}[]|^~;<>!*",
    " blanks around and\tinside ",
    "%41%zz+plus",
    "großer Schlüssel 鍵 🔑",
    "-n -e \\n \\x41 \\c",
    "x" * 300,
]
# A stack with its database server inside: pgvector is built in, roles.sh makes the extension.
INSIDE = """stackgen: 1
name: inside
certificates: { email: admin@example.com }
services:
  wiki: { kind: affine, url: "https://wiki.example.com", database: db, redis: redis }
  chat:
    kind: mattermost
    url: https://chat.example.com
    database: db
    options: { files: s3, s3_bucket: uploads, s3_endpoint: sgp1.digitaloceanspaces.com }
  db: { kind: postgres, options: { pgvector: true } }
  redis: { kind: redis }
"""
FAILED = []


def ok(what, found, expected=True):
    good = found == expected
    print(f"{'ok' if good else 'FAIL'} {what}" + ("" if good else f": expected {expected!r}, found {found!r}"), flush=True)
    if not good:
        FAILED.append(what)
    return good


def run(*command, seconds=60, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=seconds, **options)


def must(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        sys.exit(f"FAIL {command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def until(what, question, log, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return
        time.sleep(0.1)
    sys.exit(f"FAIL {what}: {log.read_text(errors='replace')[-2000:]}")


def start(command, log, **options):
    with open(log, "wb") as out:
        return subprocess.Popen([str(c) for c in command], stdout=out, stderr=out, **options)


# --- what is written ---------------------------------------------------------------------------------------------


def built(stackgen, work):
    """Both stacks, and the reference stack with each of its planned services made active by one word."""
    reference = work / "reference"
    shutil.copytree(ROOT / "stacks/odoo-erp-prod", reference, ignore=lambda folder, names: {"deploy"} & set(names))
    # The database here has another certificate than that of the cluster: it is asked for TLS, not for its name.
    overlay = reference / "stack.full.yaml"
    lines = overlay.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.strip() not in ("ca: ./do-ca.crt", "sslmode: verify-full")]
    ok("the overlay asks for verify-full", len(lines) - len(kept), 2)
    overlay.write_text("".join(kept))
    must(stackgen, "build", reference, "--env", "full", "-o", work / "full")
    lint = run(stackgen, "lint", reference, "--env", "full", "--format", "oneline")
    ok("with everything on lint has neither errors nor warnings", lint.returncode, 0)
    (work / "inside").mkdir()
    (work / "inside/stack.yaml").write_text(INSIDE)
    must(stackgen, "build", work / "inside")


def one_word(stackgen, work):
    """`planned` becomes `active`: no other change is needed, and what was waited for is told before."""
    manifest = work / "reference/stack.yaml"
    text = manifest.read_text()
    told = run(stackgen, "lint", work / "reference", "--format", "oneline").stdout
    for name in ("mattermost", "affine", "redis"):
        ok(f"lint says what {name} waits for", f"`{name}` is planned and waits for" in told)
    # A larger server and database, so that only the word is asked about.
    text = text.replace("memory: 8GiB", "memory: 32GiB").replace("memory: 4GiB", "memory: 16GiB")
    for names in (["redis"], ["mattermost"], ["redis", "affine"]):
        changed = text
        for name in names:
            begin = changed.index(f"\n  {name}:\n")
            word = changed.index("status: planned", begin)
            changed = changed[:word] + "status: active" + changed[word + len("status: planned"):]
        manifest.write_text(changed)
        done = run(stackgen, "build", work / "reference", "-o", work / "-".join(names))
        ok(f"{' and '.join(names)}: active is the only change", done.returncode, 0)
        done = run(stackgen, "lint", work / "reference", "--format", "oneline")
        ok(f"{' and '.join(names)}: lint has nothing to say against it", done.returncode, 0)
    manifest.write_text(text.replace("options: { mode: regular }", "options: { mode: queue }"))
    done = run(stackgen, "lint", work / "reference")
    ok("n8n cannot queue while redis is planned, and is told so",
       done.returncode == 1 and "`n8n` runs and needs `redis`, which is only planned" in done.stdout)
    begin = text.index("\n  redis:\n")
    text = text[:begin] + text[begin:].replace("status: planned", "status: active", 1)
    manifest.write_text(text.replace("options: { mode: regular }", "options: { mode: queue }"))
    ok("with redis active it can", run(stackgen, "build", work / "reference", "-o", work / "queue").returncode, 0)


def compose(work):
    """Compose accepts both, with values for every secret."""
    services = {}
    for folder in (work / "full", work / "inside/deploy"):
        lines = [line.split("=")[0] + "=value" for line in (folder / ".env.example").read_text().splitlines()
                 if "=" in line and not line.startswith("#")]
        (folder / ".env").write_text("\n".join(lines) + "\n")
        done = run(TOOLS / "bin/docker-compose-new", "--project-directory", folder, "-f", folder / "docker-compose.yml", "config",
                   "--format", "json")
        if ok(f"Compose accepts {folder.name}", done.returncode, 0):
            services[folder.name] = json.loads(done.stdout)["services"]
    full = services.get("full", {})
    for name in ("mattermost", "affine", "affine-predeploy", "redis", "n8n-worker", "superset-worker", "superset-beat"):
        ok(f"{name} is a service", name in full)
    ok("AFFiNE waits for its migration", full["affine"]["depends_on"]["affine-predeploy"]["condition"], "service_completed_successfully")
    for name, service in full.items():
        leaked = [k for k, v in (service.get("environment") or {}).items() if v == "value" and "AUTH_TOKEN" not in k]
        if name in ("mattermost", "affine", "affine-predeploy"):
            ok(f"no secret is in the environment of {name}", leaked, [])
    for kind, prefix in (("mattermost", "MM_"), ("n8n", "N8N_"), ("superset", "SUPERSET_"), ("affine", "")):
        table = {line.split("\t")[0]: line.split("\t")[4] for line in (ROOT / f"templates/kinds/{kind}.variables.tsv").read_text().splitlines()
                 if line.count("\t") == 5}
        set_there = [k.removesuffix("_FILE") for k in full[kind]["environment"] if k.startswith(prefix) and k != "TZ"]
        unknown = [k for k in set_there if k not in table or "removed" in table[k]]
        ok(f"all {len(set_there)} variables of {kind} are read by it", unknown, [])
    return services


# --- start scripts -----------------------------------------------------------------------------------------------


def started(script, secrets, variables, shell):
    """What the script hands to the program it starts."""
    shown = "for name in " + " ".join(variables) + "; do eval \"printf '%s\\\\0' \\\"\\${$name-}\\\"\"; done"
    done = subprocess.run([*shell, script, "/bin/sh", "-c", shown], capture_output=True, timeout=30,
                          env={"PATH": os.environ["PATH"]}, check=False)
    if done.returncode:
        return done.stderr.decode()
    return dict(zip(variables, done.stdout.decode().split("\0")))


def write_secrets(**secrets):
    for name, value in secrets.items():
        pathlib.Path("/run/secrets", name).write_bytes(value.encode())


def scripts(work):
    """Awkward secrets come through both scripts, by busybox and by the shell of Debian, and out of a URL as they were."""
    busybox = [str(TOOLS / "bin/busybox"), "sh"]
    key = must("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    write_secrets(AFFINE_PRIVATE_KEY=base64.b64encode(key.encode()).decode(), WIKI_PRIVATE_KEY="", CHAT_S3_ACCESS_KEY="an id",
                  CHAT_S3_SECRET_KEY="a 'key' \\ $x", CHAT_DB_PASSWORD="p")
    for ending in ("", "\n", "\r\n"):
        bad = []
        for secret in AWKWARD:
            line = secret + ending
            write_secrets(MATTERMOST_DB_PASSWORD=line, MAILGUN_SMTP_PASSWORD=line, AFFINE_DB_PASSWORD=line, REDIS_PASSWORD=line)
            mattermost = work / "full/mattermost/start.sh"
            affine = work / "full/affine/start.sh"
            for script, shell, url, rest in (
                (mattermost, busybox, "MM_SQLSETTINGS_DATASOURCE", ["MM_EMAILSETTINGS_SMTPPASSWORD"]),
                (affine, busybox, "DATABASE_URL", ["REDIS_SERVER_PASSWORD", "MAILER_PASSWORD"]),
                (affine, ["/bin/sh"], "DATABASE_URL", ["REDIS_SERVER_PASSWORD", "MAILER_PASSWORD"]),
            ):
                seen = started(script, None, [url, *rest], shell)
                if not isinstance(seen, dict):
                    bad.append(seen)
                    continue
                parts = urlsplit(seen[url])
                bad += [(secret, parts.password)] if unquote(parts.password) != secret else []
                bad += [(parts.hostname, parts.port)] if (parts.hostname, parts.port) != (HOST, 25060) else []
                bad += [(name, seen[name]) for name in rest if seen[name] != secret]
        ok(f"{len(AWKWARD)} secrets ending in {ending!r} arrive as they are, in URLs percent-encoded", bad, [])
    seen = started(work / "full/affine/start.sh", None, ["AFFINE_PRIVATE_KEY"], busybox)
    ok("the private key is the PEM that was made", seen["AFFINE_PRIVATE_KEY"].strip(), key.strip())
    done = run("openssl", "pkey", "-noout", "-check", input=seen["AFFINE_PRIVATE_KEY"])
    ok("and OpenSSL takes it", done.returncode, 0)
    seen = started(work / "inside/deploy/chat/start.sh", None, ["MM_FILESETTINGS_AMAZONS3ACCESSKEYID", "MM_FILESETTINGS_AMAZONS3SECRETACCESSKEY"], busybox)
    ok("so are the keys of the bucket", list(seen.values()), ["an id", "a 'key' \\ $x"])
    pathlib.Path("/run/secrets/MATTERMOST_DB_PASSWORD").unlink()
    seen = started(work / "full/mattermost/start.sh", None, ["MM_SQLSETTINGS_DATASOURCE"], busybox)
    ok("without its secret Mattermost is not started", isinstance(seen, str) and "MATTERMOST_DB_PASSWORD" in seen)


# --- PostgreSQL --------------------------------------------------------------------------------------------------


class Postgres:
    """PostgreSQL 17 as a managed cluster is: TLS only, under the host name of the reference stack."""

    def __init__(self, work):
        self.work, self.root = work, TOOLS / "root/planned-postgres"
        must("mount", "--rbind", "/dev", self.root / "dev")
        must("mount", "-t", "tmpfs", "tmpfs", self.root / "tmp")
        data = self.root / "tmp/cluster"
        data.mkdir()
        must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
             data / "server.key", "-out", data / "server.crt", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
        shutil.copy(data / "server.crt", work / "ca.crt")
        (data / "password").write_text("of the superuser")
        for path in [data, *data.iterdir()]:
            os.chown(path, 65534, 65534)
            path.chmod(0o700 if path.is_dir() else 0o600)
        inside = ["chroot", "--userspec=65534:65534", self.root]
        programs = pathlib.Path("/usr/lib/postgresql/17/bin")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        must(*inside, programs / "initdb", "-D", "/tmp/cluster/data", "-U", "postgres", "--pwfile", "/tmp/cluster/password", "-A",
             "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", env=environment)
        with open(data / "data/postgresql.conf", "a", encoding="utf-8") as file:
            file.write("listen_addresses = '*'\nport = 25060\nunix_socket_directories = '/tmp'\nssl = on\nfsync = off\n"
                       "ssl_cert_file = '/tmp/cluster/server.crt'\nssl_key_file = '/tmp/cluster/server.key'\n")
        (data / "data/pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\nhostnossl all all all reject\n")
        log = work / "postgres.log"
        self.process = start([*inside, programs / "postgres", "-D", "/tmp/cluster/data"], log, env=environment)
        until("PostgreSQL does not answer", lambda: self.superuser("select 1").returncode == 0, log)

    def superuser(self, sql, database="postgres"):
        return run(TOOLS / "bin/psql-planned", "-XAtq", "-h", self.root / "tmp", "-p", "25060", "-U", "postgres", "-d", database,
                   "-v", "ON_ERROR_STOP=1", "-c", sql)

    def by_url(self, url, sql):
        return run(TOOLS / "bin/psql-planned", "-XAtq", url, "-v", "ON_ERROR_STOP=1", "-c", sql, env={"PATH": os.environ["PATH"]})


def databases(work, postgres):
    """psql logs in by the very URLs; the extension that only a superuser may make is found by AFFiNE."""
    for i, secret in enumerate(AWKWARD):
        literal = secret.replace("'", "''")
        for name in ("mattermost", "affine"):
            done = postgres.superuser(f"create role {name} login password '{literal}'" if i == 0 else f"alter role {name} password '{literal}'")
            if done.returncode:
                sys.exit(f"FAIL {done.stderr}")
            if i == 0:
                postgres.superuser(f"create database {name} owner {name}")
        write_secrets(MATTERMOST_DB_PASSWORD=secret + "\n", AFFINE_DB_PASSWORD=secret + "\n")
        busybox = [str(TOOLS / "bin/busybox"), "sh"]
        url = started(work / "full/mattermost/start.sh", None, ["MM_SQLSETTINGS_DATASOURCE"], busybox)["MM_SQLSETTINGS_DATASOURCE"]
        sql = "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"
        ok(f"psql logs in by Mattermost's URL, over TLS, with {secret[:20]!r}", postgres.by_url(url, sql).stdout, "mattermost|t\n")
        url = started(work / "full/affine/start.sh", None, ["DATABASE_URL"], busybox)["DATABASE_URL"]
        ok("what AFFiNE's URL says beside is Prisma's", dict(parse_qsl(urlsplit(url).query)), {"sslmode": "require", "connection_limit": "10"})
        url = url.replace("&connection_limit=10", "")
        ok("and by AFFiNE's", postgres.by_url(url, sql).stdout, "affine|t\n")
    refused = postgres.by_url(url.replace("sslmode=require", "sslmode=disable"), "select 1")
    ok("without TLS nobody gets in", "no encryption" in refused.stderr)
    makes = "create extension if not exists vector"
    ok("AFFiNE's role may not make the extension itself", "permission denied to create extension" in postgres.by_url(url, makes).stderr)
    ok("an administrator may", postgres.superuser(makes, "affine").returncode, 0)
    ok("then the same statement of AFFiNE's migration passes", postgres.by_url(url, makes).returncode, 0)
    does = "create table e (v vector(3)); insert into e values ('[1,2,3]'); create index on e using hnsw (v vector_l2_ops); select v <-> '[1,2,4]' from e"
    ok("and vectors are stored, indexed and compared", postgres.by_url(url, does).stdout, "1\n")


def inside(work, postgres):
    """roles.sh of a server in the stack makes the extension too, and may run again."""
    write_secrets(WIKI_DB_PASSWORD=AWKWARD[1] + "\n", CHAT_DB_PASSWORD=AWKWARD[4])
    programs = work / "bin"
    programs.mkdir()
    (programs / "psql").symlink_to(TOOLS / "bin/psql-planned")
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": str(postgres.root / "tmp"), "PGPORT": "25060"}
    for time_ in ("once", "twice"):
        done = run("sh", work / "inside/deploy/db/roles.sh", env=environment)
        ok(f"roles.sh runs {time_}", (done.returncode, done.stderr.replace("NOTICE:  extension \"vector\" already exists, skipping\n", "")), (0, ""))
    there = postgres.superuser("select extname from pg_extension where extname = 'vector'", "wiki").stdout
    ok("the extension is there", there, "vector\n")
    ok("and not where nobody asked", postgres.superuser("select count(*) from pg_extension where extname = 'vector'", "chat").stdout, "0\n")
    dockerfile = (work / "inside/deploy/db/Dockerfile").read_text()
    ok("the image gets pgvector of its own major version", "FROM postgres:17.6\n" in dockerfile and "postgresql-17-pgvector" in dockerfile)


# --- Redis and Celery --------------------------------------------------------------------------------------------


def redis(work):
    """Redis with the files of its kind: start.sh, as the container runs it, but for the entrypoint of the image."""
    root = TOOLS / "root/planned-redis"
    for folder in ("data", "etc/redis", "run", "tmp"):
        (root / folder).mkdir(exist_ok=True)
        must("mount", "-t", "tmpfs", "tmpfs", root / folder)
    must("mount", "--rbind", "/dev", root / "dev")
    for folder in ("run/redis", "run/secrets"):
        (root / folder).mkdir()
    must("mount", "--bind", "/run/secrets", root / "run/secrets")
    must("mount", "--bind", work / "full/redis", root / "etc/redis")
    (root / "tmp/docker-entrypoint.sh").write_text('#!/tmp/sh\nexec "$@"\n')
    (root / "tmp/docker-entrypoint.sh").chmod(0o755)
    for name in ("sh", "cat", "head", "tr", "sed"):
        (root / "tmp" / name).symlink_to("/usr/bin/busybox")
    write_secrets(REDIS_PASSWORD=AWKWARD[1] + "\n")
    log = work / "redis.log"
    process = start(["chroot", root, "/usr/bin/busybox", "sh", "/etc/redis/start.sh"], log, env={"PATH": "/tmp:/usr/sbin:/usr/bin"})

    def ask(*words, password=AWKWARD[1]):
        return run(TOOLS / "bin/redis-cli-planned", *words, env={"REDISCLI_AUTH": password, "PATH": os.environ["PATH"]}).stdout.strip()

    until("Redis does not answer", lambda: ask("ping") == "PONG", log)
    ok("Redis asks for its password", "WRONGPASS" in ask("ping", password="wrong") or "NOAUTH" in ask("ping", password="wrong"))
    ok("it evicts nothing", ask("config", "get", "maxmemory-policy").split()[-1], "noeviction")
    ok("it has the sixteen databases that are shared out", ask("config", "get", "databases").split()[-1], "16")
    return process, ask


# Superset's own tasks are not here: modules of their names stand in for them, so that the worker loads what the
# configuration names.
TASKS = """
import celery, superset_config
app = celery.Celery("superset", config_source=superset_config.CELERY_CONFIG)

@app.task(name="prune_query")
def prune_query(retention_period_days):
    with open("pruned", "a") as file:
        print(retention_period_days, file=file)
    return {"kept": retention_period_days}
"""
PROBE = """
import flask, flask_caching, json, limits, superset_config as c
from superset.tasks.celery_app import app
flask_app = flask.Flask("x")
said = {}
for name in ("CACHE_CONFIG", "DATA_CACHE_CONFIG", "FILTER_STATE_CACHE_CONFIG", "EXPLORE_FORM_DATA_CACHE_CONFIG"):
    cache = flask_caching.Cache(flask_app, config=getattr(c, name))
    with flask_app.app_context():
        cache.set("key", name)
        said[name] = cache.get("key")
c.RESULTS_BACKEND.set("key", b"rows")
said["RESULTS_BACKEND"] = c.RESULTS_BACKEND.get("key").decode()
storage = limits.storage.storage_from_string(c.RATELIMIT_STORAGE_URI)
limiter = limits.strategies.FixedWindowRateLimiter(storage)
said["limits"] = [limiter.hit(limits.parse("2/minute"), "who") for _ in range(3)]
said["task"] = app.send_task("prune_query", kwargs={"retention_period_days": 1}).get(timeout=30)
print(json.dumps(said))
"""


def celery(work, ask):
    """The configuration's caches, limits, results, worker and schedule on that Redis."""
    site = work / "site"
    for module in ("sql_lab", "tasks/scheduler", "tasks/thumbnails", "tasks/cache"):
        (site / f"superset/{module}.py").parent.mkdir(parents=True, exist_ok=True)
        (site / f"superset/{module}.py").write_text("")
    (site / "superset/__init__.py").write_text("")
    (site / "superset/tasks/__init__.py").write_text("")
    (site / "superset/tasks/celery_app.py").write_text(TASKS)
    config = (work / "full/superset/superset_config.py").read_text()
    # Due within the run, not at three in the morning; everything else is as written.
    ok("beat is given the pruning of queries", 'crontab(minute=0, hour=3)' in config)
    (site / "superset_config.py").write_text(config.replace("crontab(minute=0, hour=3)", "2.0"))
    write_secrets(SUPERSET_SECRET_KEY="k", SUPERSET_DB_PASSWORD="p", MAILGUN_SMTP_PASSWORD="m")
    with open("/etc/hosts", "a", encoding="utf-8") as hosts:
        hosts.write("127.0.0.1 redis\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "C_FORCE_ROOT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    services = json.loads(must(TOOLS / "planned-venv/bin/python", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))",
                               input=(work / "full/docker-compose.yml").read_text()))["services"]
    programs = TOOLS / "planned-venv/bin"
    command = {name: [programs / services[f"superset-{name}"]["command"][0], *services[f"superset-{name}"]["command"][1:]] for name in ("worker", "beat")}
    running = [start(command["worker"], work / "worker.log", env=environment, cwd=work)]
    check = services["superset-worker"]["healthcheck"]["test"]
    asked = [w.replace("$$", "$") for w in check if w != "CMD"]
    well = {**environment, "PATH": f"{programs}:{os.environ['PATH']}", "HOSTNAME": os.uname().nodename}
    until("the worker is not well", lambda: run(*asked, env=well, cwd=work).returncode == 0, work / "worker.log", 60)
    ok("the worker's health check finds it well", True)
    done = run(programs / "python", "-c", PROBE, env=environment, cwd=work)
    if not ok("the probe runs", done.returncode, 0):
        print(done.stderr[-2000:])
        return running
    said = json.loads(done.stdout.splitlines()[-1])
    for name in ("CACHE_CONFIG", "DATA_CACHE_CONFIG", "FILTER_STATE_CACHE_CONFIG", "EXPLORE_FORM_DATA_CACHE_CONFIG"):
        ok(f"Flask-Caching keeps what {name} says", said[name], name)
    ok("results are kept", said["RESULTS_BACKEND"], "rows")
    ok("the third of two requests is limited", said["limits"], [True, True, False])
    ok("the worker runs a task and hands back its result", said["task"], {"kept": 1})
    running.append(start(command["beat"], work / "beat.log", env=environment, cwd=work))
    until("beat starts nothing", lambda: "365" in (work / "pruned").read_text().split(), work / "beat.log", 40)
    ok("beat has the worker prune the query history", True)
    numbers = [line.split(":")[0] for line in ask("info", "keyspace").splitlines() if line.startswith("db")]
    ok("all of it keeps out of the databases of n8n and AFFiNE", [n for n in numbers if n == "db0" or int(n[2:]) >= 8], [])
    ttl = [key for number in (3, 4) for key in ask("-n", str(number), "keys", "*").splitlines() if ask("-n", str(number), "ttl", key) == "-1"]
    ok("nothing that is cached stays for ever", ttl, [])
    return running


def main():
    stackgen = pathlib.Path(sys.argv[1]).resolve()
    missing = [p for p in ("bin/busybox", "bin/docker-compose-new", "bin/psql-planned", "bin/redis-planned", "planned-venv/bin/celery")
               if not (TOOLS / p).exists()]
    if missing:
        sys.exit(f"FAIL not installed: {', '.join(missing)}; run .ci/tools planned")
    if os.environ.get("STACKGEN_PLANNED_INSIDE") != "1":
        os.environ["STACKGEN_PLANNED_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                              sys.executable, __file__, str(stackgen)])
    must("ip", "link", "set", "lo", "up")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        must("mount", "-t", "tmpfs", "tmpfs", "/run")
        pathlib.Path("/run/secrets").mkdir()
        (work / "hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
        must("mount", "--bind", work / "hosts", "/etc/hosts")
        built(stackgen, work)
        one_word(stackgen, work)
        compose(work)
        scripts(work)
        postgres = Postgres(work)
        databases(work, postgres)
        inside(work, postgres)
        server, ask = redis(work)
        running = celery(work, ask)
        for process in [*running, server, postgres.process]:
            process.terminate()
        for process in [*running, server, postgres.process]:
            process.wait(timeout=30)
    print(f"planned: {len(FAILED)} failed" if FAILED else "planned: all is well")
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
