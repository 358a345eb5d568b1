#!/usr/bin/env python3
"""Writes a stack manifest of any number of services: python3 benches/generate.py NUMBER > stack.yaml

The same number gives the same bytes. Of twenty services one is Odoo, one n8n, one a static site and one a worker
without a public name; the others are containers with a URL, environment, secrets, volumes, routes and a health check,
about as many lines each as people write.
"""

import sys

HEAD = """\
# A generated stack of {number} services, to measure with.
stackgen: 1
name: generated-{number}
domain: example.com
timezone: Europe/Berlin

host:
  address: 203.0.113.7
  directory: /opt/generated
  compose: "2.40"

proxy:
  version: 1.30.0-alpine

certificates:
  email: admin@example.com

databases:
  main:
    engine: postgres
    version: 16
    host: db.internal.example.com
    port: 5432
    sslmode: verify-full
    ca: ./ca.crt
    password: {{ secret: MAIN_PASSWORD }}
    admin: postgres
    connections: {connections}

mail:
  relay:
    host: smtp.example.com
    port: 587
    user: relay@example.com
    password: {{ secret: SMTP_PASSWORD }}
    encryption: starttls
    from: relay@example.com

external:
  queue:
    url: https://queue.example.net
    used_for: [task queue]

rate_limits:
  api: {{ rate: 10r/s, burst: 20, memory: 10MiB }}

secrets:
  MAIN_PASSWORD: {{ description: "password of postgres, for administration by hand" }}
  SMTP_PASSWORD: {{ description: password of relay@example.com }}

services:
"""

CONTAINER = """\
  app-{n}:
    title: Application {n}, the {word} of department {d}
    image: registry.example.com/department-{d}/{word}:{major}.{minor}.{n}
    listen: {port}
    url: https://app-{n}.example.com
    aliases: [{word}-{n}.example.com]
    env:
      PORT: {port}
      LOG_LEVEL: info
      GREETING: "Hello: this is {word} #{n}"
      PUBLIC_URL: "{{{{ service.url }}}}"
      QUEUE_URL: "{{{{ external.queue.url }}}}/tasks/{n}"
      THRESHOLD: 0.{minor}0
      API_KEY: {{ secret: APP_{n}_API_KEY }}
    volumes:
      data: {{ mount: /var/lib/{word}, class: critical, backup: daily, description: "what {word} {n} keeps" }}
      cache: {{ mount: /var/cache/{word}, class: cache }}
    routes:
      - {{ path: /api/, rate_limit: api, read_timeout: 2m }}
      - {{ path: /internal/, deny: true }}
      - {{ path: /ws/, websocket: true }}
    healthcheck: {{ http: /health, tool: wget, interval: 15s, start_period: 20s }}
    memory: {memory}MiB
    hardening: {{ read_only: true, tmpfs: [/tmp] }}
    notes:
      - Asked for by department {d}; ask there before it is removed.

"""

WORKER = """\
  app-{n}:
    title: Worker {n} of department {d}
    image: registry.example.com/department-{d}/worker:{major}.{minor}.{n}
    command: [worker, --queue, "department-{d}"]
    env:
      QUEUE_URL: "{{{{ external.queue.url }}}}"
      API_KEY: {{ secret: APP_{n}_API_KEY }}
    healthcheck: {{ command: [worker, --ping] }}
    memory: {memory}MiB

"""

ODOO = """\
  app-{n}:
    kind: odoo
    title: Odoo of department {d}
    version: "18.0"
    url: https://app-{n}.example.com
    database: {{ server: main, name: app_{n}, user: app_{n} }}
    mail: relay
    options: {{ addons: [./addons-{d}], workers: 2 }}
    volumes:
      data: {{ class: critical, backup: daily, description: filestore }}
    memory: 3GiB

"""

N8N = """\
  app-{n}:
    kind: n8n
    title: Workflows of department {d}
    version: 2.40.7
    url: https://app-{n}.example.com
    database: {{ server: main, name: app_{n}, user: app_{n} }}
    volumes:
      data: {{ class: critical, backup: daily, description: workflows and credentials }}
    routes:
      - {{ path: /webhook/, rate_limit: api }}

"""

STATIC = """\
  app-{n}:
    kind: static
    title: Site of department {d}
    url: https://app-{n}.example.com
    root: /var/www/app-{n}

"""

WORDS = ["wiki", "shop", "desk", "forum", "intranet", "reports", "archive", "calendar"]


def shape(n):
    """The template of the service with this number."""
    return {3: ODOO, 8: N8N, 13: STATIC, 17: WORKER}.get(n % 20, CONTAINER)


def manifest(number):
    parts = [HEAD.format(number=number, connections=max(100, number * 20))]
    for n in range(number):
        parts.append(
            shape(n).format(
                n=n,
                d=n // 20 + 1,
                word=WORDS[n % len(WORDS)],
                port=3000 + n % 5000,
                major=1 + n % 7,
                minor=1 + n % 9,
                memory=128 * (1 + n % 4),
            )
        )
    return "".join(parts)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__.strip())
    sys.stdout.write(manifest(int(sys.argv[1])))
