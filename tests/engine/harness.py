"""What the groups in tests/engine/checks share: results, the server's folder, Compose, and clients out on the internet.

A group is a program in the namespace `internet` of tests/engine/world.py. Docker is asked through its socket, which is
the same from everywhere; `on_server` runs a program with the server's network.
"""

import contextlib
import json
import pathlib
import http.client
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import world

DEPLOY = pathlib.Path("/opt/odoo-ce/repo/deploy")
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# --- Results -------------------------------------------------------------------------------------------------------

passed, failed = [], []
_concerned = []
_began = time.monotonic()


def ok(what, got, want=True):
    """One check. A failure is told with what was found, and the group goes on."""
    good = got == want
    if good:
        passed.append(what)
        print(f"ok   {what}", flush=True)
    else:
        failed.append(what)
        print(f"FAIL {what}: got {got!r}, want {want!r}", flush=True)
    return good


def has(what, part, text):
    good = part in text
    if good:
        passed.append(what)
        print(f"ok   {what}", flush=True)
    else:
        failed.append(what)
        print(f"FAIL {what}: no {part!r} in:\n{text}", flush=True)
    return good


def concerns(*services):
    """The services whose logs tell more if this group fails."""
    _concerned.extend(services)


def step(text):
    print(f"     {time.monotonic() - _began:5.1f} s  {text}", flush=True)


def _broke(kind, fault, trace):
    """A group that breaks off is a failed one, and its logs are told as well."""
    sys.__excepthook__(kind, fault, trace)
    failed.append(repr(fault))
    finish()


sys.excepthook = _broke


def finish():
    if failed:
        for service in dict.fromkeys(_concerned):
            print(f"--- log of {service}\n{compose('logs', '--no-log-prefix', '--tail', '40', service).stdout}", flush=True)
    sys.exit(1 if failed else 0)


def sections(*functions):
    """Runs the parts of a group, or those that the command line names, and ends with what came of it."""
    asked = sys.argv[1:]
    known = [function.__name__ for function in functions]
    if unknown := sorted(set(asked) - set(known)):
        sys.exit(f"no section {', '.join(unknown)}; there are: {', '.join(known)}")
    for function in functions:
        if not asked or function.__name__ in asked:
            function()
            step(f"{function.__name__} done")
    finish()


def wait_for(test, seconds, pause=0.5):
    """The first value of `test` that is true, or the last one when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


# --- The server ----------------------------------------------------------------------------------------------------


def run(*command, seconds=120, **options):
    """A program's end: returncode, stdout and stderr as text. Longer than `seconds` is a failure with 124."""
    try:
        return subprocess.run(command, text=True, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL, **options)
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return subprocess.CompletedProcess(command, 124, text, f"not done after {seconds} s")


def shell(line, seconds=300):
    """A line as an operator types it in the folder of the stack."""
    return run("bash", "-c", line, seconds=seconds, cwd=DEPLOY)


def compose(*arguments, seconds=120):
    return run("docker", "compose", "--progress", "plain", *arguments, seconds=seconds, cwd=DEPLOY)


def on_server(*command, seconds=60):
    return run("ip", "netns", "exec", "server", *command, seconds=seconds)


def containers():
    """What `docker compose ps` says, by service; one-time jobs too."""
    rows = compose("ps", "--all", "--format", "json").stdout.splitlines()
    return {row["Service"]: row for row in map(json.loads, rows)}


def container_ids():
    return sorted(compose("ps", "--all", "--quiet", "--no-trunc").stdout.split())


def inspect(container):
    return json.loads(run("docker", "inspect", container).stdout)[0]


def secrets():
    """A value for every secret of .env.example, awkward on purpose: all that a value in single quotes may hold."""
    names = [line.removesuffix("=") for line in (DEPLOY / ".env.example").read_text().splitlines() if line.endswith("=")]
    return {name: f'test-{name} $HOME ${{PATH}} #1 "q" `date` \\n\\ %(x)s %41 {{{{ y }}}} & <z>' for name in names}


def fill_env():
    """What an operator does after `cp .env.example .env`."""
    text = (DEPLOY / ".env").read_text()
    for name, value in secrets().items():
        text = text.replace(f"\n{name}=\n", f"\n{name}='{value}'\n")
    (DEPLOY / ".env").write_text(text)
    (DEPLOY / ".env").chmod(0o600)


def databases():
    """What an operator orders at the managed cluster."""
    values = secrets()
    for name in ("odoo", "n8n", "superset"):
        world.service_database(name, values[f"{name.upper()}_DB_PASSWORD"])


def lay_out(stackgen):
    """The server's folder before anything runs: the built stack, and beside it what only the operator has."""
    repository = DEPLOY.parent
    stack = repository / "stack"
    shutil.copytree(REPOSITORY / "stacks/odoo-erp-prod", stack, ignore=shutil.ignore_patterns("deploy"))
    done = run(stackgen, "build", str(stack), "-o", str(DEPLOY))
    if done.returncode:
        sys.exit(f"harness: {done.stdout}{done.stderr}")
    (repository / "addons").mkdir()
    standins = REPOSITORY / "tests/engine/standins"
    shutil.copytree(standins / "ocr", repository / "ocr")
    shutil.copy(REPOSITORY / "tests/programs/stub.py", repository / "ocr")
    for name, needed in (("mcp", "PORT\nSUPABASE_URL\n"), ("auth", "PORT\nSUPABASE_URL\nJWT_SECRET\n")):
        shutil.copytree(standins / "npm", repository / name)
        (repository / name / "NEEDED").write_text(needed)
    site = pathlib.Path("/var/www/html")
    site.mkdir()
    (site / "index.html").write_text("<h1>home</h1>\n")


# --- Clients on the internet ---------------------------------------------------------------------------------------


def host(name):
    return f"{name}.{world.DOMAIN}"


def trusted():
    """Trusts what Let's Encrypt issued here, and nothing else."""
    return ssl.create_default_context(cafile=str(world.WORK / "roots.pem"))


def get(name, path="/", context=None, headers=None, seconds=15):
    """Status, headers and body of https://NAME.DOMAIN/PATH, found by its name and verified."""
    connection = http.client.HTTPSConnection(host(name), timeout=seconds, context=context or trusted())
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()


def served(name, address=world.SERVER):
    """The certificate that nginx serves for a name, verified or not: serial number, issuer, names."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 443), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=host(name)) as secure:
            pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-serial", "-issuer", "-ext", "subjectAltName"],
        input=pem, text=True, capture_output=True, timeout=10, check=True,
    ).stdout
    lines = shown.splitlines()
    names = sorted(word.strip().removeprefix("DNS:") for word in lines[-1].split(","))
    return {"serial": lines[0].partition("=")[2], "issuer": lines[1].partition("=")[2], "names": names}


class Flow:
    """Asks for a page again and again, each time over a new verified connection; counts what did not answer 200."""

    def __init__(self, name, path="/"):
        self.name, self.path = name, path
        self.answers, self.failures = 0, []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self):
        context = trusted()
        while not self._end.is_set():
            try:
                status, _, body = get(self.name, self.path, context)
                self.answers += 1
                if status != 200:
                    self.failures.append(f"{status}: {body[:200]}")
            except OSError as fault:
                self.failures.append(repr(fault))
            time.sleep(0.02)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(30)


if __name__ == "__main__":
    # harness.py STACKGEN: lays the server's folder out; tests/engine/run calls it once.
    lay_out(sys.argv[1])
