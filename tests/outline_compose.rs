//! Outlines of Compose files, held against Compose: two files have one outline exactly when Compose resolves them to one
//! configuration.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{built, content, program, stacks, written};
use serde_json::Value as Json;
use stackgen::outline::{Outline, Value, filled, read};

/// Lines of a service, separated by `;;`; after `||` lines of the document. Left and right.
const PAIRS: &[(&str, &str)] = &[
    // Maps and lists
    ("environment: {A: 1, B: two}", "environment: [B=two, A=1]"),
    ("environment: {A: 1}", "environment: {A: '1'}"),
    ("environment: {A: 1}", "environment: {A: 2}"),
    ("environment: {A: true}", "environment: ['A=true']"),
    ("environment: {A: yes}", "environment: {A: 'yes'}"),
    ("environment: {A: yes}", "environment: {A: true}"),
    ("environment: {A: 0022}", "environment: {A: '18'}"),
    ("environment: {A: 0022}", "environment: {A: '0022'}"),
    ("environment: {A: 1.50}", "environment: {A: '1.5'}"),
    (
        "environment: {A: 1_000, B: 0x1F, C: 1e3, D: 22:22, E: 0b11}",
        "environment: [A=1000, B=31, C=1000, D=22:22, E=3]",
    ),
    ("environment: {A: 1e22, B: 0.00001}", "environment: [A=1e+22, B=1e-05]"),
    ("environment: {A: null}", "environment: [A]"),
    ("environment: {A: }", "environment: {A: ''}"),
    ("environment: [A=]", "environment: {A: ''}"),
    ("environment: [A=b=c]", "environment: {A: 'b=c'}"),
    ("environment: {}", "tty: false"),
    ("environment: {A: a b}", "environment: {A: \"a b\"}"),
    ("environment: {A: \"$$x\"}", "environment: [A=$$x]"),
    ("environment: {A: \"$$x\"}", "environment: [A=$$$$x]"),
    ("environment: {A: $HOME}", "environment: ['A=${HOME}']"),
    ("environment: {A: '${HOME}'}", "environment: ['A=$${HOME}']"),
    ("environment: {A: '${NONE:-x}'}", "environment: ['A=${NONE:-x}']"),
    ("labels: [a=1, b]", "labels: {a: 1, b: ''}"),
    ("labels: {a: 1}", "annotations: {a: 1}"),
    ("labels: {a: true}", "labels: {a: false}"),
    ("sysctls: [net.core.somaxconn=1024]", "sysctls: {net.core.somaxconn: 1024}"),
    ("extra_hosts: ['a:1.2.3.4', 'b=::1']", "extra_hosts: {b: '::1', a: 1.2.3.4}"),
    ("extra_hosts: ['b:[::1]']", "extra_hosts: {b: '::1'}"),
    ("extra_hosts: ['a:1.2.3.4']", "extra_hosts: ['a:1.2.3.5']"),
    (
        "logging: {driver: json-file, options: {max-file: 3}}",
        "logging: {options: {max-file: '3'}, driver: json-file}",
    ),
    // Ports
    ("ports: ['80']", "ports: [80]"),
    ("ports: ['80:80']", "ports: [{target: 80, published: 80}]"),
    ("ports: ['80:80']", "ports: [{target: 80, published: '80', protocol: tcp, mode: ingress}]"),
    ("ports: ['80:80/udp']", "ports: [{target: 80, published: '80', protocol: udp}]"),
    ("ports: ['80:80/udp']", "ports: ['80:80']"),
    ("ports: ['80:80']", "ports: ['80']"),
    ("ports: ['80:80']", "ports: ['0.0.0.0:80:80']"),
    ("ports: ['127.0.0.1:80:80']", "ports: [{host_ip: 127.0.0.1, target: 80, published: 80}]"),
    ("ports: ['127.0.0.1::80']", "ports: [{host_ip: 127.0.0.1, target: 80}]"),
    ("ports: ['[::1]:80:80']", "ports: [{host_ip: '::1', target: 80, published: 80}]"),
    ("ports: ['8000-8002:8000-8002']", "ports: ['8000:8000', '8002:8002', '8001:8001']"),
    ("ports: ['8000-8001:9000-9001/udp']", "ports: ['8000:9000/udp', '8001:9001/udp']"),
    ("ports: ['9000-9001:90']", "ports: [{target: 90, published: 9000-9001}]"),
    ("ports: ['3000-3001']", "ports: [3000, 3001]"),
    ("ports: ['80:80', '80:80']", "ports: ['80:80']"),
    ("ports: ['80:80', '81:81']", "ports: ['81:81', '80:80']"),
    ("ports: [{target: 80, published: 80, mode: host}]", "ports: ['80:80']"),
    ("ports: []", "image: x"),
    ("expose: [80, 81/udp]", "expose: ['81/udp', '80']"),
    ("expose: [80]", "ports: [80]"),
    // Mounts
    (
        "volumes: ['./q:/q']",
        "volumes: [{type: bind, source: ./q, target: /q, bind: {create_host_path: true}}]",
    ),
    (
        "volumes: [{type: bind, source: ./q, target: /q}]",
        "volumes: [{type: bind, source: q, target: /q/, bind: {create_host_path: false}}]",
    ),
    ("volumes: ['./q:/q']", "volumes: [{type: bind, source: ./q, target: /q}]"),
    ("volumes: ['./x/../q:/q:rw']", "volumes: ['./q:/q/']"),
    ("volumes: ['./q:/q:ro']", "volumes: ['./q:/q']"),
    (
        "volumes: ['./q:/q:ro,Z']",
        "volumes: [{type: bind, source: ./q, target: /q, read_only: true, bind: {create_host_path: true, selinux: Z}}]",
    ),
    (
        "volumes: ['./q:/q:rshared']",
        "volumes: [{type: bind, source: ./q, target: /q, bind: {create_host_path: true, propagation: rshared}}]",
    ),
    (
        "volumes: ['data:/d']||volumes: {data: }",
        "volumes: [{type: volume, source: data, target: /d}]||volumes: {data: {}}",
    ),
    (
        "volumes: ['data:/d:nocopy']||volumes: {data: }",
        "volumes: [{type: volume, source: data, target: /d, volume: {nocopy: true}}]||volumes: {data: {}}",
    ),
    ("volumes: ['data:/d']||volumes: {data: {name: p_data}}", "volumes: ['data:/d']||volumes: {data: }"),
    ("volumes: ['data:/d']||volumes: {data: {name: other}}", "volumes: ['data:/d']||volumes: {data: }"),
    (
        "volumes: ['data:/d']||volumes: {data: {external: true}}",
        "volumes: ['data:/d']||volumes: {data: {external: true, name: data}}",
    ),
    (
        "volumes: ['data:/d']||volumes: {data: {external: {name: u}}}",
        "volumes: ['data:/d']||volumes: {data: {external: true, name: u}}",
    ),
    (
        "volumes: ['data:/d']||volumes: {data: {labels: [a=b]}}",
        "volumes: ['data:/d']||volumes: {data: {labels: {a: b}}}",
    ),
    ("volumes: ['data:/d']||volumes: {data: {driver: local}}", "volumes: ['data:/d']||volumes: {data: }"),
    ("volumes: [/d]", "volumes: [{type: volume, target: /d}]"),
    ("volumes: [/d]", "volumes: [{type: tmpfs, target: /d}]"),
    (
        "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10m}}]",
        "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10485760}}]",
    ),
    ("volumes: ['./a:/a', './b:/b']", "volumes: ['./b:/b', './a:/a']"),
    ("tmpfs: /run", "tmpfs: [/run]"),
    ("tmpfs: ['/run:mode=1777']", "tmpfs: /run"),
    ("devices: [/dev/a]", "devices: ['/dev/a:/dev/a:rwm']"),
    ("devices: [/dev/a]", "devices: [{source: /dev/a, target: /dev/a, permissions: rwm}]"),
    ("devices: ['/dev/a:/dev/b:r']", "devices: ['/dev/a:/dev/b']"),
    // Networks
    (
        "networks: [n]||networks: {n: }",
        "networks: {n: {}}||networks: {n: {external: false, internal: false}}",
    ),
    ("networks: [n]||networks: {n: }", "networks: [n]||networks: {n: {internal: true}}"),
    ("networks: [n, m]||networks: {n: , m: }", "networks: {m: , n: }||networks: {m: , n: }"),
    (
        "networks: {n: {aliases: [a, b]}}||networks: {n: }",
        "networks: {n: {aliases: [b, a]}}||networks: {n: }",
    ),
    ("networks: {n: {aliases: [a]}}||networks: {n: }", "networks: [n]||networks: {n: }"),
    ("networks: [n]||networks: {n: {name: p_n}}", "networks: [n]||networks: {n: }"),
    (
        "networks: [n]||networks: {n: {external: true, name: n}}",
        "networks: [n]||networks: {n: {external: true}}",
    ),
    (
        "networks: [n]||networks: {n: {ipam: {config: [{subnet: 1.2.3.0/24}]}}}",
        "networks: [n]||networks: {n: }",
    ),
    (
        "networks: [n]||networks: {n: {driver_opts: {a: 1}}}",
        "networks: [n]||networks: {n: {driver_opts: {a: '1'}}}",
    ),
    ("networks: [n]||networks: {n: {enable_ipv6: false}}", "networks: [n]||networks: {n: }"),
    ("networks: [default]", "image: x"),
    ("networks: {default: }", "image: x||networks: {default: {name: p_default}}"),
    ("networks: {default: {aliases: [a]}}", "image: x"),
    ("network_mode: host", "network_mode: none"),
    ("network_mode: host", "image: x"),
    // Words
    ("command: npm start", "command: [npm, start]"),
    ("command: npm start", "command: ['npm start']"),
    ("command: 'echo \"a b\" c\\ d'", "command: [echo, a b, c d]"),
    ("command: 'echo a; b'", "command: [echo, a]"),
    ("command: echo $$HOME", "command: [echo, $$HOME]"),
    ("command: []", "image: x"),
    ("command: ''", "command: []"),
    ("command: null", "image: x"),
    ("command: [a, b]", "command: [b, a]"),
    ("entrypoint: /bin/sh -c 'a b'", "entrypoint: [/bin/sh, -c, a b]"),
    ("entrypoint: sh", "command: sh"),
    ("healthcheck: {test: curl x}", "healthcheck: {test: [CMD-SHELL, curl x]}"),
    ("healthcheck: {test: curl x}", "healthcheck: {test: [CMD, curl, x]}"),
    ("healthcheck: {test: x, interval: 90s}", "healthcheck: {test: x, interval: 1m30s}"),
    (
        "healthcheck: {test: x, interval: 90s, timeout: 1500ms}",
        "healthcheck: {test: x, interval: 1.5m, timeout: 1.5s}",
    ),
    ("healthcheck: {test: x, start_period: 2h}", "healthcheck: {test: x, start_period: 120m}"),
    ("healthcheck: {test: x, retries: 3}", "healthcheck: {test: x, retries: '3'}"),
    ("healthcheck: {test: x, disable: false}", "healthcheck: {test: x}"),
    ("healthcheck: {disable: true}", "image: x"),
    // Numbers, sizes, times, flags
    ("mem_limit: 1g", "mem_limit: 1024m"),
    ("mem_limit: 1.5g", "mem_limit: 1610612736"),
    ("mem_limit: 1g", "mem_limit: 1000m"),
    ("mem_limit: 64M", "mem_limit: 64mb"),
    ("shm_size: 64m", "shm_size: '67108864'"),
    ("memswap_limit: -1", "memswap_limit: 1g"),
    ("cpus: 1.50", "cpus: '1.5'"),
    ("cpus: 1.50", "cpus: 2"),
    ("cpus: 0", "image: x"),
    (
        "deploy: {resources: {limits: {cpus: '0.50', memory: 1024M}}}",
        "deploy: {resources: {limits: {memory: 1G, cpus: 0.5}}}",
    ),
    ("deploy: {resources: {limits: {memory: 1G}}}", "mem_limit: 1G"),
    ("deploy: {replicas: 1}", "deploy: {replicas: '1'}"),
    ("stop_grace_period: 90s", "stop_grace_period: 1m30s"),
    ("stop_grace_period: 90s", "stop_grace_period: 91s"),
    ("init: true", "init: yes"),
    ("init: false", "image: x"),
    ("read_only: false", "image: x"),
    ("read_only: true", "read_only: 'true'"),
    ("privileged: true", "image: x"),
    ("tty: true", "stdin_open: true"),
    ("restart: no", "restart: 'no'"),
    ("restart: no", "restart: always"),
    ("pids_limit: 100", "pids_limit: '100'"),
    ("user: ''", "image: x"),
    ("user: '1000'", "user: \"1000\""),
    ("ulimits: {nofile: 10}", "ulimits: {nofile: '10'}"),
    ("ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: {hard: 2, soft: 1}}"),
    // Lists
    ("cap_drop: [A, B]", "cap_drop: [B, A]"),
    ("cap_drop: [A, B]", "cap_drop: [A]"),
    ("cap_add: [A]", "cap_drop: [A]"),
    ("dns: 1.1.1.1", "dns: [1.1.1.1]"),
    ("dns: [1.1.1.1, 8.8.8.8]", "dns: [8.8.8.8, 1.1.1.1]"),
    ("dns_search: [a, b]", "dns_search: [b, a]"),
    ("group_add: [1, two]", "group_add: [two, '1']"),
    ("security_opt: [a]", "security_opt: ['a']"),
    // Dependencies
    ("depends_on: [b]", "depends_on: {b: {condition: service_started}}"),
    ("depends_on: [b]", "depends_on: {b: {condition: service_started, required: true, restart: false}}"),
    ("depends_on: [b]", "depends_on: {b: {condition: service_healthy}}"),
    ("depends_on: [b]", "depends_on: {b: {condition: service_started, required: false}}"),
    ("links: [b]", "links: [b];;depends_on: {b: {condition: service_started, restart: true}}"),
    ("links: ['b:c']", "links: [b]"),
    (
        "network_mode: service:b",
        "network_mode: service:b;;depends_on: {b: {condition: service_started, restart: true}}",
    ),
    ("volumes_from: ['b:ro']", "volumes_from: ['b:ro'];;depends_on: [b]"),
    // Secrets and configs
    ("secrets: [s]||secrets: {s: {file: ./s}}", "secrets: [{source: s}]||secrets: {s: {file: ./s}}"),
    (
        "secrets: [s]||secrets: {s: {file: ./s}}",
        "secrets: [{source: s, target: /run/secrets/s}]||secrets: {s: {file: ./s}}",
    ),
    (
        "secrets: [{source: s, target: t}]||secrets: {s: {file: ./s}}",
        "secrets: [s]||secrets: {s: {file: ./s}}",
    ),
    (
        "secrets: [{source: s, mode: 0440}]||secrets: {s: {file: ./s}}",
        "secrets: [{source: s, mode: '0440'}]||secrets: {s: {file: ./s}}",
    ),
    ("secrets: [s]||secrets: {s: {file: ./s}}", "secrets: [s]||secrets: {s: {environment: S}}"),
    ("configs: [c]||configs: {c: {content: a}}", "configs: [{source: c}]||configs: {c: {content: 'a'}}"),
    ("configs: [c]||configs: {c: {content: a}}", "configs: [c]||configs: {c: {content: b}}"),
    // Builds and images
    ("build: ./dir", "build: {context: ./dir}"),
    ("build: dir/", "build: {context: ./x/../dir, dockerfile: Dockerfile}"),
    ("build: .", "build: {dockerfile: Other}"),
    ("build: {context: ., args: [A=1]}", "build: {args: {A: 1}}"),
    ("build: {context: ., args: {A: 1}}", "build: {context: ., args: {A: 2}}"),
    ("pull_policy: if_not_present", "pull_policy: missing"),
    ("image: x", "image: 'x'"),
    ("image: x", "image: x:1"),
    ("gpus: all", "gpus: [{count: all}]"),
    ("gpus: all", "gpus: [{count: 1}]"),
    // What says nothing, and what is written once
    ("x-note: a", "image: x"),
    ("image: x||version: '3'", "image: x"),
    ("image: x||x-note: {a: b}", "image: x"),
    ("environment: &e {A: 1};;labels: *e", "environment: {A: 1};;labels: {A: 1}"),
    ("environment: {<<: {A: 1, B: 2}, A: 3}", "environment: {A: 3, B: 2}"),
    ("environment: {<<: [{A: 1}, {A: 2, B: 2}]}", "environment: {A: 1, B: 2}"),
    ("<<: {tty: true};;tty: false", "image: x"),
];

#[test]
fn outlines_are_equal_exactly_when_compose_says_so() {
    let Some(compose) = program("docker-compose-2.40") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (mut equal, mut wrong) = (0, Vec::new());
    for (left, right) in PAIRS {
        let [left, right] = [left, right].map(|half| document(half));
        let [by_compose, by_compose_right] =
            [&left, &right].map(|text| resolved(&compose, folder.path(), text));
        let [ours, ours_right] = [&left, &right].map(|text| outline(text));
        let (same, same_to_compose) = (says(&ours) == says(&ours_right), by_compose == by_compose_right);
        equal += usize::from(same_to_compose);
        if same != same_to_compose {
            wrong.push(format!(
                "equal to Compose: {same_to_compose}\n{left}---\n{right}--- {:?}\n--- {:?}",
                says(&ours),
                says(&ours_right)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n=======\n"));
    assert!(equal > 60 && PAIRS.len() - equal > 40, "{equal} of {} are equal", PAIRS.len());
}

/// What Compose prints of what it has read says the same as the file.
#[test]
fn a_resolved_file_has_the_outline_of_its_source() {
    let Some(compose) = program("docker-compose-2.40") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    for half in PAIRS.iter().flat_map(|(a, b)| [a, b]) {
        wrong.extend(resolves(&compose, folder.path(), &document(half)));
    }
    for (_, manifest) in stacks() {
        let compiled = built(&manifest);
        let folder = written(&compiled);
        let file = compiled.artifacts.iter().find(|a| a.path == "docker-compose.yml").expect("a file");
        wrong.extend(resolves(&compose, folder.path(), &file.text));
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n=======\n"));
}

fn resolves(compose: &Path, folder: &Path, text: &str) -> Option<String> {
    let path = folder.join("docker-compose.yml");
    std::fs::write(&path, text).expect("written");
    let printed = content(
        compose,
        folder,
        &["-f", "docker-compose.yml", "--profile", "*", "config", "--no-path-resolution"],
    );
    let env = std::fs::read_to_string(folder.join(".env")).unwrap_or_default();
    let lookup = |name: &str| {
        let quoted = env.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
        Some(quoted.trim_matches('\'').to_string())
    };
    let lookup = |name: &str| lookup(name).or_else(|| std::env::var(name).ok());
    let (mut ours, mut theirs) =
        (says(&filled(&outline(text), &lookup)), says(&filled(&outline(&printed), &lookup)));
    // Compose leaves out what nobody uses, and names what has no name outside of it.
    let unused =
        |path: &String| ["volumes.", "networks.", "secrets.", "configs."].iter().any(|s| path.starts_with(s));
    ours.retain(|path, _| !unused(path) || theirs.contains_key(path));
    theirs.retain(|path, _| {
        !(path.starts_with("secrets.") || path.starts_with("configs.")) || !path.ends_with(".name")
    });
    let only = |a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>| {
        a.iter()
            .filter(|(k, v)| b.get(*k) != Some(v))
            .map(|(k, v)| format!("{k} = {v:?}\n"))
            .collect::<String>()
    };
    (ours != theirs).then(|| {
        format!(
            "{text}\nonly in the source:\n{}only in what is printed:\n{}",
            only(&ours, &theirs),
            only(&theirs, &ours)
        )
    })
}

fn document(half: &str) -> String {
    let (service, top) = half.split_once("||").unwrap_or((half, ""));
    let lines: String = service.split(";;").map(|line| format!("    {line}\n")).collect();
    let image = if service.starts_with("image:") { "" } else { "    image: x\n" };
    format!("name: p\nservices:\n  a:\n{image}{lines}  b:\n    image: y\n{top}\n")
}

fn outline(text: &str) -> Outline {
    read("docker-compose.yml", text).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// Paths and values.
fn says(outline: &Outline) -> BTreeMap<String, Value> {
    outline.entries.iter().map(|(path, entry)| (path.to_string(), entry.value.clone())).collect()
}

/// What Compose makes of a file, without what means nothing: empty maps, extensions, the order of lists without one.
fn resolved(compose: &Path, folder: &Path, text: &str) -> Json {
    std::fs::write(folder.join("c.yml"), text).expect("written");
    let printed = content(compose, folder, &["-f", "c.yml", "config", "--format", "json"]);
    let mut json: Json = serde_json::from_str(&printed).expect("JSON");
    if let Json::Object(map) = &mut json {
        map.retain(|key, _| !key.starts_with("x-"));
    }
    plain(&mut json, "");
    json
}

fn plain(json: &mut Json, key: &str) {
    const SETS: [&str; 14] = [
        "ports",
        "volumes",
        "secrets",
        "configs",
        "cap_add",
        "cap_drop",
        "group_add",
        "expose",
        "aliases",
        "devices",
        "extra_hosts",
        "security_opt",
        "links",
        "tmpfs",
    ];
    match json {
        Json::Object(map) => {
            map.iter_mut().for_each(|(key, value)| plain(value, key));
            let empty = |v: &Json| v.is_null() || v.as_object().is_some_and(serde_json::Map::is_empty);
            // Being on a network, depending on a service or passing on a variable is something even if nothing follows.
            let named = ["networks", "environment", "volumes"].contains(&key);
            map.retain(|_, value| named || !empty(value));
            map.values_mut().filter(|v| empty(v)).for_each(|v| *v = Json::Null);
        }
        Json::Array(items) => {
            items.iter_mut().for_each(|item| plain(item, ""));
            if SETS.contains(&key) {
                items.sort_by_key(ToString::to_string);
                items.dedup();
            }
        }
        _ => {}
    }
}
