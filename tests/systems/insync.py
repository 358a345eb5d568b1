#!/usr/bin/env python3
"""insync.py STACKGEN: after a deploy nothing differs, whatever is asked, for every stack of the repository.

Each stack is built and brought up on the real engine of tests/engine/box, unmodified, by `docker compose up -d`; of
overlays only the files are put there.
`stackgen diff` is then asked with each of its sources: the folder, the engine, both over an sshd on loopback, and a
snapshot of all. Then the server moves, and each source has to see it: a silence would prove nothing.

nginx and certbot are real. The programs of the services are stand-ins that start, are healthy and do nothing: what is
asked is what Compose and the engine make of the files, not what the programs do.
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

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", REPOSITORY / "target/tools"))
PORT = 2222

failed = []


def ok(what, good, details=""):
    print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f"\n{details}"), flush=True)
    if not good:
        failed.append(what)


def run(*command, cwd=None, check=True, seconds=240):
    done = subprocess.run(list(map(str, command)), cwd=cwd, text=True, capture_output=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


# --- Images --------------------------------------------------------------------------------------------------------

# What waits for ever instead of serving; but where it is a health check or a job that calls it, it says yes.
SERVES = ["nginx", "odoo", "n8n", "superset", "gunicorn", "celery", "postgres", "redis-server", "npm", "node", "python3", "python"]
# What says yes, and what is expected of it besides.
AGREES = {"curl": "", "wget": "", "pg_isready": "", "psql": "t", "redis-cli": "PONG"}
STAND_IN = """#!/bin/sh
case " $* " in *" inspect "*) exit 0 ;; esac
case "${1-}:${0##*/}" in
  /bin/sh:*) exec "$@" ;;
  *predeploy*:*) exit 0 ;;
  -:* | -e:* | -c:* | db:superset | init:superset) exit 0 ;;
esac
trap 'exit 0' TERM
sleep 100000 & wait
"""


def stand_in():
    """One image for all: a shell, and every program that a command or a health check of the stacks may name."""
    found = TOOLS / "root/image-nginx"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ["bin", "lib", "usr/local/bin", "etc", "var/lib", "opt", "home", "data"]:
            (root / name).mkdir(parents=True)
        for name in ["tmp", "run"]:
            (root / name).mkdir(mode=0o777)
        shutil.copy(found / "usr/bin/busybox", root / "bin/busybox")
        for library in [*found.glob("lib/ld-musl-*"), *found.glob("usr/lib/ld-musl-*")]:
            shutil.copy(library, root / "lib" / library.name)
        for name in run(TOOLS / "bin/busybox", "--list").stdout.split():
            if name not in ("busybox", "wget"):
                (root / "bin" / name).symlink_to("busybox")
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\nnode:x:1000:\n")
        scripts = {name: STAND_IN for name in SERVES} | {"docker-entrypoint.sh": STAND_IN}
        scripts |= {name: f"#!/bin/sh\necho '{said}'\n" for name, said in AGREES.items()}
        for name, text in scripts.items():
            (root / "usr/local/bin" / name).write_text(text)
            (root / "usr/local/bin" / name).chmod(0o755)
        # Where scripts and Mattermost's image have them.
        (root / "usr/local/bin/busybox").symlink_to("/bin/busybox")
        (root / "usr/bin").mkdir()
        (root / "usr/bin/env").symlink_to("/bin/busybox")
        (root / "mattermost/bin").mkdir(parents=True)
        shutil.copy(root / "usr/local/bin/odoo", root / "mattermost/bin/mattermost")
        tar = subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "--change", 'ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]',
                        "-", "stand-in:1"], stdin=tar.stdout, check=True, capture_output=True)


def images(deploy):
    """Every image that a stack names, under that very name."""
    there = run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    real = {name.split(":")[0]: name for name in there if name.split(":")[0] in ("nginx", "certbot/certbot")}
    for name in run("docker", "compose", "--profile", "*", "config", "--images", cwd=deploy).stdout.split():
        run("docker", "tag", real.get(name.split(":")[0], "stand-in:1"), name)


# --- The server ----------------------------------------------------------------------------------------------------


def sshd():
    """An ssh server on loopback, and what the user's ssh has to know of it; /etc is the box's own."""
    home = pathlib.Path("/run/sshd-test")
    home.mkdir()
    for name in ["host", "user"]:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name)
    (home / "user.pub").chmod(0o600)
    path = os.environ["PATH"]
    config = home / "sshd_config"
    config.write_text(f"""Port {PORT}
ListenAddress 127.0.0.1
HostKey {home}/host
AuthorizedKeysFile {home}/user.pub
PidFile {home}/pid
UsePAM no
StrictModes no
PasswordAuthentication no
SetEnv PATH={path} DOCKER_HOST={os.environ['DOCKER_HOST']} DOCKER_CONFIG={os.environ['DOCKER_CONFIG']}
""")
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    with open("/etc/passwd", encoding="utf-8") as passwd:
        users = passwd.read()
    if "\nsshd:" not in users:
        pathlib.Path("/etc/passwd").write_text(users + "sshd:x:74:74::/run/sshd:/usr/sbin/nologin\n")
    # -r: it cannot start itself again by the loader that runs it.
    server = subprocess.Popen([TOOLS / "bin/sshd", "-r", "-D", "-e", "-f", config], stdin=subprocess.DEVNULL,
                              stderr=open(home / "log", "wb"))
    pathlib.Path("/etc/ssh").mkdir(exist_ok=True)
    pathlib.Path("/etc/ssh/ssh_config").write_text(
        f"Host 127.0.0.1\n  Port {PORT}\n  User root\n  IdentityFile {home}/user\n  IdentitiesOnly yes\n"
        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {home}/known\n  LogLevel ERROR\n")
    for _ in range(50):
        if run("ssh", "127.0.0.1", "true", check=False).returncode == 0:
            return server
        time.sleep(0.1)
    raise RuntimeError((home / "log").read_text())


def value(name):
    """Of a secret; one of them has to be base64."""
    return base64.b64encode(f"value of {name}".encode()).decode()


def values(deploy):
    """`.env` with a value for every secret."""
    example = deploy / ".env.example"
    lines = example.read_text().splitlines() if example.exists() else []
    names = [line.split("=")[0] for line in lines if "=" in line and not line.startswith("#")]
    (deploy / ".env").write_text("".join(f"{name}='{value(name)}'\n" for name in names))


def sources_of_mounts(deploy):
    """What the services find on the server: code, files of a site, certificates of one's own."""
    config = json.loads(run("docker", "compose", "--profile", "*", "config", "--format", "json", cwd=deploy).stdout)
    for service in config["services"].values():
        for mount in service.get("volumes", []):
            source = pathlib.Path(mount["source"])
            if mount["type"] != "bind" or source.exists():
                continue
            if source.suffix in (".pem", ".key", ".crt"):
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text("")
            else:
                source.mkdir(parents=True)


# --- The stacks ----------------------------------------------------------------------------------------------------


def stacks():
    for folder in sorted((REPOSITORY / "stacks").iterdir()):
        manifests = sorted(folder.glob("stack*.*"))
        for manifest in manifests:
            environment = manifest.stem.removeprefix("stack").removeprefix(".")
            yield folder, environment


def up(name, deploy):
    began = time.monotonic()
    # Not with --wait: without the internet nobody gets a certificate, and certbot is not well; all else is.
    done = run("timeout", "100", "docker", "compose", "up", "-d", "--no-build", "--pull", "never", cwd=deploy, check=False)
    states = [json.loads(line) for line in run("docker", "compose", "ps", "--all", "--format", "json",
                                               cwd=deploy).stdout.splitlines()]
    unwell = [f"{s['Service']}: {s['State']} {s['Health']} {s['ExitCode']}" for s in states
              if s["State"] != "running" and (s["State"], s["ExitCode"]) != ("exited", 0)]
    ok(f"{name}: up, {len(states)} containers in {time.monotonic() - began:.0f} s", states and not unwell,
       "\n".join(unwell) + done.stderr[-2000:])
    for line in unwell:
        print(run("docker", "compose", "logs", "--tail", "5", line.split(":")[0], cwd=deploy, check=False).stdout)


def check(stackgen, folder, environment, work):
    name = ".".join(filter(None, [folder.name, environment]))
    chosen = ["--env", environment] if environment else []
    deploy = work / name / "deploy"
    run(stackgen, "build", folder, "-o", deploy, "--quiet", *chosen)
    values(deploy)
    sources_of_mounts(deploy)
    images(deploy)
    # Of an overlay only the files are looked at: its programs have no stand-ins that are well.
    runs = not environment
    if runs:
        up(name, deploy)

    place = f"root@127.0.0.1{deploy}"
    asked = {
        "directory": [deploy],
        "engine": ["docker://"],
        "directory and engine": [deploy, "docker://"],
        "ssh": [f"ssh://{place}"],
        "engine over ssh": ["docker+ssh://root@127.0.0.1"],
    }
    if not runs:
        asked = {what: sources for what, sources in asked.items() if "engine" not in what}
    everything = [deploy, "docker://"] if runs else [deploy]
    file = work / f"{name}.json"

    def diff(*sources):
        against = [word for source in sources for word in ("--against", source)]
        return run(stackgen, "diff", folder, *chosen, *against, check=False)

    def snapshot():
        file.unlink(missing_ok=True)
        run(stackgen, "snapshot", "--stack", folder, *chosen, *everything, "-o", file)

    snapshot()
    asked["snapshot"] = [file]
    for what, sources in asked.items():
        done = diff(*sources)
        ok(f"{name}: in sync by {what}", done.returncode == 0, done.stdout + done.stderr)

    # Without the manifest much of a snapshot is fingerprints: what cannot be compared is said, and is no difference.
    file.unlink()
    run(stackgen, "snapshot", *everything, "-o", file)
    done = run(stackgen, "diff", folder, *chosen, "--against", file, "--format", "json", check=False)
    told = json.loads(done.stdout)
    ok(f"{name}: nothing differs from a snapshot without the manifest", told["changes"] == [], done.stdout[:3000])

    # The server moves: a container that nobody declared is in its network, and a file was edited.
    if runs:
        network = run("docker", "network", "ls", "--format", "{{.Name}}", "--filter",
                      f"label=com.docker.compose.project={project(deploy)}").stdout.split()[0]
        run("docker", "run", "-d", "--name", "stranger", "--network", network, "stand-in:1")
    file_moved = next(f for f in ["nginx/nginx.conf", "docker-compose.yml"] if (deploy / f).exists())
    text = (deploy / file_moved).read_text()
    moved = text.replace("server_tokens off", "server_tokens on") if "nginx" in file_moved else text + "\nx-moved: 1\n"
    (deploy / file_moved).write_text(moved)
    ok(f"{name}: {file_moved} can be moved", moved != text)
    snapshot()
    for what, sources in asked.items():
        done = diff(*sources)
        ok(f"{name}: moved, seen by {what}", done.returncode == 1, f"{done.returncode}\n{done.stdout}{done.stderr}")
    if runs:
        run("docker", "rm", "-f", "stranger")
        run("docker", "compose", "--profile", "*", "down", "--volumes", "--timeout", "1", cwd=deploy)


def project(deploy):
    return json.loads(run("docker", "compose", "config", "--format", "json", cwd=deploy).stdout)["name"]


def main():
    stackgen, only = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    if os.environ.get("STACKGEN_IN_BOX") != "yes":
        run("bash", REPOSITORY / ".ci/tools", "bookworm", "sid", "engine", "images", "insync", seconds=600)
        authority = REPOSITORY / "target/engine/ca.crt"
        if not authority.exists():
            authority.parent.mkdir(parents=True, exist_ok=True)
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                "-subj", "/CN=authority of the tests", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", authority.with_suffix(".key"), "-out", authority)
        os.environ["STACKGEN_ENGINE_CA"] = str(authority)
        os.execvp("bash", ["bash", str(REPOSITORY / "tests/engine/box"), sys.executable, __file__, str(stackgen), *only])
    run("bash", REPOSITORY / "tests/engine/images", "nginx", "certbot")
    stand_in()
    server = sshd()
    # Services may mount folders of the server: they are made in folders of the box's own.
    for folder in ["/opt", "/srv"]:
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    work = pathlib.Path("/opt/insync")
    work.mkdir()
    for folder, environment in stacks():
        if not only or folder.name in only:
            check(stackgen, folder, environment, work)
    server.terminate()
    print(f"{len(failed)} failed" if failed else "all is well")
    sys.exit(bool(failed))


main()
