#!/usr/bin/env python3
"""deploy.py STACKGEN: deploy.sh against a real Docker engine and Compose, in the box of tests/engine.

A small stack: a web application that keeps nothing (start-first) and one that does (stop-first), each with a job before
it, a Redis with a secret, and the real nginx in front. A client asks all the time. What is claimed of a deploy is read
from the engine: ids of containers, what is in them, and what the client was answered.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
REPOSITORY = HERE.parents[2]
STACK = pathlib.Path("/opt/shop")
DEPLOY = STACK / "deploy"
ADDRESS = "192.0.2.10"
failed = []

KIND = """
kind: app
title: an application of the tests
image: python
version: 3.11-slim
options:
  keeps: { type: bool, default: false, help: whether it has a volume }
service:
  listen: 8000
  command: [python3, /app/app.py]
  volumes:
    data: { mount: /data, class: important, when: options.keeps, description: notes }
  healthcheck: { http: /health, tool: python, interval: 1s, timeout: 2s, retries: 3, start_period: 2s }
  stop_grace: 5s
  hardening: { capabilities: [] }
companions:
  migrate:
    role: job
    title: says that it ran
    same_environment: true
    command: [python3, /app/app.py, migrate]
    no_healthcheck: it runs once and ends
    restart: never
"""

APP = """
import os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
if sys.argv[1:] == ["migrate"]:
    print("migrated to", os.environ["GREETING"], flush=True)
    sys.exit()
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        sick = self.path == "/health" and os.environ["GREETING"] == "sick"
        body = os.environ["GREETING"].encode()
        self.send_response(500 if sick else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("", 8000), Answer)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("the greeting is", os.environ["GREETING"], flush=True)
server.serve_forever()
server.server_close()
"""

MANIFEST = """
stackgen: 1
name: shop
host: { address: 192.0.2.10, directory: /opt/shop/deploy }
proxy: { body_size: BODY }
services:
  web:
    kind: app
    url: http://web.shop.test
    env: { GREETING: WEB }
    mounts: [{ source: ../app, target: /app }]
  notes:
    kind: app
    url: http://notes.shop.test
    container_name: notes
    options: { keeps: true }
    env: { GREETING: NOTES }
    mounts: [{ source: ../app, target: /app }]
  cache: { kind: redis }
"""


# --- Results and programs ------------------------------------------------------------------------------------------


def ok(what, good, found=""):
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': found {found!s}'}", flush=True)
    if not good:
        failed.append(what)
    return good


def run(*command, seconds=120, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(command, text=True, capture_output=True, timeout=seconds, **options)


def deploy(*words, **options):
    """deploy.sh as an operator calls it; what it says, both streams, stands in `said`."""
    done = run("bash", str(DEPLOY / "deploy.sh"), *words, cwd="/", **options)
    done.said = done.stdout + done.stderr
    return done


def gives(what, done, status):
    return ok(what, done.returncode == status, f"status {done.returncode} and\n{done.said}")


def says(what, text, done):
    return ok(what, text in done.said, f"no {text!r} in\n{done.said}")


def build(web="one", notes="first", body="16MiB", mend=lambda text: text):
    """What `stackgen build` writes for the stack, in the deploy directory."""
    text = MANIFEST.replace("WEB", web).replace("NOTES", notes).replace("BODY", body)
    (STACK / "stack.yaml").write_text(mend(text))
    done = run(sys.argv[1], "build", str(STACK), "-o", str(DEPLOY), "--force")
    if done.returncode:
        sys.exit(f"FAIL stackgen build: {done.stdout}{done.stderr}")


def ids():
    """Every container of the project: service and number to id."""
    rows = run("docker", "ps", "--all", "--no-trunc", "--filter", "label=com.docker.compose.project=shop", "--format",
               '{{.Label "com.docker.compose.service"}} {{.ID}}').stdout.split("\n")
    return {service: id_ for service, id_ in (row.split() for row in rows if row)}


def others(before, after):
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def ask(name, seconds=10):
    """Status and body of http://NAME.shop.test/."""
    with contextlib.closing(http.client.HTTPConnection(ADDRESS, 80, timeout=seconds)) as connection:
        connection.request("GET", "/", headers={"Host": f"{name}.shop.test"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


class Client:
    """Asks again and again, each time over a new connection."""

    def __init__(self, name):
        self.name, self.answers, self.failures, self.slowest = name, {}, [], 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self):
        while not self._end.is_set():
            began = time.monotonic()
            try:
                status, body = ask(self.name)
                if status == 200:
                    self.answers[body] = self.answers.get(body, 0) + 1
                else:
                    self.failures.append(status)
            except OSError as fault:
                self.failures.append(repr(fault))
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.02)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(20)


def tree():
    """Everything in the deploy directory: names, times and sizes."""
    return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in DEPLOY.rglob("*"))


def engine():
    """What the engine has, by name."""
    lists = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"), ("image", "ls", "-q"))
    return [sorted(run("docker", *words).stdout.split()) for words in lists]


# --- The parts -----------------------------------------------------------------------------------------------------


def preflight():
    """Nothing is there yet, and everything that can be wrong is."""
    build()
    before = engine()
    done = deploy("--yes")
    gives("without .env nothing is done", done, 1)
    says("and it says what to do", "cp .env.example .env", done)

    (DEPLOY / ".env").write_text("CACHE_PASSWORD=changeme\n")
    (DEPLOY / ".env").chmod(0o644)
    done = deploy("--yes")
    gives("a placeholder is no secret", done, 1)
    says("which is told by its name", "empty or a placeholder: CACHE_PASSWORD", done)
    says("a .env for everybody is told", "chmod 600", done)

    (DEPLOY / ".env").write_text("CACHE_PASSWORD='a secret # of $HOME'\n")
    (DEPLOY / ".env").chmod(0o600)
    with socket.create_server((ADDRESS, 80)):
        done = deploy("--yes")
    gives("a port that somebody else has stops it", done, 1)
    says("and it says who", f'"python3",pid={os.getpid()}', done)

    text = (DEPLOY / "nginx/nginx.conf").read_text()
    (DEPLOY / "nginx/nginx.conf").write_text(text + "}\n")
    done = deploy("--yes")
    gives("a file that is not as it was written stops it", done, 1)
    says("which is told", "nginx/nginx.conf: FAILED", done)
    done = deploy("--yes", "--skip", "files")
    gives("nginx -t stops it too", done, 1)
    says("with what nginx says", 'unexpected "}"', done)
    (DEPLOY / "nginx/nginx.conf").write_text(text)

    (STACK / "app").rename(STACK / "gone")
    done = deploy("--yes")
    says("a directory that is to be mounted and is missing is told", "../app is missing", done)
    (STACK / "gone").rename(STACK / "app")

    hosts = pathlib.Path("/etc/hosts")
    kept = hosts.read_text()
    hosts.write_text(kept.replace(f"{ADDRESS} web", "192.0.2.99 web"))
    done = deploy("--yes")
    gives("a name that leads elsewhere stops it", done, 1)
    says("which is told", f"web.shop.test leads to 192.0.2.99, not to {ADDRESS}", done)
    hosts.write_text(kept)

    done = deploy()
    gives("nobody to ask and no --yes: nothing", done, 1)
    ok("none of this made anything on the engine", engine() == before, engine())
    ok("no output holds the secret", "a secret" not in done.said, done.said)


def first():
    """From nothing to running; a plan before it changes nothing."""
    before, files = engine(), tree()
    done = deploy("plan")
    gives("plan", done, 0)
    says("nginx read its configuration in a container of its own", "nginx: nginx -t", done)
    says("it says why something is stop-first", "create    web", done)
    ok("a plan changes nothing", (engine(), tree()) == (before, files), done.said)

    began = time.monotonic()
    done = deploy("--yes")
    gives(f"the first deploy, {time.monotonic() - began:.0f} s", done, 0)
    ok("web answers", ask("web") == (200, "one"), ask("web"))
    ok("notes answers", ask("notes") == (200, "first"), ask("notes"))
    log = run("docker", "compose", "logs", "web-migrate", cwd=DEPLOY).stdout
    ok("its job ran", "migrated to one" in log, log)
    secret = run("docker", "compose", "exec", "-T", "cache", "cat", "/run/secrets/CACHE_PASSWORD", cwd=DEPLOY).stdout
    ok("the secret reached the container as it stands in .env", secret == "a secret # of $HOME", secret)
    kept = run("grep", "-r", "a secret # of", str(DEPLOY / ".deploy")).stdout
    ok("and stands in none of the files that are kept", not kept, kept)
    done = deploy("status")
    says("status: how it is", "(healthy)", done)


def again():
    before = ids()
    started = run("docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *sorted(before.values())).stdout
    done = deploy("--yes")
    gives("the same once more", done, 0)
    says("is nothing to do", "nothing to do", done)
    now = run("docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *sorted(before.values())).stdout
    ok("every container is the same, and none was started again, jobs neither", ids() == before and now == started,
       f"{ids()}\n{started}\n{now}")


def one_service():
    """A change of one service, under load: start-first."""
    before = ids()
    build(web="two")
    with Client("web") as client, Client("notes") as other:
        done = deploy("--yes")
    gives("another environment of web", done, 0)
    says("is start-first", "recreate  web: its part of docker-compose.yml; start-first", done)
    changed = others(before, ids())
    ok("web and its job are new, everything else is not", changed == ["web", "web-migrate"], changed)
    ok("web says the new thing", ask("web") == (200, "two"), ask("web"))
    print(f"     web: {sum(client.answers.values())} answers {client.answers}, slowest {client.slowest:.1f} s; "
          f"notes: {sum(other.answers.values())} answers")
    ok(f"no request to web failed, of {sum(client.answers.values())}", not client.failures, client.failures[:5])
    ok("both versions answered in turn", set(client.answers) == {"one", "two"}, client.answers)
    ok("no request to notes failed", not other.failures, other.failures[:5])


def stop_first():
    before = ids()
    build(web="two", notes="second")
    with Client("web") as client, Client("notes") as other:
        done = deploy("--yes")
    gives("another environment of notes", done, 0)
    says("is stop-first, and says why", "stop-first: it writes to a volume or a directory that only one may have", done)
    ok("only notes and its job are new", others(before, ids()) == ["notes", "notes-migrate"], others(before, ids()))
    ok("no request to web failed meanwhile", not client.failures, client.failures[:5])
    print(f"     notes: {sum(other.answers.values())} answers, {len(other.failures)} failed while it was away")


def proxy():
    """A change of nginx.conf alone."""
    before = ids()

    def workers():
        return set(run("bash", "-c", f"docker top {before['nginx']} -eo pid,args | grep 'worker process$'").stdout.split("\n")) - {""}

    old = workers()
    build(web="two", notes="second", body="32MiB")
    with Client("web") as client:
        done = deploy("--yes")
    gives("another limit in nginx.conf", done, 0)
    says("is a reload", "reload    nginx: files in nginx; no connection is dropped", done)
    ok("all containers are the same", ids() == before, others(before, ids()))
    ok("nginx has new workers", bool(old) and not (workers() & old), f"{old} {workers()}")
    ok(f"no request failed, of {sum(client.answers.values())}", not client.failures, client.failures[:5])


def secret():
    before = ids()
    (DEPLOY / ".env").write_text("CACHE_PASSWORD=another\n")
    done = deploy("--yes")
    gives("another value of a secret", done, 0)
    ok("makes the service anew that is given it", others(before, ids()) == ["cache"], others(before, ids()))
    found = run("docker", "compose", "exec", "-T", "cache", "cat", "/run/secrets/CACHE_PASSWORD", cwd=DEPLOY).stdout
    ok("which has it", found == "another", found)


def failing():
    """A version that never gets well."""
    before = ids()
    build(web="sick", notes="second", body="32MiB")
    with Client("web") as client:
        done = deploy("--yes")
    gives("a version of web that is sick goes back", done, 3)
    ok("web's container is the one of before", ids()["web"] == before["web"], ids())
    ok(f"no request failed, of {sum(client.answers.values())}", set(client.answers) == {"two"} and not client.failures,
       f"{client.answers} {client.failures[:5]}")
    says("with its last lines", "the greeting is sick", done)
    says("what cannot be taken back is told", "ran and cannot be taken back: web-migrate", done)

    build(web="two", notes="sick", body="32MiB")
    done = deploy("--yes")
    gives("a version of notes that is sick goes back", done, 3)
    ok("notes answers as before", ask("notes") == (200, "second"), ask("notes"))
    text = (DEPLOY / "docker-compose.yml").read_text()
    ok("and the files are those of before", "GREETING: second" in text and "sick" not in text, text)
    done = deploy("plan")
    says("so that nothing is to be done", "nothing to do", done)

    build(web="two", notes="second", body="32MiB", mend=lambda text: text.replace(
        "    url: http://web", "    version: 3.99-slim\n    url: http://web"))
    before = ids()
    done = deploy("--yes")
    gives("an image that cannot be had stops it before anything", done, 1)
    says("which is told", "python:3.99-slim is not here and cannot be pulled", done)
    ok("all containers are the same", ids() == before, others(before, ids()))


def by_hand():
    """Back by hand; one at a time; restart, logs, troubleshoot."""
    build(web="three", notes="second", body="32MiB")
    gives("a third version of web", deploy("--yes"), 0)
    ok("answers", ask("web") == (200, "three"), ask("web"))
    done = deploy("rollback", "--yes")
    gives("rollback", done, 0)
    ok("the version of before answers", ask("web") == (200, "two"), ask("web"))
    gives("a second rollback has nothing to go to", deploy("rollback", "--yes"), 1)

    with subprocess.Popen(["flock", str(DEPLOY / ".deploy/lock"), "sleep", "30"]) as holder:
        time.sleep(0.5)
        done = deploy("--yes")
        holder.kill()
    run("pkill", "-P", str(holder.pid))
    gives("two at once: the second is refused", done, 1)
    says("and says so", "another deploy is at work", done)

    before = ids()
    gives("restart", deploy("restart", "notes"), 0)
    gives("restart of the proxy", deploy("restart", "nginx"), 0)
    ok("makes no container anew", ids() == before, others(before, ids()))
    says("logs", "the greeting is second", deploy("logs", "notes"))
    done = deploy("troubleshoot", "notes")
    gives("troubleshoot", done, 0)
    says("says how it is", "healthy, failures in a row: 0", done)
    says("and what may be asked", "docker compose exec notes ls -la /data", done)
    gives("an unknown service is wrong use", deploy("restart", "nothing"), 2)

    run("docker", "run", "-d", "--name", "left", "--label", "com.docker.compose.project=shop", "--label",
        "com.docker.compose.service=old", "--label", "com.docker.compose.oneoff=False", "python:3.11-slim", "sleep", "60")
    done = deploy("--yes")
    says("what no file names any more is told", "left (service old) is no longer in docker-compose.yml", done)
    ok("and left alone", "left" in run("docker", "ps", "--format", "{{.Names}}").stdout)
    run("docker", "rm", "--force", "left")


def push():
    """From another machine; ssh is played by a shell that runs here what it is told."""
    with tempfile.TemporaryDirectory(dir="/opt") as folder:
        machine = pathlib.Path(folder)
        (machine / "ssh").write_text('#!/bin/bash\nshift\nexec bash -c "$*"\n')
        (machine / "ssh").chmod(0o755)
        build(web="four", notes="second", body="32MiB")
        shutil.copytree(DEPLOY, machine / "output", ignore=shutil.ignore_patterns(".deploy", ".env"))
        build(web="two", notes="second", body="32MiB")
        environment = {**os.environ, "PATH": f"{machine}:{os.environ['PATH']}"}
        inode = (DEPLOY / "nginx").stat().st_ino
        done = run("bash", str(machine / "output/deploy.sh"), "push", "root@192.0.2.10", env=environment)
        done.said = done.stdout + done.stderr
        gives("push", done, 0)
        ok("the files are there", "GREETING: four" in (DEPLOY / "docker-compose.yml").read_text())
        ok("in the folders that containers see", (DEPLOY / "nginx").stat().st_ino == inode)
        ok(".env is left alone", (DEPLOY / ".env").read_text() == "CACHE_PASSWORD=another\n")
        gives("and can be deployed", deploy("--yes"), 0)
        ok("web says the new thing", ask("web") == (200, "four"), ask("web"))
        (machine / "output/docker-compose.yml").write_text("services: {}\n")
        done = run("bash", str(machine / "output/deploy.sh"), "push", "root@192.0.2.10", env=environment)
        ok("what is not complete is not sent", done.returncode == 1, done.stderr)


# --- In the box ----------------------------------------------------------------------------------------------------


def prepare():
    done = run("bash", str(REPOSITORY / "tests/engine/images"), "nginx", "redis", "python", seconds=200)
    if done.returncode:
        sys.exit(f"FAIL the images cannot be made: {done.stderr}")
    run("docker", "tag", "redis:7-alpine", "redis:7.4.7-alpine")
    run("mount", "-t", "tmpfs", "tmpfs", "/opt")
    run("ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo")
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write(f"{ADDRESS} web.shop.test\n{ADDRESS} notes.shop.test\n")
    for folder in ("kinds", "app"):
        (STACK / folder).mkdir(parents=True)
    (STACK / "kinds/app.yaml").write_text(KIND)
    (STACK / "app/app.py").write_text(APP)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.argv[1] = str(pathlib.Path(sys.argv[1]).resolve())
    if os.environ.get("STACKGEN_IN_BOX") != "yes":
        tools = pathlib.Path(os.environ.setdefault("STACKGEN_TOOLS", str(REPOSITORY / "target/tools")))
        for part, path in (("engine", "root/engine/usr/sbin/dockerd"), ("images", "root/image-nginx"), ("images", "root/image-redis")):
            if not (tools / path).exists():
                sys.exit(f"FAIL {tools / path} is missing: bash .ci/tools {part}")
        if os.geteuid() != 0:
            sys.exit("FAIL it takes root to run an engine")
        # Not used here, but the script that makes images asks for it.
        os.environ.setdefault("STACKGEN_ENGINE_CA", str(REPOSITORY / "target/engine/ca.crt"))
        box = str(REPOSITORY / "tests/engine/box")
        os.execvp("bash", ["bash", box, "python3", str(HERE), *sys.argv[1:]])
    prepare()
    parts = (preflight, first, again, one_service, stop_first, proxy, secret, failing, by_hand, push)
    chosen = sys.argv[2:]
    began = time.monotonic()
    for part in parts:
        if not chosen or part.__name__ in chosen:
            part()
            print(f"     {time.monotonic() - began:5.1f} s  {part.__name__}", flush=True)
    print(f"deploy: {len(failed)} failed" if failed else "deploy: all is well")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
