"""routing.py PROGRAMS NAMES: asks a running nginx the whole routing table of the reference stack.

PROGRAMS is the folder with stub.py, NAMES the file that dns.py answers from. Prints one line per check; 1 on any fault.
"""

import subprocess
import sys
import time

from routes import Proxy, name

PROGRAMS, NAMES = sys.argv[1:3]
failed = 0


def check(what, good, seen=""):
    global failed
    failed += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {seen}"))


def superset(address):
    command = [sys.executable, PROGRAMS + "/stub.py", "superset", "8088", "--bind", address]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def answers_within(seconds):
    """Superset's answer, once it is 200 or the time is over."""
    deadline = time.time() + seconds
    while (answer := proxy.ask(name("superset"), "/x")).status != 200 and time.time() < deadline:
        time.sleep(0.3)
    return answer


proxy = Proxy("127.0.0.1", "127.0.0.1", check)
for label, stub, port, path in [
    ("erp", "odoo", 8069, "/web/login"),
    ("erp", "odoo", 8069, "/web/static/x.js"),
    ("n8n", "n8n", 5678, "/"),
    ("n8n", "n8n", 5678, "/webhook/x"),
]:
    proxy.service(label, stub, port, path)
proxy.table()
check("the container's health check is answered", proxy.ask("127.0.0.1", "/stackgen/health", tls=False).status == 200)

# Superset is not there yet; nginx started all the same, and the others answer.
answer = proxy.ask(name("superset"))
check("a missing upstream is 502 or 503", answer.status in (502, 503), answer)
check("a missing upstream still sends HSTS", answer.hsts(), answer)
with open(NAMES, "a", encoding="utf-8") as file:
    file.write("superset=127.0.1.3\n")
stub = superset("127.0.1.3")
answer = answers_within(30)
check("an upstream that appears is found without a reload", answer.status == 200 and answer.json()["port"] == 8088, answer)
proxy.service("superset", "superset", 8088, "/x")
stub.terminate()
stub.wait()
answer = proxy.ask(name("superset"), "/x")
check("a dead upstream is 502", answer.status in (502, 504), answer)
check("a dead upstream hurts nobody else", proxy.ask(name("erp")).status == 200 and proxy.ask(name("n8n")).status == 200)
# Recreated with another address, as a container is.
with open(NAMES, encoding="utf-8") as file:
    text = file.read()
with open(NAMES, "w", encoding="utf-8") as file:
    file.write(text.replace("127.0.1.3", "127.0.1.4"))
stub = superset("127.0.1.4")
answer = answers_within(40)
check("an upstream with a new address is found again", answer.status == 200, answer)
stub.terminate()
print(f"{failed} failed")
sys.exit(failed > 0)
