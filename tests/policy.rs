//! Policies: levels, rules of a team, and what is wrong with either.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::process::{Command, Output};

use stackgen::compile::{Compiled, Input, compile};
use stackgen::finding::Level;

const MANIFEST: &str = "\
stackgen: 1
name: demo
services:
  odoo:
    kind: odoo
    internal: true
    database: db
    memory: 1GiB
    options: { workers: 0 }
  db: { kind: postgres }
  cache: { kind: redis, image: \"redis:alpine\" }
";

fn checked(manifest: &str, policy: &str) -> Compiled {
    compile(Input {
        manifest: ("stack.yaml".into(), manifest.into()),
        policy: Some(("stackgen-policy.yaml".into(), policy.into())),
        today: Some("2026-06-01".into()),
        ..Input::default()
    })
}

/// `file:line:column level rule: message` of each finding.
fn found(compiled: &Compiled) -> Vec<String> {
    compiled
        .findings
        .iter()
        .map(|f| {
            let span = compiled.span(&f.place).expect("a place");
            let source = compiled.sources.get(span.source);
            let at = source.position(span.start as usize);
            format!("{}:{at} {} {}: {}", source.path, f.level, f.rule, f.message)
        })
        .collect()
}

fn rules(policy: &str) -> Vec<String> {
    found(&checked(MANIFEST, &format!("stackgen: 1\nrules:\n{policy}")))
        .into_iter()
        .filter(|f| !f.contains("moving-image-tag"))
        .collect()
}

const MEMORY: &str = "  - name: odoo-memory
    level: error
    each: service
    where: service.kind == 'odoo'
    require: service.memory and service.memory >= gib(2)
    message: \"{{ service.name }}: expected at least 2 GiB, found {{ service.memory }}\"
    help: \"set `memory: 2GiB` for {{ service.name }}\"
    at: memory
";

#[test]
fn a_rule_of_a_team_finds_what_it_is_about() {
    assert_eq!(
        rules(MEMORY),
        ["stack.yaml:8:13 error odoo-memory: odoo: expected at least 2 GiB, found 1073741824"]
    );
    let compiled = checked(&MANIFEST.replace("1GiB", "2GiB"), &format!("stackgen: 1\nrules:\n{MEMORY}"));
    assert!(compiled.findings.iter().all(|f| f.rule == "moving-image-tag"));
    // What is not written is so by default, as for every other rule.
    let read_only = MEMORY
        .replace("service.memory and service.memory >= gib(2)", "service.read_only")
        .replace("at: memory", "at: hardening.read_only");
    let compiled = checked(MANIFEST, &format!("stackgen: 1\nrules:\n{read_only}"));
    let finding = compiled.findings.iter().find(|f| f.rule == "odoo-memory").expect("a finding");
    assert_eq!(finding.label, "`hardening.read_only` is not written here: the default");
    assert_eq!(finding.help.as_deref(), Some("set `memory: 2GiB` for odoo"));
}

#[test]
fn every_sort_of_thing_can_be_asked_about() {
    let manifest = "\
stackgen: 1
name: demo
databases: { main: { host: db.example.com, ca: ./ca.crt } }
services:
  app:
    image: ghcr.io/example/app:1.4.2
    listen: 8000
    publish: [8000]
    url: https://app.example.com
    routes: [{ path: /admin }]
    database: main
    healthcheck: { http: /health, tool: curl }
    volumes: { data: { mount: /data, backup: daily } }
    env: { TOKEN: { secret: APP_TOKEN } }
";
    for (each, require, place) in [
        ("stack", "stack.name == 'x' and stack.services | length < 9", "2:1"),
        ("service", "service.owner != 'app'", "5:3"),
        ("site", "site.https and service.name == 'x'", "9:5"),
        ("route", "route.path != '/admin' or not site.https", "10:14"),
        ("port", "not port.loopback and service.name", "8:15"),
        ("volume", "volume.class != 'critical' and volume.backup == 'hourly'", "13:16"),
        ("database", "database.host is endingwith '.internal'", "3:14"),
        ("secret", "secret.name is startingwith 'X_'", "5:3"),
        ("certificate", "certificate.names | length > 5", "9:5"),
    ] {
        let policy = format!(
            "stackgen: 1\nrules: [{{ name: r-1, each: {each}, require: \"{require}\", message: x }}]\n"
        );
        let all = found(&checked(manifest, &policy));
        assert!(
            all.iter().any(|f| f.starts_with(&format!("stack.yaml:{place} warning r-1: x"))),
            "{each}: {all:#?}"
        );
    }
}

#[test]
fn what_is_wrong_with_an_expression_is_told_at_its_very_place() {
    let rule = |require: &str, message: &str| {
        rules(&format!(
            "  - name: a-rule\n    each: service\n    require: {require}\n    message: \"{message}\"\n"
        ))
    };
    for (require, message, expected) in [
        (
            "service.memroy > 1",
            "x",
            "stackgen-policy.yaml:5:22 error schema-mismatch: expected a known name of `service`, found `memroy`",
        ),
        (
            "'servce.memory > 1'",
            "x",
            "stackgen-policy.yaml:5:15 error schema-mismatch: expected a known name, found `servce.memory`",
        ),
        (
            "stack.host.cpu > 1",
            "x",
            "stackgen-policy.yaml:5:25 error schema-mismatch: expected a known name of `stack.host`, found `cpu`",
        ),
        ("service.memory >", "x", "stackgen-policy.yaml:5:"),
        (
            "service.healthcheck",
            "{{ service.name }} has {{ servic.name }}",
            "stackgen-policy.yaml:6:41 error schema-mismatch: expected a known name, found `servic.name`",
        ),
        (
            "service.memory > 'a' + 1",
            "x",
            "stackgen-policy.yaml:5:14 error schema-mismatch: the expression cannot be evaluated: ",
        ),
        // Too much work, in one of the ways there are.
        (
            "range(100000) | map('string') | join | length > service.replicas * 10000000",
            "x",
            "stackgen-policy.yaml:5:14 error schema-mismatch: the expression cannot be evaluated: ",
        ),
    ] {
        let all = rule(require, message);
        assert!(matches!(all.as_slice(), [one] if one.starts_with(expected)), "{require}: {all:#?}");
    }
}

#[test]
fn no_expression_sees_a_secret() {
    let manifest = "\
stackgen: 1
name: demo
services:
  app:
    image: ghcr.io/example/app:1.4.2
    internal: true
    healthcheck: { command: [x] }
    env: { DB_PASSWORD: canary-one, DATABASE_URL: \"postgres://u:canary-two@db/x\", A: \"{{ stack }}\", T: { secret: A_TOKEN } }
    compose: { environment: { A_TOKEN: canary-three } }
    build: { context: ., args: { API_TOKEN: canary-four } }
  odoo:
    kind: odoo
    internal: true
    database: db
    settings: { admin_passwd: canary-five, dbfilter: ^odoo$ }
  db: { kind: postgres }
";
    let policy = "stackgen: 1\nrules:\n  - { name: all, each: stack, require: \"false\", message: \"{{ stack | string }}\" }\n  - { name: each-one, each: service, require: \"false\", message: \"{{ service.env | items | string }}{{ service.settings | items | string }}\" }\n";
    let compiled = checked(manifest, policy);
    let text = format!("{:?}", compiled.findings);
    assert!(text.contains("each-one") && text.contains("(secret)") && text.contains("^odoo$"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn levels_are_the_teams() {
    let levels = |severity: &str, manifest: &str| -> Vec<String> {
        let compiled = checked(manifest, &format!("stackgen: 1\nseverity:\n{severity}"));
        compiled.findings.iter().map(|f| format!("{} {}", f.level, f.rule)).collect()
    };
    assert_eq!(levels("  MF006: info\n", MANIFEST), ["warning moving-image-tag"]);
    assert_eq!(levels("  moving-image-tag: error\n", MANIFEST), ["error moving-image-tag"]);
    assert_eq!(
        levels("  CO001: { level: ignore, reason: the mirror pins them }\n", MANIFEST),
        Vec::<String>::new()
    );
    // An entry of `allow` is used even if nothing would be said without it.
    let allowed = format!("{MANIFEST}allow: [{{ rule: CO001, reason: the mirror pins them }}]\n");
    assert_eq!(
        levels("  CO001: { level: ignore, reason: the mirror pins them }\n", &allowed),
        Vec::<String>::new()
    );
    for (severity, expected) in [
        ("  moving-image-tga: error\n", "2:3 error unknown-rule-id: there is no rule `moving-image-tga`"),
        (
            "  CO001: ignore\n",
            "3:10 error suppression-without-reason: expected why `moving-image-tag` is ignored, found nothing",
        ),
        (
            "  CO001: { level: ignore, reason: fix later }\n",
            "3:35 error suppression-without-reason: expected why `moving-image-tag` is ignored, found `fix later`",
        ),
        (
            "  schema-mismatch: warning\n",
            "3:20 error schema-mismatch: expected error: nothing can be made of what `schema-mismatch` finds",
        ),
    ] {
        let all = found(&checked(MANIFEST, &format!("stackgen: 1\nseverity:\n{severity}")));
        let own: Vec<_> = all.iter().filter(|f| !f.contains(" moving-image-tag: ")).collect();
        let expected = expected.replacen("2:3", "3:3", 1);
        assert!(
            matches!(own.as_slice(), [one] if **one == format!("stackgen-policy.yaml:{expected}")),
            "{all:#?}"
        );
        // What is refused changes nothing.
        assert_eq!(all.len(), own.len() + 1);
    }
}

#[test]
fn a_rule_of_a_team_can_be_accepted() {
    let with = |rule: &str, reason: &str| {
        let manifest = format!(
            "{MANIFEST}allow: [{{ rule: {rule}, at: services.odoo, reason: {reason} }}, {{ rule: CO001, reason: the mirror pins it }}]\n"
        );
        let compiled = checked(&manifest, &format!("stackgen: 1\nrules:\n{MEMORY}"));
        compiled.findings.iter().map(|f| (f.rule, f.help.clone())).collect::<Vec<_>>()
    };
    assert_eq!(with("odoo-memory", "it is a test server"), []);
    let rules: Vec<_> = with("odoo-memory", "fix later").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["suppression-without-reason"]);
    let unknown = with("odoo-memroy", "it is a test server");
    assert!(
        unknown.contains(&("unknown-rule-id", Some("did you mean `odoo-memory`?".into()))),
        "{unknown:?}"
    );
}

#[test]
fn names_are_taken_once() {
    let twice = format!("{MEMORY}{MEMORY}{}", MEMORY.replace("odoo-memory", "moving-image-tag"));
    let all = found(&checked(MANIFEST, &format!("stackgen: 1\nrules:\n{twice}")));
    assert_eq!(
        all.iter().filter(|f| f.contains("duplicate-key: there is already a rule")).count(),
        2,
        "{all:#?}"
    );
    assert_eq!(all.iter().filter(|f| f.contains("error odoo-memory")).count(), 1, "{all:#?}");
    let all = found(&checked(MANIFEST, "stackgen: 1\nrulse: []\n"));
    assert!(all.iter().any(|f| f.starts_with("stackgen-policy.yaml:2:1 error unknown-key")), "{all:?}");
}

fn run(folder: &std::path::Path, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_stackgen")).args(args).current_dir(folder).output().expect("runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn the_policy_of_a_repository_counts_in_all_of_it() {
    let root = tempfile::tempdir().expect("a folder");
    let policy = format!(
        "stackgen: 1\nseverity: {{ CO001: error, NX999: info }}\nrules:\n{MEMORY}    about: Odoo was killed twice for want of memory.\n"
    );
    for stack in ["repo/stacks/a", "repo/stacks/b"] {
        let folder = root.path().join(stack);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("stack.yaml"), MANIFEST).expect("written");
    }
    let repo = root.path().join("repo");
    std::fs::create_dir(repo.join(".git")).expect("a folder");
    // Outside of the repository: not part of it.
    std::fs::write(root.path().join("stackgen-policy.yaml"), "stackgen: 1\nrulse: []\n").expect("written");
    let (status, said) = run(&repo, &["lint"]);
    assert!(status == Some(1) && said.contains("2 warnings") && !said.contains("rulse"), "{said}");
    std::fs::write(repo.join("stackgen-policy.yaml"), &policy).expect("written");
    let (status, said) = run(&repo, &["lint"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("5 errors"), "{said}");
    assert_eq!(said.matches("there is no rule `NX999`").count(), 1, "told once:\n{said}");
    let (_, said) = run(&repo.join("stacks/a"), &["lint", "--format", "json"]);
    assert!(said.contains("\"path\": \"../../stackgen-policy.yaml\""), "{said}");
    let (status, said) = run(&repo.join("stacks"), &["explain", "odoo-memory"]);
    assert!(status == Some(0) && said.contains("Odoo was killed twice") && said.contains("gib(2)"), "{said}");
    let (_, said) = run(&repo, &["explain", "odoo-memroy"]);
    assert!(said.contains("did you mean `odoo-memory`?"), "{said}");
    let (status, said) = run(&repo, &["build", "stacks/a"]);
    assert!(status == Some(1) && said.contains("nothing was written"), "{said}");
    // As TOML, the same.
    std::fs::remove_file(repo.join("stackgen-policy.yaml")).expect("removed");
    let toml = "stackgen = 1\n[[rules]]\nname = \"odoo-memory\"\neach = \"service\"\nrequire = \"service.memroy\"\nmessage = \"x\"\n";
    std::fs::write(repo.join("stackgen-policy.toml"), toml).expect("written");
    let (_, said) = run(&repo, &["lint"]);
    assert!(said.contains("found `memroy`") && said.contains("stackgen-policy.toml:5:20"), "{said}");
}

#[test]
fn a_policy_is_mended_too() {
    let input = Input {
        manifest: ("stack.yaml".into(), MANIFEST.replace("image: \"redis:alpine\"", "version: 7.4.2")),
        policy: Some((
            "stackgen-policy.yaml".into(),
            "stackgen: 1\nseverity:\n  moving-image-tga: info # x\n".into(),
        )),
        ..Input::default()
    };
    let fixed = stackgen::fix::fix(input, false, |_, _| true);
    assert_eq!(
        fixed.input.policy.expect("a policy").1,
        "stackgen: 1\nseverity:\n  moving-image-tag: info # x\n"
    );
    assert!(fixed.compiled.findings.iter().all(|f| f.level == Level::Info), "{:#?}", fixed.compiled.findings);
}

/// Whatever an expression tries: an answer comes, and soon.
#[test]
fn hostile_expressions_end() {
    let deep = format!("{}1{}", "(".repeat(240), ")".repeat(240));
    let nots = "not ".repeat(120) + "1";
    for require in [
        deep.as_str(),
        nots.as_str(),
        &"service.".repeat(60),
        &("service.memory + ".repeat(29) + "1"),
        &"x".repeat(600),
        "'x' * 1000000000",
        "range(100000) | map('string') | join | list | sort | unique | join | length",
        "service.env.__class__",
        "[stack, stack, stack] | string | list | sort | string | length > 0 and [stack] * 100000",
        "debug()",
        "{% for x in range(1000000) %}{% endfor %}",
        "dict(a=stack, b=stack) | string | upper | lower | replace('a', 'aaaaaaaaaaaaaaaa') | length",
        "",
    ] {
        let start = std::time::Instant::now();
        let policy = format!(
            "stackgen: 1\nrules: [{{ name: r-1, each: service, require: {}, message: \"{{{{ service.name }}}}\" }}]\n",
            serde_json::Value::from(require)
        );
        let all = found(&checked(MANIFEST, &policy));
        assert!(all.iter().all(|f| f.len() < 3000), "{require}");
        assert!(start.elapsed().as_secs() < 5, "{require}: {:?}", start.elapsed());
    }
}
