#!/usr/bin/env python3
"""backup.py STACKGEN: what is written for backups, with real restic, a server that speaks S3, and real PostgreSQL.

It builds a stack of its own, brings it up on the engine of tests/engine/box, and then loses what is in it. Nothing
that stackgen wrote is changed. Prints a line for each check; ends with 1 after any failure.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(os.environ["STACKGEN_TOOLS"])
WORK = pathlib.Path("/tmp/stackgen-backup")
DEPLOY = WORK / "deploy"
SCRIPT = DEPLOY / "backup/backup.sh"
PASSWORDS = {"BACKUP_PASSWORD": "the-password-of-restic-7d1", "BACKUP_ACCESS_KEY": "S3RVER",
             "BACKUP_SECRET_KEY": "S3RVER-key-93ac", "APP_DB_PASSWORD": "of-the-role-5fe2",
             "DB_PASSWORD": "of-the-superuser-88b0"}
SECRETS = [value for name, value in PASSWORDS.items() if name != "BACKUP_ACCESS_KEY"]

MANIFEST = """
stackgen: 1
name: proof
host: {{ directory: {deploy} }}
services:
  db:
    kind: postgres
    version: "17"
  app:
    image: busybox:1
    internal: true
    command: [sleep, "100000"]
    restart: never
    database: db
    healthcheck: {{ command: [/bin/true], interval: 2s, start_period: 1s }}
    volumes: {{ files: {{ mount: /files, class: critical, backup: hourly }} }}
    memory: 64MiB
  notes:
    image: busybox:1
    internal: true
    command: [sleep, "100000"]
    healthcheck: {{ command: [/bin/true], interval: 2s, start_period: 1s }}
    volumes: {{ text: {{ mount: /text, class: important, retention: 30d }} }}
    memory: 64MiB
volumes:
  old: {{ class: deprecated, keep_until: "2099-01-01", reason: kept for the proof }}
backup:
  store:
    endpoint: http://{s3}:4568
    bucket: backups
    access_key: {{ secret: BACKUP_ACCESS_KEY }}
    secret_key: {{ secret: BACKUP_SECRET_KEY }}
  password: {{ secret: BACKUP_PASSWORD }}
  at: "02:15"
  keep: {{ hourly: 2, daily: 1, weekly: 1, monthly: 1 }}
"""
# An address of the server itself, which containers reach by their way out.
S3_ADDRESS = "198.51.100.9"

failures = 0
everything = []


def check(what, good, shown=""):
    global failures
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {shown}'}", flush=True)
    failures += not good


def run(*command, seconds=120, **options):
    done = subprocess.run([str(word) for word in command], text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    everything.append(done.stdout)
    return done


def must(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        sys.exit(f"FAIL {' '.join(map(str, command))}: {done.stdout}")
    return done.stdout.strip()


def compose(*words, **options):
    return must("docker", "compose", "--progress", "quiet", *words, cwd=DEPLOY, **options)


def backup(*words, **options):
    return run("bash", SCRIPT, *words, **options)


def sql(statement):
    return compose("exec", "-T", "db", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "app", "-d", "app", "-c", statement)


def in_volume(name, line):
    return must("docker", "run", "--rm", "-v", f"proof_{name}:/v", "busybox:1", "sh", "-c", line)


def restic(*words):
    return compose("run", "--rm", "-T", "--entrypoint", "sh", "backup", "-c",
                   'export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY="$(cat /run/secrets/BACKUP_SECRET_KEY)"; exec restic "$@"',
                   "sh", *words)


def metric(name, item="app"):
    found = re.search(rf'^stackgen_backup_{name}{{item="{item}"}} (\d+)$', (DEPLOY / "backup/status/metrics.prom").read_text(), re.M)
    return int(found[1]) if found else None


# --- The world ---------------------------------------------------------------------------------------------------------


def image(tag, tree, setting, finish=""):
    """An image of Debian's programs with the shell of Alpine's images, under the name that the stack uses."""
    root = WORK / "image"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(tree, root, symlinks=True)
    # Absolute links of the tree would lead out of it.
    must("sh", "-c", f"""set -e; cd {root}
        mkdir -p bin usr/bin etc tmp run dev proc sys var/run root usr/local/bin; chmod 1777 tmp
        busybox=$(find . -name busybox -type f | head -n 1); [ "$busybox" = ./usr/bin/busybox ] || cp "$busybox" usr/bin/busybox
        [ -L bin ] || cp usr/bin/busybox bin/busybox
        for name in $(usr/bin/busybox --list); do [ "$name" = busybox ] || [ -L bin ] && ln -sf busybox "usr/bin/$name" || {{ ln -sf busybox "bin/$name"; }}; done
        [ ! -e usr/bin/busybox ] || ln -sf /usr/bin/busybox usr/bin/busybox.self
        printf 'root:x:0:0::/root:/bin/sh\\npostgres:x:70:70::/tmp:/bin/sh\\nnobody:x:65534:65534::/:/bin/sh\\n' >etc/passwd
        printf 'root:x:0:\\npostgres:x:70:\\n' >etc/group
        printf 'hosts: files dns\\n' >etc/nsswitch.conf
        {finish}""")
    changes = [word for line in setting for word in ("--change", line)]
    must("sh", "-c", f"tar -C {root} -c . | docker import {' '.join(repr(c) for c in changes)} - {tag}")
    shutil.rmtree(root)


def images():
    path = "ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    # The start of the official image, as far as this stack uses it.
    start = r"""cat >usr/local/bin/start <<'SH'
#!/bin/sh
set -e
export PGDATA=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres $PGDATA
    cp /run/secrets/DB_PASSWORD /tmp/superuser; cp -r /run/secrets /tmp/secrets; chmod -R a+rX /tmp/superuser /tmp/secrets
    exec su postgres -s /bin/sh -c 'exec "$0" "$@"' -- /usr/local/bin/start "$@"
fi
if [ ! -e $PGDATA/PG_VERSION ]; then
    initdb -U postgres --pwfile /tmp/superuser --auth-local trust --auth-host scram-sha-256 >/dev/null
    echo 'host all all all scram-sha-256' >>$PGDATA/pg_hba.conf
    pg_ctl -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start >/dev/null
    export PGHOST=/tmp
    sed 's|/run/secrets|/tmp/secrets|' /docker-entrypoint-initdb.d/roles.sh >/tmp/roles.sh
    sh /tmp/roles.sh
    unset PGHOST
    pg_ctl -w stop >/dev/null
fi
exec "$@" -c unix_socket_directories=/var/run/postgresql,/tmp
SH
chmod 755 usr/local/bin/start; mkdir -p var/run/postgresql var/lib/postgresql/data; chmod 777 var/run/postgresql
rm -f usr/bin/psql usr/bin/pg_*"""
    tree = TOOLS / "root/backup-postgres"
    image("postgres:17", tree, [path, 'ENTRYPOINT ["/usr/local/bin/start"]', 'CMD ["postgres"]'], start)
    must("docker", "tag", "postgres:17", "postgres:17-alpine")
    image("restic/restic:0.19.1", TOOLS / "root/backup-restic", [path, 'ENTRYPOINT ["/usr/bin/restic"]'])
    must("docker", "tag", "restic/restic:0.19.1", "busybox:1")
    must("docker", "run", "--rm", "--entrypoint", "sh", "busybox:1", "-c", "true")


def store():
    """A server that speaks S3, beside the engine."""
    must("ip", "addr", "add", f"{S3_ADDRESS}/32", "dev", "lo")
    node = TOOLS / "bin/node-24"
    (WORK / "s3").mkdir(exist_ok=True)
    log = open(WORK / "s3.log", "w", encoding="utf-8")
    process = subprocess.Popen([str(node), str(TOOLS / "root/backup-s3/node_modules/s3rver/bin/s3rver.js"), "-d", str(WORK / "s3"),
                                "-a", "0.0.0.0", "-p", "4568", "--no-vhost-buckets", "--configure-bucket", "backups"],
                               stdout=log, stderr=log)
    for _ in range(100):
        if subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://{S3_ADDRESS}:4568/"], check=False).returncode == 0:
            return process
        time.sleep(0.1)
    sys.exit(f"FAIL the S3 server does not answer: {(WORK / 's3.log').read_text()}")


def environment(**changes):
    values = {**PASSWORDS, **changes}
    (DEPLOY / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))


def world(stackgen):
    shutil.rmtree(WORK, ignore_errors=True)
    DEPLOY.mkdir(parents=True)
    (WORK / "stack.yaml").write_text(MANIFEST.format(deploy=DEPLOY, s3=S3_ADDRESS))
    print(must(stackgen, "build", WORK, "-o", DEPLOY))
    environment()
    images()
    process = store()
    compose("up", "--detach", "--wait", seconds=120)
    return process


# --- The proof ---------------------------------------------------------------------------------------------------------


def fill():
    sql("create schema extra; create type mood as enum ('well'); create table extra.t (m mood)")
    sql("create table partner (id serial primary key, name text); insert into partner (name) select md5(i::text) from generate_series(1, 50000) i")
    sql("create view names as select name from partner; create function one() returns int language sql as 'select 1'")
    sql("create table photo (id int, data oid); insert into photo values (1, lo_from_bytea(0, 'a large object'))")
    in_volume("app-files", "mkdir -p /v/store/ab && dd if=/dev/urandom of=/v/store/ab/abc bs=1M count=4 2>/dev/null && "
              "ln -s abc /v/store/ab/link && chown -R 100:101 /v/store && chmod 600 /v/store/ab/abc && echo 'x y' >'/v/a b'")
    in_volume("notes-text", "echo text >/v/note")
    must("docker", "run", "--rm", "-v", "proof_old:/v", "busybox:1", "sh", "-c", "echo old >/v/it")


def state():
    rows = sql("select md5(string_agg(name, ',' order by id)) from partner; select count(*) from extra.t; "
               "select convert_from(lo_get(data), 'UTF8') from photo; select one(); select nextval('partner_id_seq') > 50000")
    files = in_volume("app-files", "cd /v && find . | sort | xargs -d '\\n' stat -c '%n %F %a %u:%g' && find . -type f | sort | xargs -d '\\n' sha256sum")
    return rows, files


def saving():
    done = backup("run", "app")
    check("without a repository nothing is saved, and the message says what to do", done.returncode and "backup.sh init" in done.stdout, done.stdout)
    done = backup("init")
    check("the repository is made", done.returncode == 0, done.stdout)
    done = backup("run")
    check("everything is saved", done.returncode == 0, done.stdout)
    first = metric("added_bytes")
    done = backup("run", "hourly")
    check("the second run adds next to nothing", done.returncode == 0 and metric("added_bytes") < first / 20, f"{first}, {metric('added_bytes')}: {done.stdout}")
    check("only what is saved hourly is saved by that name", " notes:" not in done.stdout and " app:" in done.stdout, done.stdout)
    print(f"     first run {first} bytes, second {metric('added_bytes')}")
    listed = restic("ls", "latest", "--tag", "item=app")
    check("database and files are one snapshot", "/staging/app/app.dump" in listed and "/data/app-files/store/ab/abc" in listed, listed)
    check("the files of the database server are in none", "proof_db" not in listed and "db-data" not in listed, listed)
    check("no dump stays on the server", in_volume("backup-staging", "find /v -type f") == "")
    check("the metric says when", abs(time.time() - metric("last_success_timestamp_seconds")) < 60)


def losing():
    before = state()
    sql("drop table partner cascade; drop schema extra cascade; drop type mood; create table stranger (id int); update pg_largeobject_metadata set lomacl = null where false")
    in_volume("app-files", "rm -rf /v/store && echo changed >'/v/a b' && echo new >/v/new")
    done = run("bash", SCRIPT, "restore", "app")
    check("a restore that nobody confirms changes nothing", done.returncode and sql("select to_regclass('stranger')") == "stranger", done.stdout)
    began = time.time()
    done = backup("restore", "app", "--yes")
    check("a restore succeeds", done.returncode == 0, done.stdout)
    print(f"     it took {time.time() - began:.1f} s")
    after = state() if done.returncode == 0 else None
    check("every row, type, function and large object is as before", after and after[0] == before[0], f"{before[0]} / {after and after[0]}")
    check("every file is as before: content, mode, owner, links; nothing else is there", after and after[1] == before[1], f"{before[1]} / {after and after[1]}")
    check("what was made since is gone", sql("select to_regclass('stranger') is null") == "t")
    running = compose("ps", "--services", "--status", "running").split()
    check("the service runs again", "app" in running, running)

    must("docker", "compose", "--progress", "quiet", "rm", "-sf", "app", "notes", cwd=DEPLOY)
    must("docker", "volume", "rm", "proof_app-files", "proof_notes-text")
    compose("exec", "-T", "db", "psql", "-XqAt", "-U", "postgres", "-c", "drop database app", "-c", "create database app owner app")
    done = backup("restore", "app", "--yes")
    check("a lost volume, a new database and a container that is gone come back", done.returncode == 0 and state() == before, done.stdout)
    done = backup("restore", "notes", "--yes")
    check("an item of files alone comes back", done.returncode == 0 and in_volume("notes-text", "cat /v/note") == "text", done.stdout)


def drilling():
    before = compose("ps", "-q", "app", "db", "notes")
    done = backup("drill")
    check("the drill finds the backups good", done.returncode == 0 and "tables=3" in done.stdout, done.stdout)
    check("it leaves nothing behind", in_volume("backup-scratch", "find /v -mindepth 1") == "")
    check("it stops nothing", compose("ps", "-q", "app", "db", "notes") == before)
    good = metric("drill_last_success_timestamp_seconds")
    check("and that is recorded", good and metric("drill_failed") == 0)
    # A snapshot as it would be if the dump had been cut off on its way.
    compose("run", "--rm", "-T", "--entrypoint", "sh", "backup-restore", "-c",
            "mkdir -p /staging/app && cd /staging/app && export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=$(cat /run/secrets/BACKUP_SECRET_KEY) && "
            "restic dump --tag item=app latest /staging/app/app.dump >whole && head -c 900000 whole >app.dump && rm whole && "
            "restic backup --quiet --tag item=app /staging/app && rm -r /staging/app")
    done = backup("drill", "app")
    check("the drill fails on a dump that was cut off", done.returncode and metric("drill_failed") == 1, done.stdout)
    check("the time of the last good one stays", metric("drill_last_success_timestamp_seconds") == good)
    check("status says so", backup("status").returncode == 1)
    check("it leaves nothing behind then either", in_volume("backup-scratch", "find /v -mindepth 1") == "")


def failing():
    good = metric("last_success_timestamp_seconds")
    environment(BACKUP_PASSWORD="another-password-0000")
    done = backup("run", "app")
    check("a wrong password fails and is named", done.returncode and "password is not that" in done.stdout, done.stdout)
    environment(APP_DB_PASSWORD="another-password-1111")
    done = backup("run", "app")
    check("a database that refuses fails", done.returncode and metric("failed") == 1, done.stdout)
    environment()
    must("ip", "addr", "del", f"{S3_ADDRESS}/32", "dev", "lo")
    began = time.time()
    done = backup("run", "app")
    check("a store that is away fails, within 90 seconds", done.returncode and time.time() - began < 90, done.stdout)
    must("ip", "addr", "add", f"{S3_ADDRESS}/32", "dev", "lo")
    check("no failure counts as a success", metric("last_success_timestamp_seconds") == good and metric("failed") == 1)
    check("each failure has a time", (metric("last_failure_timestamp_seconds") or 0) >= good)
    check("status is loud", backup("status").returncode == 1)
    done = backup("run", "app")
    check("and the next run is good again", done.returncode == 0 and metric("failed") == 0, done.stdout)


def keeping():
    for _ in range(2):
        done = backup("run", "app")
        check("a further run succeeds", done.returncode == 0, done.stdout)
    count = restic("snapshots", "--json", "--tag", "item=app").count('"short_id"')
    # All are of this hour, but for a run over the full hour.
    check("of one hour the newest stays", count <= 2, count)
    count = restic("snapshots", "--json", "--tag", "item=notes").count('"short_id"')
    check("what is kept for 30 days stays", count == 1, count)
    done = backup("archive", "old")
    check("a deprecated volume is saved once", done.returncode == 0 and "/data/old/it" in restic("ls", "latest", "--tag", "archive=old"), done.stdout)
    done = backup("check")
    check("the store is checked", done.returncode == 0, done.stdout)


def secrets():
    # While one runs: who may see the command lines of the server sees no secret.
    process = subprocess.Popen(["bash", str(SCRIPT), "run", "app"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen, lines = [], set()
    while process.poll() is None:
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_text(errors="replace").replace("\0", " ")
            except OSError:
                continue
            lines.add(line)
            seen += [line for secret in SECRETS if secret in line]
    everything.append(process.stdout.read())
    check("the command lines of restic and pg_dump were seen", any("restic --retry-lock" in l for l in lines) and any("pg_dump" in l for l in lines), sorted(lines)[-20:])
    check("no secret is on any of them", not seen, seen)
    leaks = [secret for secret in SECRETS + ["another-password"] for text in everything if secret in text]
    check("no secret is in any output", not leaks, leaks)
    written = [str(path) for path in DEPLOY.rglob("*") if path.is_file() and path.name != ".env" and any(s in path.read_text(errors="replace") for s in SECRETS)]
    check("no secret is in any file but .env", not written, written)


def units():
    folder = WORK / "units"
    folder.mkdir()
    files = [path for path in (DEPLOY / "backup").iterdir() if path.suffix in (".service", ".timer")]
    for path in files:
        shutil.copy(path, folder)
    check("there is a timer for each frequency, the check and the drill", len(files) == 9 + 2 * 0, [f.name for f in files])
    for path in sorted(folder.iterdir()):
        name = path.name.replace("@.", "@a.")
        done = run("systemd-analyze", "verify", "--recursive-errors=no", folder / name, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"})
        said = "\n".join(line for line in done.stdout.splitlines() if str(folder) in line or "stackgen" in line)
        check(f"systemd takes {path.name}", done.returncode == 0 and not said, done.stdout)
    for script in (DEPLOY / "backup").glob("*.sh"):
        done = run(TOOLS / "bin/shellcheck", script)
        check(f"ShellCheck takes {script.name}", done.returncode == 0, done.stdout)


def main():
    if os.environ.get("STACKGEN_IN_BOX") != "yes":
        box = HERE.parent / "engine/box"
        os.environ.setdefault("STACKGEN_ENGINE_DATA", str(HERE.parents[1] / "target/engine/backup"))
        os.environ.setdefault("STACKGEN_ENGINE_SECONDS", "280")
        # 2 is the box itself, and so is a missing program.
        sys.exit(subprocess.run(["bash", str(box), "python3", __file__, str(pathlib.Path(sys.argv[1]).resolve())], check=False).returncode)
    began = time.time()
    process = world(sys.argv[1])
    print(f"     the stack is up after {time.time() - began:.0f} s", flush=True)
    try:
        for part in (units, fill, saving, losing, drilling, failing, keeping, secrets):
            start = time.time()
            part()
            print(f"     {part.__name__}: {time.time() - start:.0f} s", flush=True)
    finally:
        process.terminate()
        shutil.rmtree(WORK, ignore_errors=True)
    print(f"     all: {time.time() - began:.0f} s")
    sys.exit(1 if failures else 0)


main()
