#!/usr/bin/env python3
"""What one would write instead: a script that renders a manifest with Jinja2.

    python benches/jinja.py MANIFEST DIR

It reads the same manifest as `stackgen build` with PyYAML (libyaml, where PyYAML has it), and renders a
docker-compose.yml and an nginx.conf of about the same size. It checks nothing and quotes only what usually needs it.
"""

import os
import sys
from urllib.parse import urlsplit

import jinja2
import yaml

COMPOSE = """\
name: {{ project }}
services:
{% for name, s in services.items() %}
  # {{ s.title }}
  {{ name }}:
    image: {{ s.image }}
    {% if s.container_name %}
    container_name: {{ s.container_name }}
    {% endif %}
    {% if s.volumes or s.mounts %}
    volumes:
      {% for key, v in s.volumes.items() %}
      - type: volume
        source: {{ v.name or name ~ "-" ~ key }}
        target: {{ v.mount or "/data" }}
      {% endfor %}
      {% for m in s.mounts %}
      - type: bind
        source: {{ m.source }}
        target: {{ m.target }}
        {% if not m.writable %}
        read_only: true
        {% endif %}
        bind:
          create_host_path: false
      {% endfor %}
    {% endif %}
    {% if s.env %}
    environment:
      {% for key, value in s.env.items() %}
      {% if value is mapping %}
      {{ key }}: ${{ "{" }}{{ value.secret }}:?see .env.example}
      {% else %}
      {{ key }}: {{ value | string | fill(s) | tojson }}
      {% endif %}
      {% endfor %}
    {% endif %}
    networks:
      - {{ name }}
    {% if s.command %}
    command: {{ s.command | tojson }}
    {% endif %}
    restart: unless-stopped
    {% if s.healthcheck %}
    healthcheck:
      {% if s.healthcheck.http %}
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:{{ s.listen }}{{ s.healthcheck.http }}"]
      {% else %}
      test: {{ (["CMD"] + s.healthcheck.command) | tojson }}
      {% endif %}
      interval: {{ s.healthcheck.interval or "30s" }}
      timeout: {{ s.healthcheck.timeout or "5s" }}
      retries: {{ s.healthcheck.retries or 5 }}
      start_period: {{ s.healthcheck.start_period or "30s" }}
    {% endif %}
    logging:
      driver: json-file
      options:
        max-size: 10m
        max-file: "3"
    {% if s.memory %}
    deploy:
      resources:
        limits:
          memory: {{ s.memory | replace("iB", "") }}
    {% endif %}
    {% if s.hardening.read_only %}
    read_only: true
    {% endif %}
    security_opt:
      - no-new-privileges:true
    {% if s.hardening.tmpfs %}
    tmpfs:
      {% for path in s.hardening.tmpfs %}
      - {{ path }}:mode=1777
      {% endfor %}
    {% endif %}
{% endfor %}
networks:
{% for name in services %}
  {{ name }}:
    name: {{ project }}_{{ name }}
    internal: true
{% endfor %}
volumes:
{% for name, s in services.items() %}
  {% for key, v in s.volumes.items() %}
  # {{ v.class or "important" }}: {{ v.description or key }}
  {{ v.name or name ~ "-" ~ key }}:
    name: {{ project }}_{{ v.name or name ~ "-" ~ key }}
  {% endfor %}
{% endfor %}
"""

NGINX = """\
user nginx;
worker_processes auto;
error_log /dev/stderr warn;

events {
    worker_connections 4096;
}

http {
    include /etc/nginx/mime.types;
    server_tokens off;
    sendfile on;
    client_max_body_size 16m;
    resolver 127.0.0.11;
    ssl_protocols TLSv1.2 TLSv1.3;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    add_header Strict-Transport-Security "max-age=31536000" always;
    add_header X-Content-Type-Options nosniff always;
{% for name, limit in rate_limits.items() %}
    limit_req_zone $binary_remote_addr zone={{ name }}:{{ limit.memory | replace("MiB", "m") }} rate={{ limit.rate }};
{% endfor %}

    server {
        listen 80 default_server;
        location / {
            return 301 https://$host$request_uri;
        }
    }
{% for name, s in services.items() if s.port %}

    upstream {{ name }}_{{ s.port }} {
        zone upstreams 4m;
        server {{ name }}:{{ s.port }} resolve;
        keepalive 16;
    }
{% endfor %}
{% for name, s in sites.items() %}

    # {{ name }}: {{ s.title }}
{% for alias in s.aliases %}
    server {
        listen 443 ssl;
        http2 on;
        server_name {{ alias }};
        ssl_certificate /etc/nginx/certificates/{{ s.host }}/fullchain.pem;
        ssl_certificate_key /etc/nginx/certificates/{{ s.host }}/privkey.pem;
        return 301 https://{{ s.host }}$request_uri;
    }
{% endfor %}
    server {
        listen 443 ssl;
        http2 on;
        server_name {{ s.host }};
        ssl_certificate /etc/nginx/certificates/{{ s.host }}/fullchain.pem;
        ssl_certificate_key /etc/nginx/certificates/{{ s.host }}/privkey.pem;
    {% if s.root %}
        root {{ s.root }};
        location / {
            try_files $uri $uri/ =404;
        }
    {% elif s.serve or s.status == "planned" %}
        location / {
            return 503;
        }
    {% else %}
    {% for r in s.routes %}
        location {{ r.path }} {
        {% if r.deny %}
            return 403;
        {% else %}
            {% if r.rate_limit %}
            limit_req zone={{ r.rate_limit }} burst={{ rate_limits[r.rate_limit].burst }} nodelay;
            {% endif %}
            {% if r.read_timeout or r.websocket %}
            proxy_read_timeout {{ r.read_timeout or "1h" }};
            proxy_send_timeout {{ r.read_timeout or "1h" }};
            {% endif %}
            proxy_pass http://{{ name }}_{{ s.port }};
        {% endif %}
        }
    {% endfor %}
        location / {
            proxy_pass http://{{ name }}_{{ s.port }};
        }
    {% endif %}
    }
{% endfor %}
}
"""

KINDS = {
    "odoo": ("odoo", 8069, {"HOST": "db", "PORT": 5432, "TZ": "UTC"}),
    "n8n": ("docker.n8n.io/n8nio/n8n", 5678, {"DB_TYPE": "postgresdb", "N8N_PORT": 5678, "N8N_PROXY_HOPS": 1}),
    "superset": ("apache/superset", 8088, {"SUPERSET_ENV": "production"}),
}


def fill(environment, external):
    """The filter that fills in `{{ expressions }}` of values; each different text is compiled once."""
    compiled = {}

    def filled(text, service):
        if "{{" not in text:
            return text
        if text not in compiled:
            compiled[text] = environment.from_string(text)
        return compiled[text].render(service=service, external=external)

    return filled


def build(path, target):
    with open(path, encoding="utf-8") as file:
        manifest = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    services, sites = {}, {}
    for name, service in manifest["services"].items():
        image, port, env = KINDS.get(service.get("kind"), (None, None, {}))
        if image:
            service["image"] = f"{image}:{service['version']}"
        service.setdefault("image", f"{name}:local")
        service["env"] = {**env, **service.get("env", {})}
        service["port"] = service.get("listen", port)
        for key in ("volumes", "hardening"):
            service.setdefault(key, {})
        for key in ("mounts", "routes", "aliases"):
            service.setdefault(key, [])
        if service.get("url"):
            service["host"] = urlsplit(service["url"]).hostname
            sites[name] = service
        if service.get("kind") != "static" and service.get("status", "active") == "active":
            services[name] = service
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.ChainableUndefined
    )
    environment.filters["fill"] = fill(environment, manifest.get("external", {}))
    values = {
        "project": manifest.get("project", manifest["name"]),
        "services": services,
        "sites": sites,
        "rate_limits": manifest.get("rate_limits", {}),
    }
    os.makedirs(os.path.join(target, "nginx"), exist_ok=True)
    for file_name, template in (("docker-compose.yml", COMPOSE), ("nginx/nginx.conf", NGINX)):
        with open(os.path.join(target, file_name), "w", encoding="utf-8") as file:
            environment.from_string(template).stream(values).dump(file)


if __name__ == "__main__":
    build(*sys.argv[1:])
