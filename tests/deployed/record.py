"""Records what a Docker engine answers, for tests/deployed/engine.rs: python3 record.py SOCKET > ANSWERS.json

The containers, networks and volumes of the engine should be those of a test: everything is recorded, secrets too. What
is no JSON is recorded in hexadecimal digits. Logs of health checks are left out.
"""

import http.client
import json
import socket
import sys


class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])


def get(path):
    engine = Engine("docker")
    engine.request("GET", path)
    answer = engine.getresponse()
    body = answer.read()
    return body if answer.status == 200 else None


answers = {}


def record(path, version):
    body = get(version + path)
    if body is None:
        return None
    answers[path] = json.loads(body) if body[:1] in b"{[" else body.hex()
    return answers[path]


version = "/v" + record("/version", "")["ApiVersion"]
for path in "/networks", "/volumes":
    record(path, version)
for container in record("/containers/json?all=1", version):
    container = record(f"/containers/{container['Id']}/json", version)
    container["State"].get("Health", {}).pop("Log", None)
    record(f"/containers/{container['Id']}/archive?path=/run/secrets", version)
    for image in container["Image"], container["Config"]["Image"]:
        record(f"/images/{image}/json", version)
answers["/containers/json?all=1"] = [{"Id": c["Id"], "Labels": c["Labels"]} for c in answers["/containers/json?all=1"]]
json.dump(answers, sys.stdout, indent=0, sort_keys=True)
print()
