#!/usr/bin/env python3
"""monitoring.py STACKGEN: what is written for monitoring, against Prometheus, Alertmanager and the exporters themselves.

Three parts: the programs' own judges read the files; promtool runs every alert against made-up measurements; and all of
it runs in namespaces of its own, with the generated nginx.conf on a real nginx, until an alert is in a mailbox and in a
chat. There the files are the written ones but for time: in the copy a minute is a second. Grafana cannot be had here:
its files are held against the shape that it documents, and their queries are put to Prometheus.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("STACKGEN_TOOLS", ROOT / "target/tools"))
BIN = TOOLS / "bin"
try:
    import yaml
except ImportError:  # .ci/tools has a Python with it
    os.execv(BIN / "python", [str(BIN / "python"), *sys.argv])
sys.path.insert(0, str(ROOT / "tests/systems/monitoring"))
from alerts import CASES, SLOW, unit_tests  # noqa: E402
from standins import Chat, Mail, Service, client, listens  # noqa: E402

DATABASE = "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com"
failed = 0


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"), flush=True)
    return good


def until(seconds, holds):
    """Asks again until it holds; the last answer."""
    deadline = time.time() + seconds
    while not (answer := holds()) and time.time() < deadline:
        time.sleep(0.3)
    return answer


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)


def accepted(what, *command):
    result = run(*command)
    check(what, result.returncode == 0, result.stdout[-800:] + result.stderr[-800:])
    return result


def build(stackgen, work):
    """The reference stack with monitoring."""
    shutil.copy(ROOT / "stacks/odoo-erp-prod/stack.yaml", work)
    shutil.copy(ROOT / "tests/systems/monitoring/stack.watched.yaml", work)
    accepted("it is built", stackgen, "build", work, "--env", "watched")
    return work / "deploy"


# --- What the programs say of the files ----------------------------------------------------------------------------


def judges(deploy):
    accepted("promtool accepts prometheus.yml and rules.yml", BIN / "promtool", "check", "config", deploy / "prometheus/prometheus.yml")
    accepted("and finds no rule twice", BIN / "promtool", "check", "rules", "--lint=all", "--lint-fatal", deploy / "prometheus/rules.yml")
    accepted("amtool accepts alertmanager.yml", BIN / "amtool", "check-config", deploy / "alertmanager/alertmanager.yml")
    accepted("blackbox_exporter accepts blackbox.yml", BIN / "prometheus-blackbox-exporter", f"--config.file={deploy}/blackbox-exporter/blackbox.yml", "--config.check")
    accepted("shellcheck accepts containers.sh", BIN / "shellcheck", deploy / "node-exporter/containers.sh")
    units = [deploy / f"node-exporter/stackgen-containers.{kind}" for kind in ("service", "timer")]
    said = run("systemd-analyze", "verify", *units).stderr
    check("systemd understands the units", "stackgen-containers" not in said, said)
    broken = deploy.parent / "broken.yml"
    text = (deploy / "prometheus/rules.yml").read_text()
    broken.write_text(text.replace("probe_success{", "probe_success{{", 1))
    check("and promtool refuses a rule with a slip", run(BIN / "promtool", "check", "rules", broken).returncode != 0)


def units(deploy, work):
    for name, cases, interval in [("quick", CASES, "1m"), ("slow", SLOW, "5m")]:
        file = work / f"{name}.yml"
        file.write_text(yaml.safe_dump(unit_tests(str(deploy / "prometheus/rules.yml"), cases, interval), width=1000))
        accepted(f"promtool: {len(cases)} cases of alerts that fire and do not, every {interval}", BIN / "promtool", "test", "rules", file)
    written = {
        (rule["alert"], rule["labels"]["severity"])
        for group in yaml.safe_load((deploy / "prometheus/rules.yml").read_text())["groups"]
        for rule in group["rules"]
    }
    for fires in (True, False):
        proven = {case[:2] for case in [*CASES, *SLOW] if case[4] == fires}
        check(f"every alert has a case in which it {'fires' if fires else 'does not'}", proven == written, proven ^ written)


def reached(deploy):
    """Who asks is on a network of who is asked."""
    services = yaml.safe_load((deploy / "docker-compose.yml").read_text())["services"]
    config = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text())
    pairs = [("prometheus", t.split(":")[0]) for j in config["scrape_configs"] if j["job_name"] != "probes" for s in j["static_configs"] for t in s["targets"]]
    pairs += [("prometheus", "alertmanager"), ("grafana", "prometheus"), ("blackbox-exporter", "nginx"), ("nginx", "grafana")]
    apart = [p for p in pairs if not set(services[p[0]]["networks"]) & set(services[p[1]]["networks"])]
    check(f"{len(pairs)} times who asks shares a network with who is asked", not apart, apart)
    open_ports = [s for s in services if "ports" in services[s] and s != "nginx"]
    check("nothing of it publishes a port", not open_ports, open_ports)


def grafana(deploy, work):
    files = deploy / "grafana/provisioning"
    source = yaml.safe_load((files / "datasources/prometheus.yml").read_text())
    provider = yaml.safe_load((files / "dashboards/stack.yml").read_text())
    board = json.loads((deploy / "grafana/dashboards/stack.json").read_text())
    one = source["datasources"][0]
    check("the data source has what Grafana asks for", source["apiVersion"] == 1 and all(one.get(k) for k in ("name", "type", "uid", "url", "access")), source)
    mounted = {v["target"]: v["source"] for v in yaml.safe_load((deploy / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]}
    path = provider["providers"][0]["options"]["path"]
    check("the dashboard lies where its provider looks", mounted.get(str(pathlib.PurePosixPath(path).parent)) == "./grafana", path)
    panels = board["panels"]
    cells = [(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"]) for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    check(f"{len(panels)} panels do not overlap and are no wider than 24", len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24)
    check("each panel has an id, a kind, a title and a source", len({p["id"] for p in panels}) == len(panels) and all(p["type"] and p["title"] and p["datasource"]["uid"] == one["uid"] for p in panels))
    queries = [t["expr"] for p in panels for t in p["targets"]]
    rules = work / "queries.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": [{"record": f"q:{i}", "expr": q} for i, q in enumerate(queries)]}]}))
    accepted(f"promtool parses the {len(queries)} queries of the dashboard", BIN / "promtool", "check", "rules", rules)
    return queries


# --- All of it, running --------------------------------------------------------------------------------------------


def faster(text):
    """A minute is a second, and what is less is as short as it can be."""
    text = re.sub(r"(scrape_interval|scrape_timeout): \d+s", r"\1: 2s", text)
    text = re.sub(r"(evaluation_interval|group_wait): \d+s", r"\1: 1s", text)
    return re.sub(r"\b(for|group_interval): (\d+)m$", r"\1: \2s", text, flags=re.M)


class World:
    """The stack in namespaces of its own: nginx as generated, stand-ins for the services, what watches as generated."""

    def __init__(self, deploy, work):
        self.deploy, self.work, self.processes = deploy, work, {}
        compose = yaml.safe_load((deploy / "docker-compose.yml").read_text())["services"]
        # Compose's `$$` is `$`.
        self.commands = {name: [word.replace("$$", "$") for word in s.get("command", [])] for name, s in compose.items()}
        self.environment = {name: s.get("environment", {}) for name, s in compose.items()}
        run("ip", "link", "set", "lo", "up", check=True)
        for path in ("/etc/nginx", "/var/www", "/run"):
            os.makedirs(path, exist_ok=True)
            run("mount", "-t", "tmpfs", "none", path, check=True)
        self.names()
        self.certificates()
        self.secrets()
        self.database()
        # Debian's Alertmanager has its templates not in itself but here.
        run("mount", "-t", "tmpfs", "none", "/usr/share", check=True)
        shutil.copytree(TOOLS / "root/monitoring/usr/share/prometheus/alertmanager", "/usr/share/prometheus/alertmanager")

    def names(self):
        watchers = "prometheus alertmanager blackbox-exporter node-exporter postgres-exporter-main nginx"
        hosts = self.work / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {watchers}\n127.0.1.2 n8n\n127.0.2.1 smtp.mailgun.org\n127.0.3.1 {DATABASE}\n")
        run("mount", "--bind", hosts, "/etc/hosts", check=True)
        (self.work / "names").write_text("odoo=127.0.1.1\nn8n=127.0.1.2\nsuperset=127.0.1.3\ngrafana=127.0.1.4\n")
        self.start("dns", sys.executable, ROOT / "tests/programs/dns.py", "127.0.0.11", "--file", self.work / "names")

    def certificates(self):
        mime = next(p for p in TOOLS.glob("root/nginx*/**/mime.types"))
        shutil.copy(mime, "/etc/nginx/mime.types")
        os.makedirs("/var/www/html")
        pathlib.Path("/var/www/html/index.html").write_text("home")
        self.pair = self.work / "pair"
        self.pair.mkdir()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60", "-subj", "/CN=test",
            "-addext", "subjectAltName=DNS:*.insightpulseai.net,DNS:smtp.mailgun.org",
            "-keyout", self.pair / "privkey.pem", "-out", self.pair / "fullchain.pem", check=True)
        for directory in set(re.findall(r"/etc/nginx/certificates/[^/;]+", (self.deploy / "nginx/nginx.conf").read_text())):
            shutil.copytree(self.pair, directory)

    def secrets(self):
        os.makedirs("/run/secrets")
        for name, value in [("ALERTS_WEBHOOK_URL", "http://127.0.0.1:8066/hooks/abc"), ("MAILGUN_SMTP_PASSWORD", "pa$$ w'ord"), ("MAIN_MONITOR_PASSWORD", "x")]:
            pathlib.Path("/run/secrets", name).write_text(value)

    def database(self):
        """The managed server: PostgreSQL under its name and port, by TLS, with a role that may only watch."""
        root = TOOLS / "root/monitoring-postgres"
        for folder in ("etc", "tmp", "dev"):
            run("mount", *(("--bind", "/dev") if folder == "dev" else ("-t", "tmpfs", "none")), root / folder, check=True)
        (root / "etc/passwd").write_text("postgres:x:65534:65534::/:/bin/sh\n")
        for name in ("fullchain.pem", "privkey.pem"):
            shutil.copy(self.pair / name, root / "tmp")
            os.chown(root / "tmp" / name, 65534, 65534)
            os.chmod(root / "tmp" / name, 0o600)
        (root / "tmp").chmod(0o1777)

        def within():
            os.chroot(root)
            os.chdir("/tmp")
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        programs = "/usr/lib/postgresql/15/bin/"
        run(programs + "initdb", "-D", "/tmp/data", "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync", preexec_fn=within, check=True)
        (root / "tmp/data/pg_hba.conf").write_text("local all all trust\nhostssl defaultdb monitor all scram-sha-256\nhost odoo odoo all trust\n")
        settings = {"listen_addresses": "127.0.3.1", "port": 25060, "unix_socket_directories": "/tmp", "dynamic_shared_memory_type": "mmap", "fsync": "off",
                    "max_connections": 100, "ssl": "on", "ssl_cert_file": "/tmp/fullchain.pem", "ssl_key_file": "/tmp/privkey.pem"}
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        log = open(self.work / "postgres.log", "ab")
        self.processes["postgres"] = subprocess.Popen([programs + "postgres", "-D", "/tmp/data", *words], stdout=log, stderr=log, preexec_fn=within)
        until(20, lambda: listens(25060, "127.0.3.1"))
        for sql in ("create role monitor login password 'x' in role pg_monitor", "create role odoo login", "create database defaultdb", "create database odoo owner odoo"):
            run(programs + "psql", "-h", "/tmp", "-p", "25060", "-U", "postgres", "-c", sql, preexec_fn=within, check=True)

    def start(self, name, *command, **environment):
        log = open(self.work / f"{name}.log", "ab")
        # They believe the certificate that nginx and the mail server have, and no other.
        env = {**os.environ, "SSL_CERT_FILE": str(self.work / "pair/fullchain.pem"), **environment}
        self.processes[name] = subprocess.Popen([str(w) for w in command], stdout=log, stderr=log, env=env)

    def stop(self, name):
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def nginx(self):
        self.start("nginx", BIN / "nginx-new", "-p", self.work, "-c", self.deploy / "nginx/nginx.conf", "-g", "daemon off;")

    def watcher(self, name, program, port, paths):
        """Runs a program by the command that the Compose file has, with paths of the container where they are here."""
        words = []
        for word in self.commands[name]:
            for inside, here in paths.items():
                word = word.replace(inside, str(here))
            words.append(word)
        self.start(name, BIN / program, *words, f"--web.listen-address=127.0.0.1:{port}", **self.environment[name])

    def watchers(self):
        fast = self.work / "fast"
        for folder, file in [("prometheus", "prometheus.yml"), ("prometheus", "rules.yml"), ("alertmanager", "alertmanager.yml")]:
            (fast / folder).mkdir(parents=True, exist_ok=True)
            (fast / folder / file).write_text(faster((self.deploy / folder / file).read_text()))
        status = self.deploy / "backup/status"
        status.mkdir(parents=True)
        age = {"odoo-web-data": 40 * 3600, "superset-data": 40 * 3600, "n8n-data": 60}
        (status / "volumes.prom").write_text("".join(
            f'stackgen_backup_last_success_timestamp_seconds{{item="{item}"}} {int(time.time()) - seconds}\n' for item, seconds in age.items()))
        self.report(["odoo", "n8n", "superset"])
        self.watcher("node-exporter", "prometheus-node-exporter", 9100, {"/etc/stackgen/node": self.deploy / "node-exporter", "/etc/stackgen/backup": status})
        self.watcher("blackbox-exporter", "prometheus-blackbox-exporter", 9115, {"/etc/blackbox": self.deploy / "blackbox-exporter"})
        self.watcher("postgres-exporter-main", "prometheus-postgres-exporter", 9187, {})
        self.watcher("alertmanager", "prometheus-alertmanager", 9093, {"/etc/alertmanager/stackgen": fast / "alertmanager", "=/alertmanager": f"={self.work}/am"})
        self.watcher("prometheus", "prometheus", 9090, {"/etc/prometheus/stackgen": fast / "prometheus", "=/prometheus": f"={self.work}/tsdb"})
        ports = [9090, 9093, 9100, 9115, 9187]
        return until(30, lambda: all(listens(port) for port in ports))

    def report(self, running):
        """The script for the server, with an engine that knows these containers of all the stack has."""
        bin_ = self.work / "bin"
        bin_.mkdir(exist_ok=True)
        state = "".join(f"state {s} true 0 healthy {s}-prod\\n" for s in running)
        memory = "".join(f"memory {s}-prod 41.50%\\n" for s in running)
        (bin_ / "docker").write_text(f"#!/bin/sh\ncase $1 in ps) echo 1 ;; inspect) printf '{state}' ;; stats) printf '{memory}' | sed 's/%$/%/' ;; esac\n".replace("%\\n", "%%\\n"))
        (bin_ / "docker").chmod(0o755)
        env = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}
        return run("sh", self.deploy / "node-exporter/containers.sh", env=env)

    def query(self, expression):
        url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def firing(self, alert):
        """Labels of what fires of this alert."""
        return [r["metric"] for r in self.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')]


def told(chat, title, text=""):
    return [m for m in chat.texts() if title in m[0] and text in m[1]]


def inside(deploy, work):
    world = World(deploy, work)
    odoo, n8n = Service("127.0.1.1", 8069, 8072), Service("127.0.1.2", 5678)
    others = [Service("127.0.1.3", 8088), Service("127.0.1.4", 3000)]
    chat = Chat(8066, "/hooks/abc")
    mail = Mail("127.0.2.1", 2525, world.pair / "fullchain.pem", world.pair / "privkey.pem", "postmaster@mg.insightpulseai.net", "pa$$ w'ord")
    world.nginx()
    until(20, lambda: listens(443))
    if not check("Prometheus, Alertmanager and three exporters start with their own commands", world.watchers()):
        for log in sorted(work.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-1500:]}")
        return
    well(world, deploy)
    ill(world, n8n, chat, mail)
    proxy_down(world, chat)
    closed_opens(world)
    for name in list(world.processes):
        world.stop(name)
    for service in [odoo, n8n, *others]:
        service.stop()


def well(world, deploy):
    """Everything is as the manifest says, and is seen to be."""
    config = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text())
    probes = next(j for j in config["scrape_configs"] if j["job_name"] == "probes")["static_configs"]
    right = until(40, lambda: len(r := world.query("probe_success == 1")) == len(probes) and r) or world.query("probe_success == 0")
    check(f"all {len(probes)} requests are answered as the manifest says: 200, 301, 403, 503", len(right) == len(probes), [r["metric"].get("instance") for r in right if r["value"][1] == "0"])
    seen = {r["metric"]["expects"] for r in world.query("count by (expects) (probe_success)")}
    check("among them every kind of answer", seen == {"200", "403", "503", "any", "https"}, seen)
    days = world.query("(min(probe_ssl_earliest_cert_expiry{certificate!=''}) - time()) / 86400")
    check("the end of the certificate is seen", days and 58 < float(days[0]["value"][1]) < 61, days)
    asked = {j["job_name"] for j in config["scrape_configs"]}
    up = until(15, lambda: {r["metric"]["job"] for r in world.query("up == 1")} == asked)
    check(f"all {len(asked) - 1} that measure are asked, n8n among them", up and "n8n" in asked, world.query("up == 0"))
    for name in ("node_memory_MemAvailable_bytes", "node_filesystem_avail_bytes", "node_vmstat_oom_kill", "node_load5", "node_cpu_seconds_total",
                 "stackgen_database_connections_max", "stackgen_container_memory_ratio", "prometheus_notifications_alertmanagers_discovered",
                 "alertmanager_config_last_reload_successful", "node_textfile_scrape_error"):
        check(f"{name} is there, by the name that rules and dashboard use", bool(world.query(name)))
    quiet = ["RouteDown", "RouteWrong", "CertificateExpires", "TargetDown", "AlertmanagerNotReached", "ConfigurationRefused", "ReportUnreadable", "ContainersUnknown"]
    loud = [a for a in quiet if world.firing(a)]
    check("nothing fires of " + ", ".join(quiet), not loud, loud)
    for query in world.queries:
        try:
            world.query(query)
        except OSError as error:
            check(f"Prometheus answers {query}", False, error)


def ill(world, n8n, chat, mail):
    old = until(30, lambda: world.firing("BackupTooOld"))
    check("a daily backup of 40 hours ago fires, a weekly one and a new one do not", [a["item"] for a in old] == ["odoo-web-data"], old)
    down = until(30, lambda: len(r := world.firing("ContainerDown")) > 5 and r) or world.firing("ContainerDown")
    names = {a["service"] for a in down}
    check("containers that Docker does not have fire, those it has do not", "nginx" in names and not names & {"odoo", "n8n", "superset"}, names)
    database(world)
    n8n.stop()
    wrong = until(40, lambda: world.firing("RouteWrong"))
    check("a service is ended: its routes fire, and nobody else's", wrong and {a["site"] for a in wrong} == {"n8n.insightpulseai.net"}, wrong)
    health = "https://n8n.insightpulseai.net/healthz/readiness"
    until(15, lambda: health in [a["instance"] for a in world.firing("RouteWrong")])
    wrong = {a["instance"] for a in world.firing("RouteWrong")}
    check("the health of the service is among them", health in wrong, wrong)
    message = until(40, lambda: told(chat, "FIRING RouteWrong", health))
    check("the chat is told", bool(message), chat.texts())
    letters = lambda: [m for m in mail.letters if "RouteWrong" in m[2]]  # noqa: E731
    letter = until(40, letters)
    check("the mail arrives, by STARTTLS, with the password of the secret", bool(letter) and not mail.refused, (len(mail.letters), mail.refused))
    check("to everybody on the list, from the transport's sender", letter and letter[0][1] == ("admin@insightpulseai.net", "second@example.com") and "postmaster@mg" in letter[0][0], letter and letter[0][:2])
    n8n.start()
    check("the service is back: the alert ends", bool(until(40, lambda: not world.firing("RouteWrong"))), world.firing("RouteWrong"))
    check("the chat is told that too", bool(until(40, lambda: told(chat, "RESOLVED RouteWrong"))), chat.texts())


def database(world):
    """Connections are taken until few are left, then the server is ended."""
    check("the exporter logs in by TLS as the role that may only watch", bool(until(15, lambda: world.query('pg_up{database="main"} == 1'))), world.query("pg_up"))
    before = world.query('sum by (database) (pg_stat_database_numbackends)')
    check("and counts connections", before and 0 < float(before[0]["value"][1]) < 10, before)
    taken = [client("127.0.3.1", 25060, "odoo") for _ in range(80)]
    many = until(30, lambda: world.firing("DatabaseConnections"))
    check("80 of 97 connections are a warning", [(a["database"], a["severity"]) for a in many] == [("main", "warning")], many)
    for connection in taken:
        connection.close()
    check("once they are given back it ends", bool(until(30, lambda: not world.firing("DatabaseConnections"))))
    world.stop("postgres")
    down = until(30, lambda: world.firing("DatabaseDown"))
    check("a database server that cannot be reached fires", [a["database"] for a in down] == ["main"], down)


def proxy_down(world, chat):
    world.stop("nginx")
    count = len(world.query("probe_success"))
    check("nginx is ended: every route fires", bool(until(40, lambda: len(world.firing("RouteDown")) == count)), len(world.firing("RouteDown")))
    most = lambda: max((text.count("gives no answer") for _, text in told(chat, "FIRING RouteDown")), default=0)  # noqa: E731
    until(40, lambda: most() == count)
    messages = len(told(chat, "FIRING RouteDown"))
    check(f"and that is a few messages, the last with all {count}", messages <= 5 and most() == count, (messages, most()))
    world.nginx()
    check("nginx is back: nothing of it fires", bool(until(40, lambda: not world.firing("RouteDown"))))


def closed_opens(world):
    """A path that the manifest closes answers after all: somebody has edited nginx.conf on the server."""
    conf = world.deploy / "nginx/nginx.conf"
    text = conf.read_text()
    closed = re.search(r"location \^?~? ?/web/database \{\s*return 403;", text)
    if not check("nginx.conf closes /web/database", bool(closed)):
        return
    conf.write_text(text.replace(closed.group(0), closed.group(0).replace("403", "200")))
    world.processes["nginx"].send_signal(1)
    wrong = until(40, lambda: world.firing("RouteWrong"))
    check("a closed path that opens is critical", [(a["instance"], a["severity"]) for a in wrong] == [("https://erp.insightpulseai.net/web/database", "critical")], wrong)


def main():
    stackgen = pathlib.Path(sys.argv[1]).resolve()
    programs = ["prometheus", "promtool", "prometheus-alertmanager", "amtool", "prometheus-blackbox-exporter", "prometheus-node-exporter",
                "prometheus-postgres-exporter", "nginx-new", "shellcheck"]
    missing = [p for p in programs if not (BIN / p).exists()]
    if missing:
        check("the programs are there; `bash .ci/tools monitoring` installs them", False, missing)
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        if sys.argv[2:] == ["inside"]:
            deploy = build(stackgen, work)
            World.queries = grafana(deploy, work)
            inside(deploy, work)
        else:
            deploy = build(stackgen, work)
            judges(deploy)
            reached(deploy)
            units(deploy, work)
            sys.stdout.flush()
            again = ["timeout", "-s", "KILL", "200", sys.executable, __file__, str(stackgen), "inside"]
            result = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *again])
            check("the running part went well", result.returncode == 0)
    sys.exit(failed > 0)


main()
