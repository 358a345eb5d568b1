#!/usr/bin/env python3
"""What `stackgen diff` says that `docker compose up -d` will do, against what it does on a real engine.

    bash tests/engine/box python3 tests/engine/oracle.py STACKGEN [--quick N] [--seed S] [--only TEXT] [--verbose]

Small stacks are built by stackgen and brought up. Then something changes: the manifest, the deployed Compose file with
or without being brought up, or the containers themselves. `stackgen diff` is asked what becomes of each service, the
files are built anew and brought up, and what happened is read from the engine: ids of containers, their start times,
the volumes they mount. Each change of a manifest is taken back as a case of its own.

Prints a confusion matrix. Fails when fewer than 99 of 100 services were foretold, or when one loss of data was not.
"""

import argparse
import copy
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

# --- Programs -------------------------------------------------------------------------------------------------------


def run(*command, cwd=None, check=True, seconds=180):
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def docker(*arguments, **options):
    return run("docker", *arguments, **options).stdout


def images():
    """Two images that differ, made of one static program."""
    found = pathlib.Path(os.environ["STACKGEN_TOOLS"], "root/image-nginx")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "bin").mkdir()
        (root / "lib").mkdir()
        (root / "tmp").mkdir(mode=0o777)
        shutil.copy(found / "usr/bin/busybox", root / "bin/busybox")
        for library in [*found.glob("lib/ld-musl-*"), *found.glob("usr/lib/ld-musl-*")]:
            shutil.copy(library, root / "lib" / library.name)
        for name in ["sh", "sleep", "true", "false", "wget", "httpd"]:
            (root / "bin" / name).symlink_to("busybox")
        for tag in ["1", "2"]:
            (root / "tag").write_text(tag)
            tar = subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE)
            subprocess.run(["docker", "import", "--change", 'CMD ["sleep", "100000"]', "-", f"stub:{tag}"],
                           stdin=tar.stdout, check=True, capture_output=True)
            tar.wait()


# --- Stacks ---------------------------------------------------------------------------------------------------------


def app(**more):
    return {"image": "stub:1", "command": ["sleep", "100000"], "memory": "64MiB", "stop_grace": "1s", **more}


def volume(mount="/data", **more):
    return {"mount": mount, "class": "critical", "backup": "daily", **more}


def stack(name, services, **more):
    host = {"provider": "other", "cpus": 2, "memory": "4GiB", "compose": "2.40"}
    return {"stackgen": 1, "name": name, "project": name, "host": host, "services": services, **more}


def stacks():
    plain = {"env": {"A": "1"}}
    yield stack("single", {"app": app(**plain, volumes={"data": volume()})})
    yield stack("pair", {
        "db": app(volumes={"data": volume("/var/lib/db")}),
        "web": app(**plain, depends_on=["db"], volumes={"files": volume("/files")}),
    })
    yield stack("chain", {"a": app(), "b": app(depends_on=["a"]), "c": app(**plain, depends_on=["b"])})
    yield stack("replicas", {"worker": app(**plain, compose={"deploy": {"replicas": 2}}), "other": app()})
    yield stack("ports", {
        "one": app(publish=[{"host_port": 18001, "port": 8001}]),
        "two": app(**plain, publish=[{"host_port": 18002, "port": 8002}]),
    })
    yield stack("secrets", {
        "app": app(env={"A": "1", "TOKEN": {"secret": "TOKEN"}}, volumes={"data": volume()}),
        "plain": app(),
    }, secrets={"TOKEN": {"description": "of a service"}})
    check = {"command": ["true"], "interval": "1s", "start_period": "1s"}
    yield stack("healthy", {
        "db": app(healthcheck=check, volumes={"data": volume()}),
        "web": app(**plain, healthcheck=check, depends_on=["db"]),
    })
    yield stack("shared", {
        "host": app(**plain),
        "guest": app(compose={"pid": "service:host"}),
        "second": app(compose={"volumes_from": ["host"]}),
        "alone": app(),
    })
    yield stack("limits", {
        "app": app(**plain, cpus=0.5, compose={"labels": {"x": "1"}, "ulimits": {"nofile": 1000}}),
        "more": app(hardening={"read_only": True, "tmpfs": ["/tmp"]}),
    })
    yield stack("mounts", {
        "app": app(**plain, mounts=[{"source": "./conf", "target": "/conf"}], volumes={"data": volume(), "tmp": volume("/cache", **{"class": "cache", "backup": "never"})}),
        "side": app(mounts=[{"source": "./conf", "target": "/conf"}]),
    })
    yield stack("named", {
        "app": app(**plain, container_name="named-app", volumes={"data": volume(exact_name="named-data")}),
        "peer": app(container_name="named-peer"),
    })
    yield stack("wide", {f"s{n}": app(**plain, depends_on=[f"s{n - 1}"] if n else []) for n in range(6)})


# --- Changes of a manifest --------------------------------------------------------------------------------------------


def set_at(path, value):
    def change(manifest, service):
        at = manifest["services"][service]
        for key in path[:-1]:
            at = at.setdefault(key, {})
        if value is None:
            at.pop(path[-1])
        else:
            at[path[-1]] = value
    return change


def drop_service(manifest, service):
    others = manifest["services"].values()
    if len(manifest["services"]) < 2 or any(service in o.get("depends_on", []) for o in others):
        return False
    if any(service in str(o.get("compose", {})) for o in others):
        return False
    del manifest["services"][service]


def bury_service(manifest, service):
    if drop_service(manifest, service) is False:
        return False
    manifest["services"][service] = {"status": "removed", "removed": "2026-01-01", "reason": "no longer needed"}


def each_volume(change):
    def changed(manifest, service):
        volumes = manifest["services"][service].get("volumes", {})
        name = next((n for n, v in volumes.items() if v["class"] != "cache"), None)
        return False if name is None else change(volumes, name)
    return changed


def whole(change):
    """A change of the stack and not of one service: tried once."""
    change.whole = True
    return change


@whole
def rename_project(manifest, _):
    manifest["project"] += "x"


@whole
def add_service(manifest, _):
    manifest["services"]["new"] = app(volumes={"data": volume()})


@whole
def timezone(manifest, _):
    manifest["timezone"] = "Europe/Paris"


@whole
def note(manifest, _):
    manifest["notes"] = ["nothing of it gets into a file"]


def remove_dependency(manifest, service):
    return False if not manifest["services"][service].pop("depends_on", None) else None


def add_dependency(manifest, service):
    first = next(iter(manifest["services"]))
    known = manifest["services"][service].get("depends_on", [])
    if first == service or known:
        return False
    manifest["services"][service]["depends_on"] = [first]


def replicas(manifest, service):
    if "container_name" in manifest["services"][service] or "publish" in manifest["services"][service]:
        return False
    set_at(["compose", "deploy", "replicas"], 3)(manifest, service)


def publish(manifest, service):
    if "deploy" in manifest["services"][service].get("compose", {}):
        return False
    manifest["services"][service]["publish"] = [{"host_port": 18100, "port": 9000}]


def container_name(manifest, service):
    if "deploy" in manifest["services"][service].get("compose", {}):
        return False
    manifest["services"][service]["container_name"] = f"other-{service}"


CHANGES = {
    "image": set_at(["image"], "stub:2"),
    "env added": set_at(["env", "NEW"], "x"),
    "env changed": set_at(["env", "A"], "2"),
    "env quoted": set_at(["env", "A"], 1),
    "label": set_at(["compose", "labels"], {"team": "x"}),
    "memory": set_at(["memory"], "96MiB"),
    "cpus": set_at(["cpus"], 0.25),
    "restart": set_at(["restart"], "always"),
    "command": set_at(["command"], ["sleep", "200000"]),
    "healthcheck": set_at(["healthcheck"], {"command": ["true"], "interval": "5s"}),
    "publish": publish,
    "container name": container_name,
    "dependency removed": remove_dependency,
    "dependency added": add_dependency,
    "volume renamed": each_volume(lambda volumes, n: volumes[n].update({"exact_name": f"renamed-{n}"})),
    "volume moved": each_volume(lambda volumes, n: volumes[n].update({"mount": "/elsewhere"})),
    "volume of another class": each_volume(lambda volumes, n: volumes[n].update({"class": "important"})),
    "volume described": each_volume(lambda volumes, n: volumes[n].update({"description": "what is in it"})),
    "volume removed": each_volume(lambda volumes, n: volumes.pop(n) and None),
    "volume added": lambda m, s: m["services"][s].setdefault("volumes", {}).update({"extra": volume("/extra")}),
    "bind added": lambda m, s: m["services"][s].setdefault("mounts", []).append({"source": "./conf", "target": "/more"}),
    "bind writable": lambda m, s: [x.update(writable=True) for x in m["services"][s]["mounts"]] and None if "mounts" in m["services"][s] else False,
    "user": set_at(["user"], "1000:1000"),
    "working directory": set_at(["working_dir"], "/tmp"),
    "stop grace": set_at(["stop_grace"], "2s"),
    "read only": set_at(["hardening"], {"read_only": True}),
    "title": set_at(["title"], "another title"),
    "pull policy": set_at(["compose", "pull_policy"], "missing"),
    "logging": set_at(["compose", "logging"], {"driver": "json-file", "options": {"max-size": "1m"}}),
    "hostname": set_at(["compose", "hostname"], "box"),
    "replicas": replicas,
    "service removed": drop_service,
    "service buried": bury_service,
    "service added": add_service,
    "project renamed": rename_project,
    "time zone": timezone,
    "note": note,
}

# --- Changes of a server ------------------------------------------------------------------------------------------------


def edit(pattern, text):
    """An edit of the deployed Compose file."""
    def change(folder, _):
        file = folder / "docker-compose.yml"
        old = file.read_text()
        new = re.sub(pattern, text, old, count=1, flags=re.MULTILINE)
        if new == old:
            return False
        file.write_text(new)
    return change


EDITS = {
    "network internal": edit(r"^(networks:\n  \S+:\n    name: \S+\n)", r"\1    internal: true\n"),
    "network labels": edit(r"^(networks:\n  \S+:\n    name: \S+\n)", r"\1    labels: { a: b }\n"),
    "network options": edit(r"^(networks:\n  \S+:\n    name: \S+\n)", r"\1    driver_opts: { com.docker.network.driver.mtu: '1400' }\n"),
    "network name": edit(r"^(networks:\n  \S+:\n    name: \S+)\n", r"\1-old\n"),
    "volume labels": edit(r"^(volumes:\n(?:  # .*\n)?  \S+:\n    name: \S+\n)", r"\1    labels: { a: b }\n"),
    "volume name": edit(r"^(volumes:\n(?:  # .*\n)?  \S+:\n    name: \S+)\n", r"\1-old\n"),
    "image": edit(r"image: stub:1", "image: stub:2"),
    "variable": edit(r'^      A: "1"', '      A: "9"'),
    "hostname": edit(r"^    image: stub:1\n", "    image: stub:1\n    hostname: by-hand\n"),
    "label": edit(r"^    image: stub:1\n(?!(?:    .*\n)*    labels:)", "    image: stub:1\n    labels: { by: hand }\n"),
    "capability": edit(r"^    image: stub:1\n", "    image: stub:1\n    cap_add: [NET_ADMIN]\n"),
    "comment": edit(r"^services:\n", "services:\n  # by hand\n"),
}


def first_container(folder, project, *more):
    ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project}", *more).split()
    return ids[0] if ids else None


def on_container(*command):
    def change(folder, project):
        container = first_container(folder, project)
        done = run("docker", *[container if c == "@" else c for c in command], check=False)
        return False if done.returncode else None
    return change


def disconnect(folder, project):
    container = first_container(folder, project)
    networks = json.loads(docker("inspect", container))[0]["NetworkSettings"]["Networks"]
    named = [n for n in networks if n not in ("host", "none", "bridge")]
    if not named:
        return False
    docker("network", "disconnect", named[0], container)


def connect(folder, project):
    container = first_container(folder, project)
    name = f"{project}-byhand"
    docker("network", "create", name)
    return False if run("docker", "network", "connect", name, container, check=False).returncode else None


def move_tag(folder, project):
    docker("tag", "stub:2", "stub:1")


def delete_volume(folder, project):
    ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project}").split()
    names = docker("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={project}").split()
    if not names:
        return False
    docker("rm", "-f", *ids)
    docker("volume", "rm", names[0])


ACTS = {
    "stopped": on_container("stop", "-t", "0", "@"),
    "killed": on_container("kill", "@"),
    "removed": on_container("rm", "-f", "@"),
    "paused": on_container("pause", "@"),
    "updated": on_container("update", "--memory", "128m", "--memory-swap", "256m", "@"),
    "restart policy": on_container("update", "--restart", "no", "@"),
    "renamed": on_container("rename", "@", "by-hand"),
    "disconnected": disconnect,
    "connected": connect,
    "tag moved": move_tag,
    "volume deleted": delete_volume,
}

# --- What happens ---------------------------------------------------------------------------------------------------------


def state(project):
    """Containers of a project, by service, with what they mount."""
    ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.project={project}").split()
    services = {}
    for container in json.loads(docker("inspect", *ids)) if ids else []:
        name = container["Config"]["Labels"]["com.docker.compose.service"]
        mounts = {m["Destination"]: m["Name"] for m in container["Mounts"] if m["Type"] == "volume"}
        services.setdefault(name, {})[container["Id"]] = {
            "running": container["State"]["Running"] and not container["State"]["Paused"],
            "started": container["State"]["StartedAt"],
            "mounts": mounts,
        }
    return services


def volumes():
    names = docker("volume", "ls", "-q").split()
    return {v["Name"]: v["CreatedAt"] for v in json.loads(docker("volume", "inspect", *names))} if names else {}


def became(before, after, wanted):
    """What became of each service, in the words of the prediction."""
    out = {}
    for service in before.keys() | after.keys():
        old, new = before.get(service, {}), after.get(service, {})
        if service not in wanted:
            out[service] = "orphaned" if new else "removed"
        elif not old:
            out[service] = "created"
        elif not old.keys() & new.keys():
            out[service] = "recreated"
        elif old.keys() != new.keys():
            out[service] = "scaled" if old.keys() < new.keys() or new.keys() < old.keys() else "recreated"
        elif any(old[i]["started"] != new[i]["started"] or old[i]["running"] != new[i]["running"] for i in old):
            stopped = any(not old[i]["running"] for i in old)
            out[service] = "started" if stopped else "restarted"
        else:
            out[service] = "untouched"
    return out


def lost(before, after, had, has, manifest):
    """Services that no longer see the data they had."""
    caches = {
        v.get("mount")
        for s in manifest["services"].values()
        for v in s.get("volumes", {}).values()
        if v.get("class") == "cache"
    }
    out = set()
    for service, containers in before.items():
        now = [c["mounts"] for c in after.get(service, {}).values()]
        for container in containers.values():
            for target, name in container["mounts"].items():
                if len(name) == 64 or target in caches or service not in manifest["services"]:
                    continue
                same = any(m.get(target) == name for m in now) and has.get(name) == had.get(name)
                if manifest["services"][service].get("status") != "removed" and not same:
                    out.add(service)
    return out


class Oracle:
    def __init__(self, stackgen, verbose):
        self.stackgen, self.verbose = stackgen, verbose
        self.matrix, self.wrong, self.cases = Counter(), [], 0
        self.loss = Counter()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="oracle-"))

    def write(self, manifest):
        folder = self.folder / manifest["name"]
        folder.mkdir(exist_ok=True)
        (folder / "stack.yaml").write_text(json.dumps(manifest))
        return folder

    def build(self, manifest):
        folder = self.write(manifest)
        done = run(self.stackgen, "-q", "build", str(folder), "--force", check=False)
        if done.returncode:
            return None
        deploy = folder / "deploy"
        (deploy / "conf").mkdir(exist_ok=True)
        if (deploy / ".env.example").exists():
            (deploy / ".env").write_text("TOKEN='s3cret of a test'\n")
        return deploy

    def up(self, deploy):
        for wait in (0, 2, 5):
            time.sleep(wait)
            done = run("docker", "compose", "--progress", "quiet", "up", "-d", "-y", "--remove-orphans=false",
                       cwd=deploy, check=False)
            if not done.returncode:
                return True
        print("      " + done.stderr.strip().replace("\n", "\n      "), flush=True)
        return False

    def down(self, *projects):
        ids = docker("ps", "-aq").split()
        if ids:
            docker("rm", "-f", "-v", *ids)
        docker("network", "prune", "-f")
        names = docker("volume", "ls", "-q").split()
        if names:
            docker("volume", "rm", "-f", *names)

    def case(self, name, manifest, deploy, gone=False):
        """Foretells what building and bringing up a manifest does, does it, and compares. `gone`: data is lost already,
        and the service is about to start without it."""
        folder = self.write(manifest)
        asked = run(self.stackgen, "diff", str(folder), "--against", "docker://", "--against", str(deploy),
                    "--format", "json", check=False)
        if asked.returncode not in (0, 1):
            # A manifest with a fault is no case.
            if "cannot be built" in asked.stderr:
                return None
            raise RuntimeError(f"{name}: {asked.returncode} {asked.stdout} {asked.stderr}")
        said = json.loads(asked.stdout)
        services = manifest["services"]
        wanted = {n for n, s in services.items() if s.get("status", "active") == "active"}
        project = manifest["project"]
        before, had = state(project), volumes()
        if self.build(manifest) is None:
            return None
        if not self.up(deploy):
            print(f"skip {name}: Compose refuses it", flush=True)
            return False
        # Containers that end at once have ended by then.
        time.sleep(0.3)
        after, has = state(project), volumes()
        self.cases += 1
        for service, did in became(before, after, wanted).items():
            told = said["services"].get(service, "untouched")
            self.matrix[told, did] += 1
            if told != did:
                self.wrong.append(f"{name}: {service}: said {told}, was {did}")
                print(f"WRONG {self.wrong[-1]}", flush=True)
        told = any(c["consequence"] == "data-loss" for c in said["changes"])
        really = lost(before, after, had, has, manifest)
        if gone:
            really = {"what is gone"}
        if project != manifest["name"]:
            really = {"project"} if had else set()
        # Of a service that goes, its data is said to be in danger until the manifest says that it is meant. Nothing is
        # lost yet: its container runs on.
        guarded = {s for s in before if s not in wanted}
        if not guarded:
            self.loss[told, bool(really)] += 1
        if told != bool(really) and not guarded:
            print(f"LOSS  {name}: said {told}, was {sorted(really)}", flush=True)
        if self.verbose:
            print(f"ok    {name}", flush=True)
        return True


def cases(chosen):
    """Every case: its name, and what to do."""
    for base in chosen:
        services = list(base["services"])
        for name, change in CHANGES.items():
            for service in services[:1] if getattr(change, "whole", False) else services:
                yield f"{base['name']}: {name} ({service})", base, ("manifest", change, service)
        for name, change in EDITS.items():
            yield f"{base['name']}: {name} by hand, brought up", base, ("edit", change, True)
            yield f"{base['name']}: {name} by hand", base, ("edit", change, False)
        for name, act in ACTS.items():
            yield f"{base['name']}: {name}", base, ("act", act, None)


def ended(*_):
    """Whoever ends it early is told how far it came."""
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, ended)
    parser = argparse.ArgumentParser()
    parser.add_argument("stackgen")
    parser.add_argument("--quick", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    images()
    oracle = Oracle(os.path.abspath(options.stackgen), options.verbose)
    todo = [c for c in cases(list(stacks())) if options.only in c[0]]
    if options.quick:
        todo = random.Random(options.seed).sample(todo, min(options.quick, len(todo)))
        todo.sort(key=lambda c: c[1]["name"])
    began = time.monotonic()
    try:
        try_all(oracle, todo)
    except KeyboardInterrupt:
        print("ended early", flush=True)
    report(oracle, time.monotonic() - began)


def try_all(oracle, todo):
    standing = None
    for name, base, (kind, change, more) in todo:
        # Whatever the last case left is gone, unless it left the stack as it should be.
        if standing != base["name"]:
            oracle.down()
            shutil.rmtree(oracle.folder / base["name"], ignore_errors=True)
            deploy = oracle.build(base)
            if deploy is None or not oracle.up(deploy):
                print(f"skip {name}: {base['name']} does not start", flush=True)
                continue
            standing = base["name"]
        if kind == "manifest":
            changed = copy.deepcopy(base)
            if change(changed, more) is False:
                continue
            done = oracle.case(name, changed, deploy)
            if done is None:
                continue
            if done is False or name.split(": ")[1].startswith(("project", "service")):
                standing = None
                continue
            if oracle.case(f"{name}, taken back", base, deploy) is not True:
                standing = None
            continue
        if change(deploy, base["project"]) is False:
            oracle.build(base)
            continue
        if kind == "edit" and more:
            if not oracle.up(deploy):
                standing = None
                continue
            # The engine tells the ages of volumes in whole seconds.
            time.sleep(1.1)
        oracle.case(name, base, deploy, gone=change is delete_volume)
        # What a hand made may stay behind.
        if kind == "act" or more:
            standing = None
            docker("tag", "stub:1", "stub:old")
            images() if name.endswith("tag moved") else None


def report(oracle, seconds):
    told = sorted({t for t, _ in oracle.matrix})
    did = sorted({d for _, d in oracle.matrix})
    total = sum(oracle.matrix.values())
    right = sum(n for (t, d), n in oracle.matrix.items() if t == d)
    print(f"\n{oracle.cases} cases, {total} services, {seconds:.0f} s\n")
    print("said \\ was".ljust(12) + "".join(d.rjust(11) for d in did))
    for t in told:
        print(t.ljust(12) + "".join(str(oracle.matrix[t, d] or "-").rjust(11) for d in did))
    share = right / total if total else 0
    print(f"\nforetold: {right} of {total}, {share:.2%}")
    print(f"loss of data: said and was {oracle.loss[True, True]}, said and was not {oracle.loss[True, False]}, "
          f"missed {oracle.loss[False, True]}")
    if oracle.loss[False, True] or share < 0.99:
        sys.exit(1)


if __name__ == "__main__":
    main()
