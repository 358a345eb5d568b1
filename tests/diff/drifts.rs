//! What people do to servers by hand: each is found, once, and classified.

use std::collections::BTreeMap;

use stackgen::compile::Compiled;
use stackgen::deployed::{
    CloudFirewall, Container, Deployed, Engine, EngineNetwork, EngineVolume, FileEntry, Reading,
};
use stackgen::outline::Value;

use super::server;

/// A server with everything that can be read of it.
pub struct World<'a> {
    pub built: &'a Compiled,
    pub texts: BTreeMap<String, String>,
    pub deployed: Deployed,
}

impl<'a> World<'a> {
    /// A server as it is after a deploy: `deployed` is that, read once.
    pub fn new(built: &'a Compiled, deployed: &Deployed) -> Self {
        let mut deployed = deployed.clone();
        let rules = built.artifacts.iter().find(|a| a.path == "firewall/digitalocean.json");
        deployed.firewalls = rules.map(|a| {
            let mut list = stackgen::deployed::firewall::read(a.text.as_bytes()).expect("a firewall");
            list.iter_mut().for_each(|f| f.applied_to = vec!["tag:erp".into()]);
            list
        });
        Self { built, texts: server::texts(built), deployed }
    }

    /// The server as it is now.
    pub fn read(mut self) -> Deployed {
        let before = server::texts(self.built);
        let files = self.deployed.files.as_mut().expect("files");
        files.retain(|path, _| self.texts.contains_key(path));
        for (path, text) in self.texts.iter().filter(|(path, text)| before.get(*path) != Some(text)) {
            let old = files.get(path).cloned();
            let mut file = server::file(path, text, false);
            // What was set on a file itself stays.
            if let Some(old) = old {
                (file.modified, file.mode) = (old.modified, old.mode);
            }
            files.insert(path.clone(), file);
        }
        self.deployed
    }

    pub fn edit(&mut self, file: &str, from: &str, to: &str) {
        let text = self.texts.get_mut(file).unwrap_or_else(|| panic!("no {file}"));
        assert!(text.contains(from), "{file} has no {from:?}");
        *text = text.replacen(from, to, 1);
    }

    pub fn engine(&mut self) -> &mut Engine {
        self.deployed.engine.as_mut().expect("an engine")
    }

    pub fn container(&mut self, service: &str) -> &mut Container {
        let found = self.engine().containers.iter_mut().find(|c| c.service.as_deref() == Some(service));
        found.unwrap_or_else(|| panic!("no container of {service}"))
    }

    /// Sets an entry of a container, or takes it away.
    pub fn set(&mut self, service: &str, path: &[&str], value: Option<&str>) {
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        let container = self.container(service);
        container.entries.retain(|e| e.path != path);
        container.entries.extend(value.map(|v| FileEntry {
            path,
            value: Value::Plain(v.into()),
            line: 0,
            implied: false,
        }));
    }

    /// Renames a container, wherever it is named.
    pub fn rename(&mut self, service: &str, name: &str) {
        let old = std::mem::replace(&mut self.container(service).name, name.into());
        self.set(service, &["container_name"], Some(name));
        let engine = self.engine();
        let lists = engine.networks.iter_mut().map(|n| &mut n.containers);
        for list in lists.chain(engine.volumes.iter_mut().map(|v| &mut v.containers)) {
            list.iter_mut().filter(|n| **n == old).for_each(|n| *n = name.into());
        }
    }

    /// Nothing uses a volume or network any more.
    pub fn unused(&mut self, name: &str) {
        let engine = self.engine();
        engine.volumes.iter_mut().filter(|v| v.name == name).for_each(|v| v.containers.clear());
        engine.networks.iter_mut().filter(|n| n.name == name).for_each(|n| n.containers.clear());
    }

    pub fn run(&mut self, container: Container) {
        self.engine().containers.push(container);
    }

    fn firewall(&mut self) -> &mut CloudFirewall {
        &mut self.deployed.firewalls.as_mut().expect("firewalls")[0]
    }
}

/// A container that somebody started.
fn container(name: &str) -> Container {
    Container {
        id: format!("id-of-{name}"),
        name: name.into(),
        image: "busybox:1.36".into(),
        image_id: "sha256:bbbb".into(),
        state: "running".into(),
        created: Some(server::STARTED),
        started: Some(server::STARTED),
        ..Container::default()
    }
}

fn of_project(name: &str, project: &str, service: &str) -> Container {
    Container { project: Some(project.into()), service: Some(service.into()), ..container(name) }
}

fn with_port(container: Container, port: &str) -> Container {
    let entries = vec![FileEntry {
        path: vec!["ports".into(), port.into()],
        value: Value::Plain(String::new()),
        line: 0,
        implied: false,
    }];
    Container { entries, ..container }
}

fn network(name: &str, on: &[&str]) -> EngineNetwork {
    EngineNetwork {
        name: name.into(),
        containers: on.iter().map(ToString::to_string).collect(),
        ..EngineNetwork::default()
    }
}

fn volume(name: &str) -> EngineVolume {
    EngineVolume { name: name.into(), ..EngineVolume::default() }
}

pub type Drift = (&'static str, fn(&mut World), &'static str);

const COMPOSE: &str = "docker-compose.yml";
const NGINX: &str = "nginx/nginx.conf";
const ODOO: &str = "odoo/odoo.conf";
const NFT: &str = "firewall/nftables.conf";
const CLOUD: &str = "firewall/digitalocean.json";

/// Of the reference stack: what was done, how, and what is found: status, consequence, subject.
pub const DRIFTS: &[Drift] = &[
    // The Compose file was edited, and brought up.
    (
        "image edited and brought up",
        |w| {
            w.edit(COMPOSE, "image: n8nio/n8n:2.40.7", "image: n8nio/n8n:2.39.0");
            w.set("n8n", &["image"], Some("n8nio/n8n:2.39.0"));
        },
        "drift recreate service n8n",
    ),
    (
        "memory limit edited and brought up",
        |w| {
            w.edit(COMPOSE, "memory: 3G", "memory: 4G");
            w.set("odoo", &["deploy", "resources", "limits", "memory"], Some("4g"));
        },
        "drift recreate service odoo",
    ),
    (
        "restart policy edited and brought up",
        |w| {
            w.edit(COMPOSE, "restart: unless-stopped", "restart: always");
            w.set("odoo", &["restart"], Some("always"));
        },
        "drift recreate service odoo",
    ),
    (
        "variable added and brought up",
        |w| {
            w.edit(COMPOSE, "      TZ: Asia/Manila\n", "      TZ: Asia/Manila\n      DEBUG: \"1\"\n");
            w.set("odoo", &["environment", "DEBUG"], Some("1"));
        },
        "drift recreate service odoo",
    ),
    (
        "variable changed and brought up",
        |w| {
            w.edit(COMPOSE, "EXECUTIONS_MODE: regular", "EXECUTIONS_MODE: queue");
            w.set("n8n", &["environment", "EXECUTIONS_MODE"], Some("queue"));
        },
        "drift recreate service n8n",
    ),
    (
        "variable removed and brought up",
        |w| {
            w.edit(COMPOSE, "      N8N_SECURE_COOKIE: \"true\"\n", "");
            w.set("n8n", &["environment", "N8N_SECURE_COOKIE"], None);
        },
        "drift recreate service n8n",
    ),
    (
        "another database, brought up",
        |w| {
            w.edit(COMPOSE, "DB_POSTGRESDB_DATABASE: n8n", "DB_POSTGRESDB_DATABASE: n8n_test");
            w.set("n8n", &["environment", "DB_POSTGRESDB_DATABASE"], Some("n8n_test"));
        },
        "drift data-loss service n8n",
    ),
    (
        "port published and brought up",
        |w| {
            w.edit(
                COMPOSE,
                "    container_name: n8n-prod\n",
                "    container_name: n8n-prod\n    ports: [\"5678:5678\"]\n",
            );
            w.set("n8n", &["ports", "5678:5678/tcp"], Some(""));
        },
        "drift exposure service n8n",
    ),
    (
        "port moved to loopback and brought up",
        |w| {
            w.edit(COMPOSE, "published: \"80\"", "published: \"80\"\n        host_ip: 127.0.0.1");
            w.set("nginx", &["ports", "80:80/tcp"], None);
            w.set("nginx", &["ports", "127.0.0.1:80:80/tcp"], Some(""));
        },
        "drift exposure service nginx; drift recreate service nginx",
    ),
    (
        "healthcheck edited and brought up",
        |w| {
            w.edit(COMPOSE, "start_period: 120s", "start_period: 10s");
            w.set("odoo", &["healthcheck", "start_period"], Some("10s"));
        },
        "drift recreate service odoo",
    ),
    (
        "read_only bind made writable and brought up",
        |w| {
            w.edit(
                COMPOSE,
                "        target: /etc/odoo\n        read_only: true\n",
                "        target: /etc/odoo\n",
            );
            w.set("odoo", &["volumes", "/etc/odoo", "read_only"], None);
        },
        "drift recreate service odoo",
    ),
    (
        "data mounted from another volume",
        |w| {
            w.edit(COMPOSE, "source: n8n-data", "source: odoo-db-data");
            w.set("n8n", &["volumes", "/home/node/.n8n", "source"], Some("odoo-db-data"));
        },
        "drift data-loss service n8n",
    ),
    (
        "capabilities given back and brought up",
        |w| {
            w.edit(COMPOSE, "    cap_drop:\n      - ALL\n", "");
            w.set("odoo", &["cap_drop", "ALL"], None);
        },
        "drift recreate service odoo",
    ),
    (
        "log bound removed and brought up",
        |w| {
            w.edit(COMPOSE, "        max-size: 10m\n", "");
            w.set("odoo", &["logging", "options", "max-size"], None);
        },
        "drift recreate service odoo",
    ),
    (
        "label added and brought up",
        |w| {
            w.edit(
                COMPOSE,
                "    container_name: odoo-prod\n",
                "    container_name: odoo-prod\n    labels: { a: b }\n",
            );
            w.set("odoo", &["labels", "a"], Some("b"));
        },
        "drift recreate service odoo",
    ),
    (
        "command edited and brought up",
        |w| {
            w.edit(COMPOSE, "command: [\"npm\", \"start\"]", "command: [\"npm\", \"run\", \"dev\"]");
            w.set("mcp", &["command"], Some("[\"npm\",\"run\",\"dev\"]"));
        },
        "drift recreate service mcp",
    ),
    (
        "container renamed and brought up",
        |w| {
            w.edit(COMPOSE, "container_name: mcp-prod", "container_name: mcp");
            w.set("mcp", &["container_name"], Some("mcp"));
        },
        "drift recreate service mcp",
    ),
    (
        "grace period cut and brought up",
        |w| {
            w.edit(COMPOSE, "stop_grace_period: 630s", "stop_grace_period: 10s");
            w.set("odoo", &["stop_grace_period"], Some("10s"));
        },
        "drift recreate service odoo",
    ),
    // The Compose file was edited, and nothing else happened.
    (
        "image edited, not brought up",
        |w| w.edit(COMPOSE, "image: odoo:18.0", "image: odoo:17.0"),
        "drift nothing service odoo",
    ),
    (
        "memory edited, not brought up",
        |w| w.edit(COMPOSE, "memory: 3G", "memory: 5G"),
        "drift nothing service odoo",
    ),
    (
        "dependency removed",
        |w| {
            w.edit(COMPOSE, "    depends_on:\n      certbot-prepare:\n        condition: service_completed_successfully\n", "");
        },
        "drift nothing service nginx",
    ),
    (
        "build context edited",
        |w| {
            w.edit(COMPOSE, "      context: ../ocr\n", "      context: ../ocr2\n");
        },
        "drift recreate service ocr",
    ),
    (
        "service removed from the file",
        |w| {
            let text = w.texts.get_mut(COMPOSE).expect("a file");
            let start = text.find("  # MCP coordinator").expect("mcp");
            let end = text.find("  # Authentication gateway").expect("auth");
            text.replace_range(start..end, "");
            w.engine().containers.retain(|c| c.service.as_deref() != Some("mcp"));
        },
        "drift nothing service mcp",
    ),
    (
        "service added to the file and brought up",
        |w| {
            w.edit(
                COMPOSE,
                "services:\n",
                "services:\n  adminer:\n    image: adminer:4\n    networks: [odoo]\n",
            );
            w.run(of_project("deploy-adminer-1", "deploy", "adminer"));
        },
        "drift restart service adminer",
    ),
    (
        "project renamed in the file",
        |w| w.edit(COMPOSE, "name: deploy\n", "name: odoo\n"),
        "drift data-loss project deploy",
    ),
    (
        "volume renamed and brought up",
        |w| {
            w.edit(COMPOSE, "name: deploy_n8n-data", "name: n8n-data");
            w.unused("deploy_n8n-data");
        },
        "drift data-loss volume n8n-data",
    ),
    (
        "cache renamed and brought up",
        |w| {
            w.edit(COMPOSE, "name: deploy_ocr-models", "name: ocr-models");
            w.unused("deploy_ocr-models");
        },
        "drift recreate volume ocr-models",
    ),
    (
        "network renamed and brought up",
        |w| {
            w.edit(COMPOSE, "name: deploy_odoo\n", "name: odoo\n");
            w.unused("deploy_odoo");
        },
        "drift outage network odoo",
    ),
    (
        "network made internal and brought up",
        |w| {
            w.edit(COMPOSE, "name: deploy_n8n\n", "name: deploy_n8n\n    internal: true\n");
            let n = w.engine().networks.iter_mut().find(|n| n.name == "deploy_n8n").expect("a network");
            n.entries.push(FileEntry {
                path: vec!["internal".into()],
                value: Value::Plain("true".into()),
                line: 0,
                implied: false,
            });
        },
        "drift outage network n8n",
    ),
    (
        "another volume of the key by hand",
        |w| w.unused("deploy_superset-data"),
        "drift data-loss volume superset-data",
    ),
    (
        "volume renamed in the file",
        |w| {
            w.edit(COMPOSE, "name: deploy_n8n-data", "name: n8n-data");
        },
        "drift nothing volume n8n-data",
    ),
    (
        "volume given a driver in the file",
        |w| {
            w.edit(
                COMPOSE,
                "name: deploy_odoo-web-data",
                "name: deploy_odoo-web-data\n    driver_opts: { type: none }",
            );
        },
        "drift nothing volume odoo-web-data",
    ),
    (
        "cache renamed in the file",
        |w| {
            w.edit(COMPOSE, "name: deploy_ocr-models", "name: ocr-models");
        },
        "drift nothing volume ocr-models",
    ),
    (
        "network made internal in the file",
        |w| {
            w.edit(COMPOSE, "name: deploy_n8n\n", "name: deploy_n8n\n    internal: true\n");
        },
        "drift nothing network n8n",
    ),
    (
        "network renamed in the file",
        |w| w.edit(COMPOSE, "name: deploy_odoo\n", "name: odoo\n"),
        "drift nothing network odoo",
    ),
    (
        "secret taken from the file",
        |w| {
            w.edit(
                COMPOSE,
                "  N8N_DB_PASSWORD:\n    environment: N8N_DB_PASSWORD\n",
                "  N8N_DB_PASSWORD:\n    file: ./pw\n",
            );
        },
        "drift recreate secret N8N_DB_PASSWORD",
    ),
    (
        "file is no YAML any more",
        |w| w.edit(COMPOSE, "services:\n", "services: [\n"),
        "drift recreate file docker-compose.yml",
    ),
    ("file deleted", |w| drop(w.texts.remove(COMPOSE)), "drift recreate file docker-compose.yml"),
    // What Compose lays over it.
    (
        "override",
        |w| drop(w.texts.insert("docker-compose.override.yml".into(), "services: {}\n".into())),
        "undeclared recreate file docker-compose.override.yml",
    ),
    (
        "another Compose file that wins",
        |w| drop(w.texts.insert("compose.yaml".into(), "services: {}\n".into())),
        "undeclared recreate file compose.yaml",
    ),
    // nginx.conf
    (
        "header dropped",
        |w| w.edit(NGINX, "    add_header X-Content-Type-Options nosniff always;\n", ""),
        "drift reload service nginx",
    ),
    (
        "version shown",
        |w| w.edit(NGINX, "server_tokens off;", "server_tokens on;"),
        "drift reload service nginx",
    ),
    (
        "upstream moved",
        |w| w.edit(NGINX, "server n8n:5678 resolve;", "server c95d05274029_n8n-prod:5678 resolve;"),
        "drift reload service nginx",
    ),
    ("rate raised", |w| w.edit(NGINX, "rate=10r/s", "rate=1000r/s"), "drift reload service nginx"),
    (
        "limit dropped",
        |w| w.edit(NGINX, "            limit_req zone=api_limit burst=20 nodelay;\n", ""),
        "drift exposure site n8n.insightpulseai.net",
    ),
    (
        "old protocols allowed",
        |w| w.edit(NGINX, "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1 TLSv1.2 TLSv1.3;"),
        "drift reload service nginx",
    ),
    (
        "body size changed",
        |w| w.edit(NGINX, "client_max_body_size", "client_max_body_size 1m; #"),
        "drift reload service nginx",
    ),
    (
        "site removed",
        |w| {
            let text = w.texts.get_mut(NGINX).expect("a file");
            let at = text.find("server_name affine.insightpulseai.net;\n").expect("a site");
            text.replace_range(
                at..at + "server_name affine.insightpulseai.net;\n".len(),
                "server_name old.insightpulseai.net;\n",
            );
        },
        "drift reload site affine.insightpulseai.net",
    ),
    ("nginx.conf is broken", |w| w.edit(NGINX, "http {", "http {{"), "drift reload file nginx/nginx.conf"),
    ("nginx.conf deleted", |w| drop(w.texts.remove(NGINX)), "drift reload file nginx/nginx.conf"),
    // odoo.conf
    ("workers", |w| w.edit(ODOO, "workers = 2", "workers = 0"), "drift restart service odoo"),
    ("databases listed", |w| w.edit(ODOO, "list_db = False", "list_db = True"), "drift restart service odoo"),
    (
        "another database",
        |w| w.edit(ODOO, "db_name = odoo", "db_name = odoo_copy"),
        "drift data-loss service odoo",
    ),
    (
        "another database host",
        |w| w.edit(ODOO, "db_port = 25060", "db_port = 5432"),
        "drift restart service odoo",
    ),
    (
        "an option added",
        |w| w.edit(ODOO, "[options]\n", "[options]\ndev_mode = all\n"),
        "drift restart service odoo",
    ),
    ("an option removed", |w| w.edit(ODOO, "proxy_mode = True\n", ""), "drift restart service odoo"),
    ("odoo.conf deleted", |w| drop(w.texts.remove(ODOO)), "drift restart file odoo/odoo.conf"),
    ("start.sh edited", |w| w.edit("odoo/start.sh", "set -eu", "set -x"), "drift restart service odoo"),
    (
        "start.sh cannot be run",
        |w| {
            w.deployed.files.as_mut().expect("files").get_mut("odoo/start.sh").expect("a file").mode =
                Some(0o644);
        },
        "drift nothing file odoo/start.sh",
    ),
    // Superset
    (
        "superset_config.py edited",
        |w| {
            w.texts
                .get_mut("superset/superset_config.py")
                .expect("a file")
                .push_str("WTF_CSRF_ENABLED = False\n");
        },
        "drift restart service superset",
    ),
    (
        "Dockerfile edited",
        |w| {
            w.texts.get_mut("superset/Dockerfile").expect("a file").push_str("RUN pip install x\n");
        },
        "drift recreate service superset",
    ),
    (
        "init.sh edited",
        |w| {
            w.texts.get_mut("superset/init.sh").expect("a file").push_str("echo done\n");
        },
        "drift nothing service superset",
    ),
    // certbot
    (
        "a name taken off a certificate",
        |w| {
            w.edit("certbot/certificates.txt", " mcp.insightpulseai.net", "");
        },
        "drift certificate certificate www.insightpulseai.net",
    ),
    (
        "a certificate taken off the list",
        |w| {
            w.edit(
                "certbot/certificates.txt",
                "chat.insightpulseai.net planned chat.insightpulseai.net\n",
                "",
            );
        },
        "drift certificate certificate chat.insightpulseai.net",
    ),
    (
        "a certificate added to the list",
        |w| {
            w.texts
                .get_mut("certbot/certificates.txt")
                .expect("a file")
                .push_str("x.example.com needed x.example.com\n");
        },
        "drift certificate certificate x.example.com",
    ),
    (
        "staging issuer",
        |w| w.edit("certbot/cli.ini", "acme-v02", "acme-staging-v02"),
        "drift restart file certbot/cli.ini",
    ),
    (
        "another account",
        |w| w.edit("certbot/cli.ini", "admin@insightpulseai.net", "x@example.com"),
        "drift restart file certbot/cli.ini",
    ),
    (
        "certificates.sh edited",
        |w| w.edit("certbot/certificates.sh", "umask 077", "umask 022"),
        "drift restart file certbot/certificates.sh",
    ),
    // Firewall files
    (
        "a port opened in nftables.conf",
        |w| {
            w.edit(
                NFT,
                "\t\t# HTTPS\n",
                "\t\tmeta l4proto tcp ct original proto-dst 5432 accept\n\t\t# HTTPS\n",
            );
        },
        "drift exposure firewall nftables",
    ),
    (
        "a port closed in nftables.conf",
        |w| {
            w.edit(NFT, "\t\tmeta l4proto tcp ct original proto-dst 443 accept\n", "");
        },
        "drift exposure firewall nftables",
    ),
    (
        "policy turned to accept",
        |w| w.edit(NFT, "policy drop;", "policy accept;"),
        "drift exposure firewall nftables",
    ),
    (
        "ping refused",
        |w| w.edit(NFT, "limit rate 20/second", "limit rate 1/second"),
        "drift reload firewall nftables",
    ),
    (
        "digitalocean.json edited",
        |w| w.edit(CLOUD, "\"ports\": \"22\"", "\"ports\": \"2222\""),
        "drift nothing firewall digitalocean",
    ),
    (
        "apply.sh edited",
        |w| w.edit("firewall/apply.sh", "set -", "set -x; set -"),
        "drift nothing file firewall/apply.sh",
    ),
    (
        "unit edited",
        |w| w.edit("firewall/stackgen-firewall.service", "[Service]", "[Service]\nNice=5"),
        "drift reload file firewall/stackgen-firewall.service",
    ),
    // Provider's firewall
    (
        "database port opened",
        |w| w.firewall().rules.push("inbound tcp 5432 from 0.0.0.0/0".into()),
        "drift exposure firewall odoo-erp-prod",
    ),
    (
        "ssh narrowed at the provider",
        |w| {
            let rules = &mut w.firewall().rules;
            rules.retain(|r| r != "inbound tcp 22 from 0.0.0.0/0");
        },
        "drift reload firewall odoo-erp-prod",
    ),
    (
        "HTTPS closed at the provider",
        |w| w.firewall().rules.retain(|r| !r.starts_with("inbound tcp 443")),
        "drift reload firewall odoo-erp-prod",
    ),
    (
        "firewall removed",
        |w| w.deployed.firewalls.as_mut().expect("a list").clear(),
        "drift exposure firewall odoo-erp-prod",
    ),
    (
        "firewall applied to nothing",
        |w| w.firewall().applied_to.clear(),
        "drift exposure firewall odoo-erp-prod",
    ),
    (
        "a second firewall that opens more",
        |w| {
            let rules = vec!["inbound tcp 8069 from 0.0.0.0/0".into()];
            let other = CloudFirewall { name: "temp".into(), applied_to: vec!["tag:erp".into()], rules };
            w.deployed.firewalls.as_mut().expect("a list").push(other);
        },
        "undeclared exposure firewall temp",
    ),
    // Certificates
    (
        "certificate of another site",
        |w| {
            let list = w.deployed.certificates.as_mut().expect("certificates");
            list.get_mut("/etc/letsencrypt/live/www.insightpulseai.net/fullchain.pem").expect("one").names =
                vec!["other.example.com".into()];
        },
        "drift certificate certificate www.insightpulseai.net",
    ),
    (
        "temporary certificate still there",
        |w| {
            let list = w.deployed.certificates.as_mut().expect("certificates");
            list.get_mut("/etc/letsencrypt/live/www.insightpulseai.net/fullchain.pem")
                .expect("one")
                .self_signed = true;
        },
        "drift certificate certificate www.insightpulseai.net",
    ),
    (
        "certificate has ended",
        |w| {
            let list = w.deployed.certificates.as_mut().expect("certificates");
            list.get_mut("/etc/letsencrypt/live/www.insightpulseai.net/fullchain.pem").expect("one").ends =
                server::STARTED;
        },
        "drift certificate certificate www.insightpulseai.net",
    ),
    (
        "certificate is missing",
        |w| {
            let list = w.deployed.certificates.as_mut().expect("certificates");
            list.remove("/etc/letsencrypt/live/www.insightpulseai.net/fullchain.pem");
        },
        "drift certificate certificate www.insightpulseai.net",
    ),
    // Containers
    (
        "docker update --memory",
        |w| {
            w.set("superset", &["deploy", "resources", "limits", "memory"], Some("2g"));
        },
        "drift recreate service superset",
    ),
    ("docker update --restart", |w| w.set("n8n", &["restart"], Some("no")), "drift recreate service n8n"),
    (
        "docker network connect",
        |w| {
            w.set("n8n", &["networks", "odoo"], Some(""));
        },
        "drift nothing service n8n",
    ),
    (
        "docker network disconnect",
        |w| w.set("nginx", &["networks", "n8n"], None),
        "drift recreate service nginx",
    ),
    (
        "docker rename",
        |w| {
            w.rename("mcp", "mcp-old");
        },
        "drift recreate service mcp",
    ),
    (
        "docker stop",
        |w| {
            let c = w.container("ocr");
            (c.state, c.exit_code) = ("exited".into(), Some(137));
        },
        "drift nothing service ocr",
    ),
    ("docker pause", |w| w.container("ocr").state = "paused".into(), "drift nothing service ocr"),
    (
        "docker rm",
        |w| w.engine().containers.retain(|c| c.service.as_deref() != Some("auth")),
        "drift nothing service auth",
    ),
    (
        "it restarts again and again",
        |w| {
            let c = w.container("auth");
            (c.state, c.restarts) = ("restarting".into(), 41);
        },
        "drift nothing service auth",
    ),
    (
        "it is unhealthy",
        |w| w.container("odoo").health = Some("unhealthy".into()),
        "drift nothing service odoo",
    ),
    ("it was started again and again", |w| w.container("mcp").restarts = 12, "drift nothing service mcp"),
    (
        "the job failed",
        |w| w.container("superset-init").exit_code = Some(1),
        "drift nothing service superset-init",
    ),
    (
        "run with another value by hand",
        |w| {
            w.set("mcp", &["environment", "PORT"], Some("4000"));
        },
        "drift recreate service mcp",
    ),
    (
        "run with another image by hand",
        |w| {
            w.set("mcp", &["image"], Some("node:22-alpine"));
            w.container("mcp").image = "node:22-alpine".into();
        },
        "drift recreate service mcp",
    ),
    (
        "run with a port by hand",
        |w| w.set("mcp", &["ports", "3000:3000/tcp"], Some("")),
        "drift exposure service mcp",
    ),
    ("run privileged by hand", |w| w.set("mcp", &["privileged"], Some("true")), "drift recreate service mcp"),
    (
        "the tag moved",
        |w| w.container("n8n").reference_id = Some("sha256:cccc".into()),
        "drift recreate service n8n",
    ),
    (
        "configuration newer than the container",
        |w| {
            w.deployed.files.as_mut().expect("files").get_mut("odoo/odoo.conf").expect("a file").modified =
                Some(server::STARTED + 500);
        },
        "undeployed restart service odoo",
    ),
    (
        "one more container of a service",
        |w| {
            let mut second = w.container("mcp").clone();
            second.id = "another".into();
            w.run(second);
        },
        "drift restart service mcp",
    ),
    // What nobody declared.
    ("docker run", |w| w.run(container("happy_einstein")), "undeclared nothing container happy_einstein"),
    (
        "docker run -p",
        |w| w.run(with_port(container("tunnel"), "8080:80/tcp")),
        "undeclared exposure container tunnel",
    ),
    (
        "docker run -p 127.0.0.1",
        |w| w.run(with_port(container("tunnel"), "127.0.0.1:8080:80/tcp")),
        "undeclared nothing container tunnel",
    ),
    (
        "docker compose run",
        |w| {
            w.run(Container { one_off: true, ..of_project("deploy-odoo-run-1", "deploy", "odoo") });
        },
        "undeclared nothing container deploy-odoo-run-1",
    ),
    (
        "another project",
        |w| {
            for n in 0..8 {
                w.run(of_project(&format!("old-{n}"), "old", "x"));
            }
            let mut n = network("old_default", &[]);
            n.project = Some("old".into());
            w.engine().networks.push(n);
        },
        "undeclared nothing project old",
    ),
    (
        "another project that is open",
        |w| w.run(with_port(of_project("pg", "old", "db"), "5432:5432/tcp")),
        "undeclared exposure project old",
    ),
    (
        "an orphan of the project",
        |w| w.run(of_project("deploy-old-1", "deploy", "old")),
        "undeclared nothing container deploy-old-1",
    ),
    (
        "an interrupted recreate",
        |w| {
            w.run(Container {
                state: "created".into(),
                ..of_project("c95d05274029_n8n-prod", "deploy", "n8n")
            });
        },
        "undeclared nothing container c95d05274029_n8n-prod",
    ),
    (
        "an interrupted recreate that runs",
        |w| {
            w.rename("n8n", "c95d05274029_n8n-prod");
        },
        "drift nothing service n8n",
    ),
    (
        "a network",
        |w| w.engine().networks.push(network("shared", &["a"])),
        "undeclared nothing network shared",
    ),
    ("a volume", |w| w.engine().volumes.push(volume("backup")), "undeclared nothing volume backup"),
    (
        "volumes without names",
        |w| {
            for n in 0..3 {
                w.engine()
                    .volumes
                    .push(EngineVolume { anonymous: true, ..volume(&format!("{n}").repeat(64)) });
            }
        },
        "undeclared nothing volume 3 without names",
    ),
    (
        "a file",
        |w| drop(w.texts.insert("odoo/odoo.conf.bak".into(), "x\n".into())),
        "undeclared nothing file odoo/odoo.conf.bak",
    ),
    // What is not there any more.
    (
        "the volume is gone",
        |w| w.engine().volumes.retain(|v| v.name != "deploy_odoo-web-data"),
        "drift data-loss volume odoo-web-data",
    ),
    (
        "the cache is gone",
        |w| w.engine().volumes.retain(|v| v.name != "deploy_ocr-models"),
        "drift nothing volume ocr-models",
    ),
    (
        "the network is gone",
        |w| w.engine().networks.retain(|n| n.name != "deploy_certbot"),
        "drift nothing network certbot",
    ),
    (
        "the network was made by hand",
        |w| {
            let n = w.engine().networks.iter_mut().find(|n| n.name == "deploy_n8n").expect("a network");
            n.entries.push(FileEntry {
                path: vec!["internal".into()],
                value: Value::Plain("true".into()),
                line: 0,
                implied: false,
            });
        },
        "drift outage network n8n",
    ),
];

/// A source that could not be read.
pub fn unreadable() -> Reading {
    Reading {
        source: "docker+ssh://root@shop".into(),
        faults: vec!["cannot reach it: connection refused".into()],
    }
}
