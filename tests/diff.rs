//! What differs between a manifest and a server: found, classified, and nothing beside it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;
#[path = "diff/drifts.rs"]
mod drifts;
#[path = "diff/manifests.rs"]
mod manifests;
#[cfg(unix)]
#[path = "deployed/engine.rs"]
mod recorded;
#[path = "diff/server.rs"]
mod server;

use stackgen::built::Built;
use stackgen::compile::{Compiled, Input, compile};
use stackgen::deployed::conceal::Declared;
use stackgen::deployed::{Deployed, Reading};
use stackgen::diff::{self, Diff};
use stackgen::outline::{self, Value};
use stackgen::render;

fn reference() -> String {
    std::fs::read_to_string(common::root().join("stacks/odoo-erp-prod/stack.yaml"))
        .expect("the reference stack")
}

fn compiled(text: &str) -> Compiled {
    let compiled = compile(Input {
        manifest: ("stacks/odoo-erp-prod/stack.yaml".into(), text.into()),
        ..Input::default()
    });
    assert!(!compiled.failed(), "{:#?}", compiled.findings);
    compiled
}

/// A manifest against a server.
fn against(now: &Compiled, deployed: &Deployed) -> Diff {
    let built = deployed.lock.as_deref().map(|text| Built::read(text).expect("a lock"));
    diff::diff(now, &Declared::new(&now.artifacts), deployed, built.as_ref())
}

#[test]
fn nothing_differs_after_a_deploy() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let diff = against(&compiled, &server::whole(&compiled));
        assert!(diff.changes.is_empty(), "{name}: {}", render::diff::text::diff(&compiled, &diff));
        assert!(diff.steps.is_empty() && diff.fates.is_empty(), "{name}: {:#?}", diff.steps);
    }
}

/// `drift recreate service odoo` of each change, sorted.
fn told(diff: &Diff) -> String {
    let word = |v: &dyn erased::Shown| v.shown();
    let mut list: Vec<String> = diff
        .changes
        .iter()
        .map(|c| {
            format!(
                "{} {} {}{}",
                word(&c.status),
                word(&c.consequence),
                c.subject,
                if c.destructive { "!" } else { "" }
            )
        })
        .collect();
    list.sort();
    list.dedup();
    list.join("; ")
}

/// Enumerations as they are written.
mod erased {
    pub trait Shown {
        fn shown(&self) -> String;
    }
    impl<T: serde::Serialize> Shown for T {
        fn shown(&self) -> String {
            serde_json::to_value(self).expect("a value").as_str().expect("a word").to_string()
        }
    }
}

#[test]
fn a_hundred_drifts_are_found_and_classified() {
    let compiled = compiled(&reference());
    let mut wrong = Vec::new();
    let deployed = server::whole(&compiled);
    for (name, act, expected) in drifts::DRIFTS {
        let mut world = drifts::World::new(&compiled, &deployed);
        act(&mut world);
        let diff = against(&compiled, &world.read());
        let found = told_plainly(&diff);
        if found != *expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
        // Whoever drifted, not the manifest.
        assert!(diff.changes.iter().all(|c| !c.why.contains('\n')), "{name}");
    }
    assert!(drifts::DRIFTS.len() >= 100, "only {}", drifts::DRIFTS.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), drifts::DRIFTS.len(), wrong.join("\n"));
}

/// As [`told`], without what says that something is destructive.
fn told_plainly(diff: &Diff) -> String {
    told(diff).replace('!', "")
}

#[test]
fn what_the_manifest_changes_is_undeployed() {
    let then = compiled(&reference());
    let deployed = server::whole(&then);
    let mut wrong = Vec::new();
    for (name, edits, expected) in manifests::EDITS {
        let text = edits.iter().fold(reference(), |text, (from, to)| text.replacen(from, to, 1));
        assert!(text != reference(), "{name}");
        let diff = against(&compiled(&text), &deployed);
        let found = told(&diff);
        // A star stands for more of the same.
        let is_so = match expected.strip_suffix('*') {
            Some(start) => found.starts_with(start),
            None => found == *expected,
        };
        if !is_so {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), manifests::EDITS.len(), wrong.join("\n"));
}

/// The reference stack after a change of the manifest that would lose data, and two of the server.
fn example() -> (Compiled, Deployed) {
    let then = compiled(&reference());
    let now = reference()
        .replace("version: 2.40.7", "version: 2.41.0")
        .replace("name: superset-data, class: important", "name: superset-files, class: important");
    let now = compiled(&now);
    let mut world = drifts::World::new(&then, &server::whole(&then));
    world.edit("odoo/odoo.conf", "list_db = False", "list_db = True");
    world
        .texts
        .get_mut("superset/superset_config.py")
        .expect("a file")
        .push_str("WTF_CSRF_ENABLED = False\n");
    let mut tunnel = world.container("mcp").clone();
    (tunnel.name, tunnel.id, tunnel.project, tunnel.service) =
        ("tunnel".into(), "another".into(), None, None);
    tunnel.entries.push(server::entry(
        &["ports".into(), "8080:80/tcp".into()],
        Value::Plain(String::new()),
        0,
    ));
    world.run(tunnel);
    let mut deployed = world.read();
    deployed.sources.push(drifts::unreadable());
    (now, deployed)
}

#[test]
fn every_rendering_is_as_it_was() {
    let (compiled, deployed) = example();
    let diff = against(&compiled, &deployed);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(common::root().join("snapshots/diff"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let text = anstream::adapter::strip_str(&render::diff::text::diff(&compiled, &diff)).to_string();
        insta::assert_snapshot!("text", text);
        insta::assert_snapshot!("json", render::json::print(&render::diff::json::diff(&compiled, &diff)));
        insta::assert_snapshot!("markdown", render::diff::markdown::diff(&compiled, &diff));
        insta::assert_snapshot!("github", render::diff::github::diff(&compiled, &diff));
    });
    // What can lose data is the first line.
    let text = render::diff::text::diff(&compiled, &diff);
    assert!(anstream::adapter::strip_str(&text).to_string().starts_with("data loss: "), "{text}");
    let json = serde_json::to_value(render::diff::json::diff(&compiled, &diff)).expect("JSON");
    let schema = stackgen::commands::schema::diff();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let faults: Vec<_> = validator.iter_errors(&json).map(|e| format!("{} {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Texts that mean something to a terminal, to Markdown, to HTML or to GitHub Actions.
const NASTY: &[&str] = &[
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "x\n::error file=a::b",
    "::stop-commands::x",
    "</details><script>alert(1)</script>",
    "`` ` ``` ````",
    "![x](https://example.org/x.png) [y](javascript:z)",
    "@everyone #1 GH-2",
    "| a | b |",
    "\r\n# heading\r\n- [ ] box",
    "%0A::warning::x",
    "\u{202e}right to left\u{2028}line",
    "<!-- x -->&lt;",
    "\n```\n**bold**",
];

#[test]
fn nothing_from_a_server_gets_out_of_its_place() {
    let compiled = compiled(&reference());
    let whole = server::whole(&compiled);
    for nasty in NASTY {
        let mut deployed = whole.clone();
        let engine = deployed.engine.as_mut().expect("an engine");
        let plain = |text: &str| Value::Plain(text.to_string());
        for container in &mut engine.containers {
            container.entries.push(server::entry(&["environment".into(), (*nasty).into()], plain(nasty), 0));
            container.entries.push(server::entry(&["hostname".into()], plain(nasty), 0));
        }
        let mut stranger = engine.containers[0].clone();
        (stranger.name, stranger.id, stranger.project) = ((*nasty).into(), "x".into(), None);
        (stranger.image, stranger.service) = ((*nasty).into(), None);
        engine.containers.push(stranger);
        engine.networks[0].name = (*nasty).into();
        engine.volumes[0].name = (*nasty).into();
        let files = deployed.files.as_mut().expect("files");
        files.insert((*nasty).into(), server::file("x", "x", false));
        let odoo = files.get_mut("odoo/odoo.conf").expect("a file");
        (odoo.hash, odoo.entries[3].value) = (None, plain(nasty));
        odoo.entries.push(server::entry(&["options".into(), (*nasty).into()], plain(nasty), 7));
        let start = files.get_mut("odoo/start.sh").expect("a file");
        start.hash = None;
        start.entries.push(server::entry(&[(*nasty).into()], plain(""), 9));
        deployed.sources[0] = Reading { source: (*nasty).into(), faults: vec![(*nasty).into()] };
        let diff = against(&compiled, &deployed);
        assert!(diff.changes.len() > 10);
        let text = render::diff::text::diff(&compiled, &diff);
        let shown = anstream::adapter::strip_str(&text).to_string();
        assert!(
            shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'),
            "{shown:?}"
        );
        let lines = text.lines().count();
        // Every escape sequence that is left is ours.
        assert!(text.split('\u{1b}').skip(1).all(|s| s.starts_with('[') && s[1..].contains('m')), "{text:?}");
        let github = render::diff::github::diff(&compiled, &diff);
        let levels = ["::error ", "::warning ", "::notice "];
        assert!(github.lines().all(|l| levels.iter().any(|w| l.starts_with(w))), "{github}");
        assert!(github.lines().count() <= diff.changes.len() + 1 && lines > 10);
        let json = render::json::print(&render::diff::json::diff(&compiled, &diff));
        assert!(json.chars().all(|c| c == '\n' || !c.is_control()) && !json.contains('\u{202e}'));
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
        markdown(&render::diff::markdown::diff(&compiled, &diff), nasty);
    }
}

/// What is left of a comment when all code in it is taken out holds nothing that a server could have sent.
fn markdown(text: &str, nasty: &str) {
    // Inside of an element there is no Markdown.
    let text: String = text
        .split("<code>")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once("</code>").expect("an end").1 })
        .collect();
    let bytes: Vec<char> = text.chars().collect();
    let (mut out, mut i) = (String::new(), 0);
    while i < bytes.len() {
        let run = bytes[i..].iter().take_while(|c| **c == '`').count();
        if run == 0 {
            out.push(bytes[i]);
            i += 1;
            continue;
        }
        // The next run of the same length ends it.
        let mut j = i + run;
        loop {
            assert!(j < bytes.len(), "open code in {text}");
            let next = bytes[j..].iter().take_while(|c| **c == '`').count();
            if next == run {
                break;
            }
            j += next.max(1);
        }
        i = j + run;
    }
    for evil in ["<script", "</details><", "](", "**bold**", "\u{1b}", "@everyone", "\u{202e}", "\n# heading"]
    {
        assert!(!out.contains(evil), "{nasty:?} got out: {evil:?} in\n{out}");
    }
    assert_eq!(out.matches("<details").count(), out.matches("</details>").count(), "{out}");
}

/// A comment has a largest size, and says what it left out.
#[test]
fn a_comment_is_never_too_long() {
    let compiled = compiled(&reference());
    let mut deployed = server::whole(&compiled);
    let engine = deployed.engine.as_mut().expect("an engine");
    for n in 0..3000 {
        let mut one = engine.containers[0].clone();
        (one.name, one.id, one.project, one.service) = (format!("c{n}"), format!("i{n}"), None, None);
        engine.containers.push(one);
    }
    engine.volumes.retain(|v| v.name != "deploy_odoo-web-data");
    let diff = against(&compiled, &deployed);
    let text = render::diff::markdown::diff(&compiled, &diff);
    assert!(text.len() <= 60_000, "{}", text.len());
    assert!(text.contains("differences are left out here"));
    assert!(text.find("data loss").expect("the worst") < 400, "{}", &text[..400]);
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
}

#[test]
fn without_a_lock_nobody_knows_who_moved() {
    let compiled = compiled(&reference());
    let mut world = drifts::World::new(&compiled, &server::whole(&compiled));
    world.edit("odoo/odoo.conf", "workers = 2", "workers = 3");
    let mut deployed = world.read();
    deployed.lock = None;
    assert_eq!(told(&against(&compiled, &deployed)), "unknown restart service odoo");
}

#[test]
fn both_sides_may_move() {
    let then = compiled(&reference());
    let now = compiled(&reference().replace("version: 2.40.7", "version: 2.41.0"));
    let mut world = drifts::World::new(&then, &server::whole(&then));
    world.edit("docker-compose.yml", "n8nio/n8n:2.40.7", "n8nio/n8n:2.39.0");
    world.edit("docker-compose.yml", "memory: 3G", "memory: 4G");
    let diff = against(&now, &world.read());
    assert_eq!(told(&diff), "both recreate service n8n; drift nothing service odoo");
    assert_eq!(diff.changes[0].file_says, Some(Value::Plain("n8nio/n8n:2.39.0".into())));
}

/// The program against a folder that it wrote itself: its exit status, and what it printed.
fn program(folder: &std::path::Path, args: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stackgen"))
        .args(args)
        .env_remove("DOCKER_HOST")
        .current_dir(folder)
        .output()
        .expect("runs");
    (output.status.code().expect("a status"), common::printed(&output))
}

/// A folder with a stack and, in `server`, what was deployed of it.
fn deployed(manifest: &str, toml: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let name = if toml { "stack.toml" } else { "stack.yaml" };
    std::fs::write(folder.path().join(name), manifest).expect("written");
    let (code, said) = program(folder.path(), &["build", "-o", "server"]);
    assert_eq!(code, 0, "{said}");
    let compiled = common::built(&folder.path().join(name));
    let secrets = &compiled.stack.expect("a stack").secrets;
    let env: String = secrets.iter().map(|s| format!("{}='{}'\n", s.name, common::secret(&s.name))).collect();
    std::fs::write(folder.path().join("server/.env"), env).expect("written");
    folder
}

fn edit(folder: &tempfile::TempDir, file: &str, from: &str, to: &str) {
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, text.replace(from, to)).expect("written");
}

/// Texts that say the same as what a build wrote, in other words.
fn reformatted(path: &str, text: &str) -> String {
    match outline::syntax(path) {
        outline::Syntax::Compose => {
            let value: serde_json::Value = serde_yaml::from_str(text).expect("YAML");
            format!("# by hand\n{value:#}\n")
        }
        outline::Syntax::Json => {
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            value.to_string()
        }
        outline::Syntax::Nginx => text.lines().map(|l| format!("\t{}   # by hand\n", l.trim())).collect(),
        outline::Syntax::Ini if path.ends_with(".conf") => text
            .lines()
            .filter(|l| !l.starts_with(';'))
            .map(|l| format!("{}\n\n", l.replace(" = ", "=")))
            .collect(),
        outline::Syntax::Ini => text.lines().map(|l| format!("{l}\n\n")).collect(),
        outline::Syntax::Dotenv => format!("\n{text}\n"),
        outline::Syntax::Text => {
            text.lines().map(|l| format!("{l}  \n")).collect::<String>() + "\n# by hand\n"
        }
    }
}

#[test]
fn a_diff_after_a_deploy_is_empty() {
    for (name, manifest) in common::manifests() {
        let text = std::fs::read_to_string(&manifest).expect("a manifest");
        let folder = deployed(&text, manifest.extension().is_some_and(|e| e == "toml"));
        for format in ["text", "json", "markdown", "github"] {
            let args = ["diff", "--against", "server", "--format", format, "--detailed-exitcode"];
            let (code, said) = program(folder.path(), &args);
            assert_eq!(code, 0, "{name}: {said}");
        }
        let snapshot = program(folder.path(), &["snapshot", "server", "-o", "server.json"]);
        assert_eq!(snapshot.0, 0, "{}", snapshot.1);
        let (code, said) = program(folder.path(), &["diff", "--against", "server.json"]);
        assert_eq!(code, 0, "{name}: {said}");
        // The same in other words is the same.
        let compiled = common::built(&manifest);
        for artifact in &compiled.artifacts {
            let path = folder.path().join("server").join(&artifact.path);
            std::fs::write(path, reformatted(&artifact.path, &artifact.text)).expect("written");
        }
        let (code, said) = program(folder.path(), &["diff", "--against", "server"]);
        assert_eq!(code, 0, "{name}: {said}");
    }
}

#[test]
fn the_exit_status_says_who_moved() {
    let status = |folder: &tempfile::TempDir, more: &[&str]| {
        let args = [&["diff", "--against", "server"], more].concat();
        program(folder.path(), &args).0
    };
    let folder = deployed(&reference(), false);
    assert_eq!(status(&folder, &["--detailed-exitcode"]), 0);
    edit(&folder, "server/odoo/odoo.conf", "list_db = False", "list_db = True");
    assert_eq!(status(&folder, &["--detailed-exitcode"]), 4);
    edit(&folder, "stack.yaml", "version: 2.40.7", "version: 2.41.0");
    assert_eq!(status(&folder, &["--detailed-exitcode"]), 5);
    edit(&folder, "server/odoo/odoo.conf", "list_db = True", "list_db = False");
    assert_eq!(status(&folder, &["--detailed-exitcode"]), 3);
    assert_eq!(status(&folder, &[]), 1);
    edit(&folder, "stack.yaml", "name: n8n-data,", "name: n8n,");
    assert_eq!(status(&folder, &["--detailed-exitcode"]), 6);
    // What could not be seen wins.
    assert_eq!(status(&folder, &["--detailed-exitcode", "--against", "firewall:none.json"]), 2);
    let (code, said) = program(folder.path(), &["diff", "--against", "nowhere"]);
    assert!(code == 2 && said.contains("not seen"), "{said}");
    let (code, said) = program(folder.path(), &["diff", "--show-commands"]);
    assert!(code == 0 && said.contains("ssh -T"), "{said}");
    edit(&folder, "stack.yaml", "  ssh: root@178.128.112.214\n", "");
    let (code, said) = program(folder.path(), &["diff"]);
    assert!(code == 2 && said.contains("--against"), "{said}");
    edit(&folder, "stack.yaml", "kind: n8n", "kind: n9n");
    let (code, said) = program(folder.path(), &["diff", "--against", "server"]);
    assert!(code == 2 && said.contains("cannot be built"), "{said}");
}

/// A secret in every place a hand can put one shows in no format and no error.
#[test]
fn no_secret_is_ever_shown() {
    const CANARY: &str = "hunter2-canary";
    let folder = deployed(&reference(), false);
    let password = format!("      TZ: Asia/Manila\n      SMTP_PASSWORD: {CANARY}\n");
    edit(&folder, "server/docker-compose.yml", "      TZ: Asia/Manila\n", &password);
    edit(
        &folder,
        "server/docker-compose.yml",
        "command: [\"npm\", \"start\"]",
        &format!("command: [npm, {CANARY}]"),
    );
    edit(&folder, "server/odoo/odoo.conf", "[options]\n", &format!("[options]\ndb_password = {CANARY}\n"));
    edit(&folder, "server/odoo/start.sh", "set -", &format!("export PASSWORD={CANARY}\nset -"));
    edit(
        &folder,
        "server/superset/superset_config.py",
        "import",
        &format!("SECRET_KEY = '{CANARY}'\nimport"),
    );
    edit(
        &folder,
        "server/nginx/nginx.conf",
        "server_tokens off;",
        &format!("proxy_set_header Authorization {CANARY};"),
    );
    edit(&folder, "server/.env", "N8N_DB_PASSWORD='", &format!("N8N_DB_PASSWORD='{CANARY}"));
    std::fs::write(folder.path().join("server/docker-compose.override.yml"), CANARY).expect("written");
    for format in ["text", "json", "markdown", "github"] {
        let (code, said) = program(folder.path(), &["diff", "--against", "server", "--format", format]);
        assert!(code > 0 && said.len() > 500, "{said}");
        assert!(!said.contains("canary") && !said.contains("hunter2"), "{format}: {said}");
    }
}

/// The reference stack as it ran on a real engine, with stand-ins for its programs: they do not run well, a stranger
/// stands beside them, and nothing else differs.
#[cfg(unix)]
#[test]
fn what_a_real_engine_said_is_in_sync() {
    use stackgen::deployed::conceal::Concealer;
    use stackgen::deployed::source::Source;
    let mut compiled = common::built(&common::root().join("stacks/odoo-erp-prod/stack.yaml"));
    // As it was when the engine ran it.
    let file =
        compiled.artifacts.iter_mut().find(|a| a.path == "docker-compose.yml").expect("a Compose file");
    file.text =
        std::fs::read_to_string(common::root().join("tests/deployed/reference.yml")).expect("a Compose file");
    let folder = common::written(&compiled);
    std::fs::write(folder.path().join("stackgen.lock"), server::lock(&compiled)).expect("written");
    // The files were there before the containers were started.
    for entry in walkdir::WalkDir::new(folder.path()) {
        let path = entry.expect("an entry").into_path();
        if path.is_file() {
            let file = std::fs::File::options().append(true).open(path).expect("a file");
            file.set_modified(std::time::UNIX_EPOCH).expect("a time");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            file.set_permissions(mode).expect("a mode");
        }
    }
    let answers =
        std::fs::read_to_string(common::root().join("tests/deployed/reference.json")).expect("answers");
    let engine = recorded::Engine::new(serde_json::from_str(&answers).expect("JSON"));
    let names = [folder.path().display().to_string(), engine.source()];
    let sources = names.map(|name| Source::parse(&name, None).expect("a source"));
    let declared = Declared::brief(&compiled.artifacts);
    let deployed = stackgen::deployed::read(&sources, Some(&declared), &Concealer::new().expect("a key"));
    let diff = against(&compiled, &deployed);
    assert!(!diff.partial, "{:#?}", diff.sources);
    let strangers = ["container stray", "network stray-net"];
    let other = |c: &&diff::Change| {
        c.what != diff::What::State
            && !(c.status == diff::Status::Undeclared && strangers.contains(&c.subject.to_string().as_str()))
    };
    let found: Vec<_> = diff.changes.iter().filter(other).collect();
    assert!(found.is_empty() && diff.changes.len() > 2, "{}", render::diff::text::diff(&compiled, &diff));
    engine.asked();
}
