"""The reference stack with the real Odoo, n8n and Superset: first start, and each of them used from outside as people do.

Figures are kept for `run --record`: seconds, memory, versions.
"""

import contextlib
import re
import time

import harness
import world
from browser import Browser, flags
from harness import Flow, compose, concerns, has, host, ok, secrets, shell, step, wait_for
from real_record import finish, memory, note, timed, watch_memory

concerns("odoo", "superset-init", "superset", "n8n", "nginx", "certbot")
APPS = ("odoo", "n8n", "superset")
values = secrets()

# --- First start ---------------------------------------------------------------------------------------------------

own = harness.DEPLOY.parent / "addons/tests_own"
own.mkdir()
(own / "__init__.py").touch()
(own / "__manifest__.py").write_text('{"name": "Own", "version": "1.0", "depends": ["base"], "license": "LGPL-3"}\n')
harness.databases()
shell("cp .env.example .env")
harness.fill_env()
for what, line in (
    ("docker compose build", "docker compose build"),
    ("docker compose run --rm odoo init", "docker compose run --rm -T odoo init"),
    ("docker compose up -d --wait", "docker compose up -d --wait --wait-timeout 600"),
):
    with timed(what):
        done = shell(line, 900)
    ok(what, done.returncode, 0) or print((done.stdout + done.stderr)[-4000:])
    step(what)
    if what.endswith("init"):
        has("Odoo installs modules", "Modules loaded", done.stdout + done.stderr)
        refused = shell(line)
        ok("a second init refuses", refused.returncode, 1)
watch_memory()

states = {name: row["Health"] or f"{row['State']} {row['ExitCode']}" for name, row in harness.containers().items()}
jobs = {"superset-init", "certbot-prepare"}
ok("services are healthy, one-time jobs ended well", states,
   {name: "exited 0" if name in jobs else "healthy" for name in states})
log = compose("logs", "--no-log-prefix", "superset-init").stdout
has("Superset's administrator is created", "created the administrator admin", log)
ok("nothing is denied to superset-init", re.findall(r"(?i).*permission denied.*", log), [])
again = compose("run", "--rm", "-T", "superset-init", seconds=300)
ok("superset-init runs again without harm", again.returncode, 0) or print((again.stdout + again.stderr)[-3000:])
ok("and creates nobody", "created the administrator" not in again.stdout)

issued = wait_for(lambda: (found := harness.served("erp"))["issuer"].startswith("CN = Pebble") and found, 90)
ok("nginx serves a certificate of the issuer", bool(issued))
step("certificate")

for service, command in (("odoo", "odoo --version"), ("n8n", "n8n --version"), ("superset", "superset version"),
                         ("nginx", "nginx -v"), ("certbot", "certbot --version")):
    done = compose("exec", "-T", service, "/bin/sh", "-c", command)
    found = re.search(r"(\d+(?:\.\d+)+)", done.stdout + done.stderr)
    note("versions", service, found[1] if found else "unknown")
note("versions", "PostgreSQL", world.sql("show server_version").split()[0])

# --- Hardening, as it came out -------------------------------------------------------------------------------------

for service in APPS:
    status = compose("exec", "-T", service, "cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    ok(f"{service} has no capability", fields.get("CapBnd"), "0000000000000000")
    ok(f"{service} gains no privileges", fields.get("NoNewPrivs"), "1")
    ok(f"{service} is not root", fields.get("Uid", "").split()[0] in ("100", "1000"))

# --- Odoo ----------------------------------------------------------------------------------------------------------

odoo = Browser("erp")
first = odoo.get("/web")
ok("Odoo: / redirects on https", (first.status, first.location.startswith((f"https://{host('erp')}/web/login", "/web/login"))), (303, True))
page = odoo.get("/web/login")
ok("Odoo: /web/login", page.status, 200)
has("and is Odoo's", 'name="login"', page.text)
for path in sorted(set(re.findall(r'(?:href|src)="(/web/assets/[^"]+)"', page.text))):
    asset = odoo.get(path, seconds=120)
    ok(f"its assets are made: {path.rsplit('/', 1)[-1]}", (asset.status, len(asset.body) > 1000), (200, True))
token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
refused = odoo.form("/web/login", csrf_token=token, login="admin", password="not this one")
ok("a wrong password stays outside", (refused.status, "session_uid" in refused.text), (200, False))
entered = odoo.form("/web/login", csrf_token=token, login="admin", password="admin")
ok("the right one enters", entered.status, 303)
ok("with a cookie for https only, and not for scripts",
   sorted({"secure", "httponly", "samesite=lax"} & set(flags(entered, "session_id") or [])), ["httponly", "samesite=lax", "secure"])
has("over https", f"https://{host('erp')}/", entered.location if "://" in entered.location else f"https://{host('erp')}{entered.location}")


def rpc(path, **parameters):
    answer = odoo.send(path, {"jsonrpc": "2.0", "method": "call", "params": parameters}, seconds=120).json()
    return answer.get("result", answer)


session = rpc("/web/session/get_session_info")
ok("the session is the administrator's", session.get("username"), "admin")
ok("Odoo knows its own address", session.get("web.base.url"), f"https://{host('erp')}")
ok("the web client", odoo.get("/odoo", seconds=120).status, 200)
version = session.get("websocket_worker_version", "")
ok("websocket", odoo.websocket(f"/websocket?version={version}"), (101, "ping"))
log = compose("logs", "--no-log-prefix", "odoo").stdout
gevent = re.search(r" (\d+) INFO \S+ odoo\.service\.server: Evented Service .* running", log)
ok("it is the gevent process that answers", bool(gevent and re.search(rf" {gevent[1]} INFO .*/websocket", log)))
ok("it believes the proxy about host and scheme", "Downgrading websocket session" not in log)
for path in ("/web/database/manager", "/web/database/selector", "/web/database/list"):
    ok(f"{path} is closed", odoo.get(path).status, 403)
made = rpc("/web/dataset/call_kw", model="ir.attachment", method="create", kwargs={},
           args=[{"name": "note.txt", "datas": "aGVsbG8gZnJvbSBvdXRzaWRl"}])
ok("a file is stored", odoo.get(f"/web/content/{made}").text, "hello from outside")
partner = rpc("/web/dataset/call_kw", model="res.partner", method="create", kwargs={}, args=[{"name": "Test"}])
ok("a record is made", isinstance(partner, int))
step("Odoo used")

with timed("docker compose run --rm odoo -i sale_management,crm,project"):
    install = compose("run", "--rm", "-T", "odoo", "--config", "/run/odoo/odoo.conf", "--init", "sale_management,crm,project,tests_own",
                      "--no-http", "--stop-after-init", seconds=900)
ok("applications are installed", install.returncode, 0) or print((install.stdout + install.stderr)[-3000:])
compose("restart", "odoo", seconds=700)
wait_for(lambda: odoo.get("/web/health").status == 200, 120)
update = compose("run", "--rm", "-T", "odoo", "update", "project", seconds=900)
ok("docker compose run --rm odoo update project", update.returncode, 0)
for page in ("/odoo", "/odoo/crm", "/odoo/sales", "/odoo/project"):
    ok(f"{page} with them", odoo.get(page, seconds=180).status, 200)
module = rpc("/web/dataset/call_kw", model="ir.module.module", method="search_read", kwargs={"fields": ["state"]},
             args=[[["name", "=", "tests_own"]]])
ok("a module of one's own is installed", [row["state"] for row in module], ["installed"])
for model in ("crm.lead", "sale.order", "project.project", "account.move", "mail.message") * 4:
    rpc("/web/dataset/call_kw", model=model, method="search_read", args=[[]], kwargs={"limit": 80})
log = compose("logs", "--no-log-prefix", "odoo").stdout
ok("no worker is recycled for its memory", re.findall(r".*memory limit.*reached.*", log), [])
sizes = compose("exec", "-T", "odoo", "/bin/sh", "-c", "grep -h VmSize /proc/[0-9]*/status").stdout
size = max(int(number) for number in re.findall(r"\d+", sizes)) >> 10
soft = int(re.search(r"(?m)^limit_memory_soft = (\d+)", (harness.DEPLOY / "odoo/odoo.conf").read_text())[1]) >> 20
note("memory", "odoo", [size, soft])
ok(f"the address space of Odoo's processes is below its soft limit ({size} of {soft} MiB)", size < soft)
ok("no error in Odoo's log", [line for line in log.splitlines() if re.search(r" (ERROR|CRITICAL) ", line)], [])
step("Odoo's applications")

# --- n8n -----------------------------------------------------------------------------------------------------------

n8n = Browser("n8n", {"browser-id": "tests", "push-ref": "tests"})
ok("n8n: /healthz", n8n.get("/healthz").json(), {"status": "ok"})
ok("n8n: /healthz/readiness", n8n.get("/healthz/readiness").json(), {"status": "ok"})
account = {"email": "owner@example.com", "firstName": "Test", "lastName": "Owner", "password": "Test-password-1"}
owner = n8n.send("/rest/owner/setup", account)
ok("the owner is set up", owner.status, 200) or print(owner.text[:500])
n8n = Browser("n8n", n8n.headers)
login = n8n.send("/rest/login", {"emailOrLdapLoginId": account["email"], "password": account["password"]})
ok("the owner logs in", login.status, 200) or print(login.text[:500])
ok("with a cookie for https only, and not for scripts",
   sorted({"secure", "httponly"} & set(flags(login, "n8n-auth") or [])), ["httponly", "secure"])
settings = n8n.get("/rest/settings").json().get("data", {})
address = f"https://{host('n8n')}"
ok("n8n knows its addresses", [str(settings.get(key)).rstrip("/") for key in ("urlBaseWebhook", "urlBaseEditor")], [address, address])
ok("and the time zone", settings.get("timezone"), "Asia/Manila")
ok("the editor", n8n.get("/").status, 200)
ok("its live connection", n8n.websocket("/rest/push?pushRef=tests"), (101, "ping"))
nodes = [
    {"id": "1", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "webhookId": "tests",
     "parameters": {"path": "tests", "httpMethod": "POST", "responseMode": "lastNode"}},
    # Runs in a task runner, a process that n8n starts.
    {"id": "2", "name": "Code", "type": "n8n-nodes-base.code", "typeVersion": 2, "position": [200, 0],
     "parameters": {"jsCode": "return [{ json: { sum: $input.first().json.body.a + 1, ip: $input.first().json.headers['x-forwarded-for'] } }];"}},
]
workflow = n8n.send("/rest/workflows", {"name": "tests", "nodes": nodes, "settings": {}, "active": False,
                                         "connections": {"Webhook": {"main": [[{"node": "Code", "type": "main", "index": 0}]]}}})
ok("a workflow is made", workflow.status, 200) or print(workflow.text[:500])
made = workflow.json().get("data", {})
active = n8n.send(f"/rest/workflows/{made.get('id')}/activate", {"versionId": made.get("versionId")})
ok("and published", active.status, 200) or print(active.text[:500])
called = wait_for(lambda: (answer := n8n.send("/webhook/tests", {"a": 41})).status == 200 and answer, 30)
ok("its webhook runs code and answers", called and called.json().get("sum"), 42)
ok("and sees who calls", called and called.json().get("ip"), world.CLIENT)
with contextlib.ExitStack() as stack:
    flows = [stack.enter_context(Flow("n8n", "/webhook/none")) for _ in range(10)]
    time.sleep(4)
seen = [failure[:3] for flow in flows for failure in flow.failures]
ok("the rate limit holds", "429" in seen and seen.count("429") > 10)
ok("and is over when they stop", wait_for(lambda: n8n.send("/webhook/tests", {"a": 1}).status == 200, 10))
log = compose("logs", "--no-log-prefix", "n8n").stdout
note("n8n's warnings", "log", [line for line in log.splitlines() if re.search(r"(?i)warn|deprecat|error", line)][:20])
step("n8n used")

# --- Superset ------------------------------------------------------------------------------------------------------

superset = Browser("superset")
ok("Superset: /health", superset.get("/health").text, "OK")
page = superset.get("/login/")
ok("Superset: /login/", page.status, 200)
ok("its session is for https only, and not for scripts",
   sorted({"secure", "httponly"} & set(flags(page, "session") or [])), ["httponly", "secure"])
for path in sorted(set(re.findall(r'(?:href|src)="(/static/assets/[^"]+)"', page.text)))[:6]:
    ok(f"its assets are there: {path.rsplit('/', 1)[-1]}", superset.get(path).status, 200)
ok("/ redirects on https", superset.get("/").location.startswith(("/", f"https://{host('superset')}/")), True)
login = superset.send("/api/v1/security/login",
                      {"username": "admin", "password": values["SUPERSET_ADMIN_PASSWORD"], "provider": "db", "refresh": True})
ok("the administrator logs in with the password of .env", login.status, 200) or print(login.text[:500])
superset.headers["Authorization"] = f"Bearer {login.json().get('access_token')}"
superset.headers["Referer"] = f"https://{host('superset')}/"
superset.headers["X-CSRFToken"] = superset.get("/api/v1/security/csrf_token/").json().get("result", "")
# Superset decodes the password of such a connection twice, so one with `%41` in it cannot be used here.
world.sql("create role reports login password 'test-reports'", "grant connect on database superset to reports")
world.sql("grant usage on schema public to reports", "grant select on all tables in schema public to reports", database="superset")
database = superset.send("/api/v1/database/", {
    "database_name": "own", "expose_in_sqllab": True,
    "sqlalchemy_uri": f"postgresql+psycopg2://reports:test-reports@{world.DATABASE_HOST}:{world.DATABASE_PORT}/superset?sslmode=require",
})
ok("a database is connected", database.status, 201) or print(database.text[:500])
number = database.json().get("id")
asked = superset.send("/api/v1/sqllab/execute/", {"database_id": number, "sql": "select 40 + 2 as answer", "schema": "public"})
ok("SQL Lab asks it", asked.json().get("data"), [{"answer": 42}])
dataset = superset.send("/api/v1/dataset/", {"database": number, "schema": "public", "table_name": "ab_permission"})
ok("a dataset is made", dataset.status, 201) or print(dataset.text[:500])
chart = superset.send("/api/v1/chart/data", {
    "datasource": {"id": dataset.json().get("id"), "type": "table"}, "result_format": "json", "result_type": "full",
    "queries": [{"columns": [], "metrics": [{"expressionType": "SQL", "sqlExpression": "count(*)", "label": "n"}], "row_limit": 10}],
})
ok("a chart shows it", [type(row.get("n")) for result in chart.json().get("result", []) for row in result["data"]], [int])
step("Superset used")

# --- The database --------------------------------------------------------------------------------------------------

rows = world.sql("select distinct usename || ' ' || datname || ' ' || ssl from pg_stat_ssl s join pg_stat_activity a using (pid)"
                 " where usename not in ('doadmin', 'reports') and datname is not null order by 1").splitlines()
allowed = {f"{name} {name} true" for name in APPS} | {"odoo postgres true"}
ok("every connection is encrypted, each under its own role", (set(rows) - allowed, {f"{name} {name} true" for name in APPS} - set(rows)), (set(), set()))
for name in APPS:
    for other in APPS:
        try:
            world.sql("select 1", database=other, user=name, password=values[f"{name.upper()}_DB_PASSWORD"])
            entered = True
        except RuntimeError:
            entered = False
        ok(f"{name} {'enters' if name == other else 'cannot enter'} the database of {other}", entered, name == other)
most = {name: int(world.sql(f"select count(*) from pg_stat_activity where usename = '{name}'")) for name in APPS}
note("connections", "now", most)

# --- Memory --------------------------------------------------------------------------------------------------------

for service, figures in memory().items():
    ok(f"{service} was never out of memory", figures["killed"], False)
    if figures["limit"]:
        ok(f"{service}'s processes stay below 90 % of its limit ({figures['used']} of {figures['limit']} MiB)",
           figures["used"] < 0.9 * figures["limit"])

# --- Restart and stop, while somebody asks -------------------------------------------------------------------------

for service, name, path, grace in (("n8n", "n8n", "/healthz", 40), ("superset", "superset", "/health", 40), ("odoo", "erp", "/web/health", 630)):
    with Flow(name, path) as flow:
        time.sleep(1)
        began = time.monotonic()
        compose("stop", service, seconds=700)
        stopped = time.monotonic() - began
        state = harness.inspect(compose("ps", "--all", "--quiet", service).stdout.strip())["State"]
        compose("start", service)
        before = flow.answers
        back = wait_for(lambda: Browser(name).get(path).status == 200, 180)
        time.sleep(2)
    note("stop", service, round(stopped, 1))
    ok(f"{service} stops by itself within half its grace of {grace} s", (state["ExitCode"] in (0, 143), stopped < grace / 2), (True, True)) \
        or print(f"exit code {state['ExitCode']} after {stopped:.1f} s")
    ok(f"{service} answers again", bool(back))
    ok("meanwhile the proxy says 502 or 504, and nobody waits for ever", sorted({f[:3] for f in flow.failures} - {"502", "503", "504"}), [])
    step(f"{service} restarted")
finish()
