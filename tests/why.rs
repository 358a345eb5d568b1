//! `stackgen why` as people run it, and its answers to what real programs say about broken files.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{built, printed, program, root, run, written};

/// Exit status and what was printed, without the text of colours.
fn why(dir: &Path, args: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stackgen"))
        .arg("why")
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    // A run that reads nothing may have ended.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ended");
    (output.status.code().unwrap_or(-1), printed(&output))
}

const STACK: [&str; 2] = ["--stack", "stacks/odoo-erp-prod"];

#[track_caller]
fn says(args: &[&str], input: &str, code: i32, expected: &[&str]) {
    let all: Vec<&str> = args.iter().chain(&STACK).copied().collect();
    let (status, said) = why(root(), &all, input);
    assert_eq!(status, code, "{args:?}\n{said}");
    for text in expected {
        assert!(said.contains(text), "{args:?}: no {text:?} in\n{said}");
    }
}

#[test]
fn a_line_is_shown_with_its_cause() {
    says(
        &["docker-compose.yml:59"],
        "",
        0,
        &["docker-compose.yml:59: memory: 3G", "stack.yaml:", "memory: 3GiB"],
    );
    // As the path is in the container, absolute, and by name alone
    for file in
        ["/etc/odoo/odoo.conf:6", "/srv/x/deploy/odoo/odoo.conf:6", "odoo.conf:6", "./odoo/odoo.conf:6"]
    {
        says(
            &[file],
            "",
            0,
            &["odoo/odoo.conf:6: db_host", "private-odoo-db", "by way of the kind", "{{ database.host }}"],
        );
    }
    // The kind says it; nothing says it
    says(
        &["nginx/nginx.conf:233"],
        "",
        0,
        &["client_max_body_size 128m", "the kind says so", "body_size: 128MiB"],
    );
    says(&["docker-compose.yml:50"], "", 0, &["driver: json-file", "why: every service logs to files"]);
    // A comment belongs to what is below it, a closing brace to what is above
    says(&["nginx/nginx.conf:225"], "", 0, &["stack.yaml", "url: https://erp.insightpulseai.net"]);
    says(&["nginx/nginx.conf:239"], "", 0, &["return", "deny: true"]);
}

#[test]
fn a_file_has_an_overview() {
    says(&["docker-compose.yml"], "", 0, &["services.odoo", "services.superset-init", "networks", "volumes"]);
    says(
        &["nginx/nginx.conf"],
        "",
        0,
        &["server 443 erp.insightpulseai.net", "upstream odoo_8069", "services.n8n"],
    );
    says(&["odoo.conf"], "", 0, &["db_host", "databases.main"]);
}

#[test]
fn a_line_of_the_manifest_is_followed_to_what_it_made() {
    let text = std::fs::read_to_string(root().join("stacks/odoo-erp-prod/stack.yaml")).expect("a manifest");
    let line = |wanted: &str| text.lines().position(|l| l.trim() == wanted).expect("a line") + 1;
    let at = |wanted: &str| format!("stacks/odoo-erp-prod/stack.yaml:{}", line(wanted));
    let memory = at("memory: 1280MiB");
    says(&[&memory], "", 0, &["docker-compose.yml:183: memory: 1280M"]);
    let url = at("url: https://n8n.insightpulseai.net");
    says(
        &[&url],
        "",
        0,
        &["N8N_HOST: n8n.insightpulseai.net", "nginx/nginx.conf:262: server_name n8n.insightpulseai.net;"],
    );
    let route = at("- { path: /webhook/, rate_limit: api_limit }");
    says(&[&route], "", 0, &["location /webhook/ {", "limit_req zone=api_limit"]);
    let port = at("port: 25060");
    says(&[&port], "", 0, &["DB_POSTGRESDB_PORT", "odoo/odoo.conf:7: db_port = 25060", "+ str(25060)"]);
    // A comment makes nothing
    says(&["stack.yaml:3"], "", 1, &["nothing found"]);
}

#[test]
fn what_cannot_be_answered_is_said() {
    says(
        &["nowhere.conf:3"],
        "",
        2,
        &["expected a file that the build of odoo-erp-prod writes", "nginx/nginx.conf"],
    );
    says(&["stack.yaml"], "", 2, &["expected a line of stack.yaml"]);
    says(&["-"], "all is well\n", 1, &["nothing found"]);
    says(&["-"], "\u{1b}[31m\u{0}\u{ff} services.[[..\n:::\n", 1, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("stack.yaml"), "stackgen: 1\nname: s\nnmae: x\n").expect("written");
    let (code, said) = why(folder.path(), &["docker-compose.yml:1"], "");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("expected a stack without errors"), "{said}");
}

/// An edited file is explained by what it says, and no value of it is shown.
#[test]
fn an_edited_file_is_told_from_the_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = root().join("stacks/odoo-erp-prod/stack.yaml");
    std::fs::copy(&manifest, folder.path().join("stack.yaml")).expect("copied");
    let compiled = built(&manifest);
    let text = &compiled.artifacts.iter().find(|a| a.path == "odoo/odoo.conf").expect("a file").text;
    let path = folder.path().join("deploy/odoo/odoo.conf");
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let edited = text.replace("workers = 2", "db_password = hunter2-hunter2\nworkers = 9");
    std::fs::write(&path, &edited).expect("written");
    let line = |wanted: &str| edited.lines().position(|l| l == wanted).expect("a line") + 1;
    // Found from the file, without --stack
    let (code, said) = why(folder.path(), &[&format!("deploy/odoo/odoo.conf:{}", line("workers = 9"))], "");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the manifest makes it `2` now") && said.contains("cpus: 4"), "{said}");
    let (code, said) = why(
        folder.path(),
        &[&format!("deploy/odoo/odoo.conf:{}", line("db_password = hunter2-hunter2"))],
        "",
    );
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("added by hand") && !said.contains("hunter2"), "{said}");
}

/// Breaks a line of a file that was built, asks a program about it, and pipes what it says into `why`.
fn broken(file: &str, line: &str, by: &str, tell: impl Fn(&Path) -> Option<String>) -> Option<(i32, String)> {
    let compiled = built(&root().join("stacks/odoo-erp-prod/stack.yaml"));
    let folder = written(&compiled);
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(text.contains(line), "{file} has no {line:?}");
    std::fs::write(&path, text.replacen(line, by, 1)).expect("written");
    let message = tell(folder.path())?;
    let (code, said) = why(root(), &[&["-"], &STACK[..]].concat(), &message);
    Some((code, format!("{message}\n=> {said}")))
}

#[track_caller]
fn answered(found: Option<(i32, String)>, expected: &[&str]) {
    let Some((code, said)) = found else { return };
    assert_eq!(code, 0, "{said}");
    let (_, answer) = said.split_once("=> ").expect("an answer");
    assert!(expected.iter().all(|text| answer.contains(text)), "{expected:?}\n{said}");
}

#[test]
fn compose_is_answered() {
    let config = |folder: &Path| {
        let compose = program("docker-compose-2.40")?;
        let output = run(&compose, folder, &["-f", "docker-compose.yml", "config", "-q"]);
        assert!(!output.status.success(), "{}", printed(&output));
        Some(printed(&output))
    };
    let file = "docker-compose.yml";
    answered(broken(file, "memory: 3G", "memory: [3G]", config), &["memory: 3G", "memory: 3GiB"]);
    answered(
        broken(file, "restart: unless-stopped", "restrat: always", config),
        &["service odoo", "stack.yaml"],
    );
    answered(broken(file, "interval: 30s", "interval: 30x", config), &["healthcheck", "interval: 30s"]);
    answered(broken(file, "      - odoo\n", "      - odo\n", config), &["service odoo", "odoo:"]);
    answered(
        broken(file, "container_name: odoo-prod", "container_name: [x", config),
        &["docker-compose.yml:", "stack.yaml"],
    );
    let unset = |folder: &Path| {
        std::fs::write(folder.join(".env"), "").expect("written");
        config(folder)
    };
    answered(broken(file, "init: true", "init: true", unset), &["{ secret: "]);
}

#[test]
fn nginx_is_answered() {
    let test = |folder: &Path| {
        let nginx = program("nginx-1.30")?;
        let conf = folder.join("nginx/nginx.conf");
        let text = std::fs::read_to_string(&conf).expect("a file");
        // What a test has not: the user, the folder of pids, the types.
        let text = text
            .replace("user nginx;", "#")
            .replace("pid /run/nginx.pid;", "#")
            .replace("include /etc/nginx/mime.types;", "#");
        std::fs::write(&conf, text).expect("written");
        let (here, conf) = (folder.display().to_string(), conf.display().to_string());
        let output = run(&nginx, folder, &["-t", "-p", &here, "-c", &conf]);
        assert!(!output.status.success(), "{}", printed(&output));
        Some(printed(&output))
    };
    let file = "nginx/nginx.conf";
    answered(
        broken(file, "    gzip on;", "    gzp on;", test),
        &["nginx/nginx.conf:42", "gzip on;", "why: "],
    );
    answered(
        broken(file, "zone=api_limit:10m rate=10r/s;", "zone=api_limit:10m rate=x;", test),
        &["api_limit", "rate: 10r/s"],
    );
    answered(
        broken(file, "client_max_body_size 128m;", "client_max_body_size 12x;", test),
        &["body_size: 128MiB"],
    );
}

#[test]
fn others_are_answered() {
    let nft = |folder: &Path| {
        let nft = program("nft")?;
        Some(printed(&run(&nft, folder, &["-c", "-f", "firewall/nftables.conf"])))
    };
    answered(
        broken("firewall/nftables.conf", "proto-dst 22 accept", "proto-dst 22 acept", nft),
        &["proto-dst 22 accept", "ssh: { port: 22 }"],
    );
    let python = |script: &'static str| {
        move |folder: &Path| Some(printed(&run(&program("python")?, folder, &["-c", script])))
    };
    let odoo = "import configparser; configparser.RawConfigParser().read('odoo/odoo.conf')";
    answered(
        broken("odoo/odoo.conf", "db_port", "db_host", python(odoo)),
        &["db_port = 25060", "port: 25060"],
    );
    let superset =
        "exec(compile(open('superset/superset_config.py').read(), 'superset/superset_config.py', 'exec'))";
    answered(
        broken("superset/superset_config.py", "+ \"require\"", "+ (\"require\"]", python(superset)),
        &["sslmode: require"],
    );
    let sh = |folder: &Path| Some(printed(&run(Path::new("/bin/sh"), folder, &["-n", "odoo/start.sh"])));
    answered(broken("odoo/start.sh", "    init)", "    if ;", sh), &["odoo/start.sh:30", "start.sh"]);
    let certbot = |folder: &Path| {
        let state = folder.join("state").display().to_string();
        let args = [
            "certificates",
            "--config",
            "certbot/cli.ini",
            "--config-dir",
            &state,
            "--work-dir",
            &state,
            "--logs-dir",
            &state,
        ];
        Some(printed(&run(&program("certbot")?, folder, &args)))
    };
    answered(
        broken("certbot/cli.ini", "email = admin@insightpulseai.net", "= [", certbot),
        &["certbot/cli.ini:10", "email: admin@insightpulseai.net"],
    );
}
