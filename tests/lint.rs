//! `stackgen lint` over many stacks: what is looked at, what is left out, and every format as its reader takes it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use regex::Regex;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_stackgen");

/// Two stacks of one host: each has a moving tag, and both name a container `redis`.
const BLUE: &str = "\
stackgen: 1
name: blue
host: { address: 203.0.113.7 }
services:
  cache: { kind: redis, container_name: redis, image: \"redis:alpine\" }
";
const GREEN: &str = "\
stackgen: 1
name: green
host: { ssh: root@203.0.113.7 }
services:
  queue: { kind: redis, container_name: redis, title: \"日本 🚀\", image: \"redis:latest\" }
";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(dir.path(), path, text);
    }
    dir
}

fn two() -> tempfile::TempDir {
    folder(&[("infra/stacks/a/stack.yaml", BLUE), ("infra/stacks/b/stack.yaml", GREEN), (".git/x", "")])
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn read(dir: &Path, path: &str) -> String {
    fs::read_to_string(dir.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("lint").args(args).current_dir(dir).stdin(Stdio::null());
    for name in ["GITHUB_STEP_SUMMARY", "CLICOLOR_FORCE", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        command.env_remove(name);
    }
    command
}

#[track_caller]
fn done(output: Output, code: i32) -> String {
    let out = String::from_utf8(output.stdout).expect("text");
    let err = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    format!("{out}{err}")
}

/// What a run says on standard output and error.
#[track_caller]
fn lint(dir: &Path, args: &[&str], code: i32) -> String {
    done(command(dir, args).output().expect("runs"), code)
}

/// What a run prints on standard output alone.
#[track_caller]
fn printed(dir: &Path, args: &[&str]) -> String {
    String::from_utf8(command(dir, args).output().expect("runs").stdout).expect("text")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

const FORMATS: [&str; 6] = ["text", "oneline", "json", "sarif", "github", "gitlab"];

/// A workflow command as the runner reads it: name, properties, text.
fn workflow_command(line: &str) -> (String, Vec<(String, String)>, String) {
    let decoded = |text: &str| {
        let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
        text.replace("%25", "%")
    };
    let (head, text) =
        line.strip_prefix("::").and_then(|l| l.split_once("::")).unwrap_or_else(|| panic!("{line}"));
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or_else(|| panic!("{line}"));
        (key.to_string(), decoded(value))
    });
    (name.to_string(), properties.collect(), decoded(text))
}

fn property<'a>(properties: &'a [(String, String)], name: &str) -> &'a str {
    properties.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

#[test]
fn the_sarif_log_is_what_code_scanning_takes() {
    let dir = two();
    let here = dir.path().join("infra");
    lint(&here, &["--format", "sarif=lint.sarif"], 1);
    let log = json(&read(&here, "lint.sarif"));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["markdown"].as_str().is_some_and(|m| m.contains("```yaml")));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        let uri = place["artifactLocation"]["uri"].as_str().expect("a uri");
        assert!(dir.path().join(uri).is_file(), "{uri}");
    }
    // `日本` are two units and the rocket two more: characters would say 68.
    let region = &results[2]["locations"][0]["physicalLocation"]["region"];
    let line = GREEN.lines().nth(4).expect("a line");
    let before: usize =
        line.split("\"redis:latest\"").next().expect("text").chars().map(char::len_utf16).sum();
    assert_eq!(region["startColumn"], before + 1);
    assert_eq!(region["endColumn"], before + 1 + "\"redis:latest\"".len());
    let related = &results[1]["relatedLocations"][0];
    assert_eq!(related["physicalLocation"]["artifactLocation"]["uri"], "infra/stacks/a/stack.yaml");
    assert_eq!(related["logicalLocations"][0]["fullyQualifiedName"], "services.cache.container_name");
    let found = json(&printed(&here, &["--format", "json", "--select", "HO"]));
    assert_eq!(found[0]["related"][0]["place"], "services.cache.container_name");
    assert_eq!(found[0]["related"][0]["path"], "stacks/a/stack.yaml");
}

/// The standard's own validator, with the rules of GitHub's code scanning.
fn validated(dir: &Path, log: &str) -> Option<Vec<String>> {
    let program = common::program("sarif-multitool")?;
    let args = ["validate", log, "--rule-kind", "Sarif;Ghas", "--output", "judged.sarif"];
    let output = common::run(&program, dir, &[&args[..], &["--log", "ForceOverwrite"]].concat());
    let judged = json(read(dir, "judged.sarif").trim_start_matches('\u{feff}'));
    let results = judged["runs"][0]["results"].as_array().expect("results");
    assert_eq!(
        judged["runs"][0]["invocations"][0]["executionSuccessful"],
        true,
        "{}",
        common::printed(&output)
    );
    let told = |r: &Value| format!("{} {}", r["ruleId"].as_str().unwrap_or_default(), r["message"]);
    // There is no page about the tool to name.
    Some(
        results
            .iter()
            .map(told)
            .filter(|t| !t.contains("informationUri") && !t.contains("ToolnformationUri"))
            .collect(),
    )
}

#[test]
fn the_validator_of_the_standard_finds_nothing() {
    let dir = two();
    lint(dir.path(), &["--format", "sarif=lint.sarif"], 1);
    let Some(found) = validated(dir.path(), "lint.sarif") else { return };
    assert!(found.is_empty(), "{found:#?}");
    // One that nobody could take is refused: the validator does look.
    let log = read(dir.path(), "lint.sarif").replace("\"startLine\": 5", "\"startLine\": 0");
    write(dir.path(), "bad.sarif", &log);
    assert!(!validated(dir.path(), "bad.sarif").expect("there").is_empty());
    let empty = folder(&[("stack.yaml", "stackgen: 1\nname: a\n")]);
    lint(empty.path(), &["--format", "sarif=lint.sarif"], 0);
    assert_eq!(validated(empty.path(), "lint.sarif").expect("there"), Vec::<String>::new());
}

#[test]
fn fingerprints_outlive_lines() {
    let dir = two();
    let prints = |dir: &Path| -> BTreeSet<String> {
        let log = json(&printed(dir, &["--format", "sarif"]));
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        let print = |r: &Value| r["partialFingerprints"]["primaryLocationLineHash"].to_string();
        results.iter().map(print).collect()
    };
    let before = prints(dir.path());
    assert_eq!(before.len(), 3);
    // From another folder, and with other lines.
    assert_eq!(prints(&dir.path().join("infra/stacks")), before);
    write(dir.path(), "infra/stacks/b/stack.yaml", &format!("# one\n# more\n{}", GREEN.replace("日本", "x")));
    assert_eq!(prints(dir.path()), before);
    write(dir.path(), "infra/stacks/b/stack.yaml", &GREEN.replace("queue:", "jobs:"));
    assert_eq!(prints(dir.path()).intersection(&before).count(), 1);
    let issues = json(&printed(dir.path(), &["--format", "gitlab"]));
    let issues = issues.as_array().expect("issues");
    let unique: BTreeSet<_> = issues.iter().map(|i| i["fingerprint"].to_string()).collect();
    assert_eq!(unique.len(), issues.len());
}

#[test]
fn annotations_are_capped_and_the_worst_come_first() {
    let services: String = (0..25)
        .map(|i| format!("  s{i:02}: {{ kind: redis, image: \"redis:latest\", mounts: [{{ source: /etc, target: /x }}] }}\n"))
        .collect();
    let dir = folder(&[
        ("infra/stack.yaml", &format!("stackgen: 1\nname: a\nservices:\n{services}")),
        (".git/x", ""),
    ]);
    let summary = dir.path().join("summary.md");
    fs::write(&summary, "before\n").expect("written");
    let output = command(&dir.path().join("infra"), &["--format", "github"])
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8(output.stdout).expect("text");
    let commands: Vec<_> = out.lines().filter(|l| l.starts_with("::")).map(workflow_command).collect();
    let names: Vec<_> = commands.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, [["error"; 10], ["warning"; 10]].concat());
    for (_, properties, text) in &commands {
        assert_eq!(property(properties, "file"), "infra/stack.yaml");
        assert!(property(properties, "line").parse::<usize>().is_ok_and(|n| n > 3));
        assert_eq!(property(properties, "line"), property(properties, "endLine"));
        assert!(text.contains("\nhelp: "), "{text}");
    }
    assert!(out.contains("30 more are in the summary"), "{out}");
    let summary = read(dir.path(), "summary.md");
    assert!(summary.starts_with("before\n## stackgen lint: 25 errors, 25 warnings\n"), "{summary}");
    assert_eq!(summary.matches("| infra/stack.yaml:").count(), 50);
    assert!(summary.contains("| error | CO021 sensitive-host-mount | 25 |"), "{summary}");
}

#[test]
fn what_could_not_be_seen_is_said_in_every_format() {
    let dir = two();
    write(dir.path(), "c/stack.yaml", BLUE);
    write(dir.path(), "c/stack.toml", "");
    for format in FORMATS {
        assert!(
            lint(dir.path(), &["--format", format], 2).contains("expected one manifest in c"),
            "{format}"
        );
    }
    let out = printed(dir.path(), &["--format", "github"]);
    assert!(out.starts_with("::error title=stackgen lint::expected one manifest in c"), "{out}");
    let log = json(&printed(dir.path(), &["--format", "sarif"]));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&false.into(), &2.into()));
    let notes = invocation["toolExecutionNotifications"].as_array().expect("notifications");
    assert!(notes[0]["message"]["text"].as_str().is_some_and(|t| t.contains("expected one manifest")));
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_problem_matcher_reads_every_line() {
    let dir = two();
    write(
        dir.path(),
        "c/stack.yaml",
        "stackgen: 1\nname: c\nservices: { r: { kind: redis } }\ndatabases: { main: { host: db.example.com } }\n",
    );
    let out = printed(dir.path(), &["--format", "oneline"]);
    let matchers =
        json(&fs::read_to_string(common::root().join("docs/problem-matcher.json")).expect("a matcher"));
    let mut levels = BTreeSet::new();
    for line in out.lines() {
        let mut matched = 0;
        for matcher in matchers["problemMatcher"].as_array().expect("matchers") {
            let pattern = &matcher["pattern"][0];
            let regex = Regex::new(pattern["regexp"].as_str().expect("a pattern")).expect("a regex");
            let Some(found) = regex.captures(line) else { continue };
            let part =
                |name: &str| &found[pattern[name].as_u64().unwrap_or_else(|| panic!("{name}")) as usize];
            assert!(dir.path().join(part("file")).is_file(), "{line}");
            assert!(part("line").parse::<usize>().is_ok() && part("column").parse::<usize>().is_ok());
            assert!(stackgen::rules::find(part("code")).is_some_and(|r| part("message").starts_with(r.name)));
            levels.insert(
                pattern.get("severity").map_or("notice".to_string(), |_| part("severity").to_string()),
            );
            matched += 1;
        }
        assert_eq!(matched, 1, "{line}");
    }
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), ["error", "notice", "warning"], "{out}");
}

#[test]
fn several_formats_at_once() {
    let dir = two();
    let out = lint(
        dir.path(),
        &[
            "--format",
            "json=out/a.json",
            "--format",
            "gitlab=b.json",
            "--format",
            "oneline",
            "--format",
            "text=c.txt",
        ],
        1,
    );
    assert!(out.contains("error[HO002]") && out.contains("1 error, 2 warnings"), "{out}");
    assert_eq!(json(&read(dir.path(), "out/a.json")).as_array().map(Vec::len), Some(3));
    assert_eq!(json(&read(dir.path(), "b.json")).as_array().map(Vec::len), Some(3));
    assert!(read(dir.path(), "c.txt").contains("╭─[infra/stacks/b/stack.yaml:5:41]"));
    assert!(lint(dir.path(), &["--format", "json", "--format", "text"], 2).contains("expected one format"));
    assert!(lint(dir.path(), &["--format", "sarif="], 2).contains("expected a file after `sarif=`"));
    assert!(lint(dir.path(), &["--format", "sarf=x"], 2).contains("'sarif'"));
    assert!(lint(dir.path(), &["--format", "json=b.json/x"], 2).contains("name a file that can be written"));
    let out = lint(dir.path(), &["--statistics"], 1);
    assert!(
        out.starts_with("1 error[HO002] container-name-claimed-twice\n2 warning[CO001] moving-image-tag\n"),
        "{out}"
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let dir = two();
    lint(dir.path(), &["--format", "json=/dev/null"], 1);
    assert!(fs::metadata("/dev/null").expect("there").file_type().is_char_device());
    write(dir.path(), "reports/real.json", "old");
    symlink("reports/real.json", dir.path().join("link.json")).expect("a link");
    lint(dir.path(), &["--format", "json=link.json"], 1);
    assert!(fs::symlink_metadata(dir.path().join("link.json")).expect("there").is_symlink());
    assert!(read(dir.path(), "reports/real.json").starts_with('['));
}

/// Names that mean something to one of the formats or to a terminal.
const NAMES: &[&str] = &[
    "new\nline",
    "::error::x",
    "a,b=c",
    "50%0A%25",
    "esc\u{1b}[31m",
    "é ü 日本🚀",
    "a:1:2: error[X1] y",
    "<b>|`x`|</b>",
    "\"q'uote\\",
    "rtl\u{202e}gpj",
    "#frag?q",
    "$(id)",
];

#[cfg(unix)]
#[test]
fn hostile_names_stay_names() {
    let dir = folder(&[(".git/x", "")]);
    for name in NAMES {
        write(
            dir.path(),
            &format!("s/{name}/stack.yaml"),
            &BLUE.replace("cache:", "\"ca\\nche::error::, x\":"),
        );
        write(dir.path(), &format!("t/{name}/stack.yaml"), BLUE);
    }
    let summary = dir.path().join("summary");
    for format in FORMATS {
        let output = command(dir.path(), &["--format", format, "--color", "never"])
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .expect("runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(odd), "{format}: {text:?}");
        match format {
            "json" | "gitlab" | "sarif" => drop(json(&text)),
            "github" => {
                for line in text.lines().filter(|l| l.starts_with("::")) {
                    let (name, properties, _) = workflow_command(line);
                    assert!(["error", "warning", "notice"].contains(&name.as_str()), "{line}");
                    let keys: Vec<_> = properties.iter().map(|(k, _)| k.as_str()).collect();
                    assert_eq!(keys, ["file", "line", "endLine", "col", "endColumn", "title"], "{line}");
                }
            }
            _ => {}
        }
    }
    let log = json(&printed(dir.path(), &["--format", "sarif"]));
    let mut files = BTreeSet::new();
    for result in log["runs"][0]["results"].as_array().expect("results") {
        let uri =
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a uri");
        let mut bytes = Vec::new();
        let mut rest = uri.as_bytes();
        while let [first, after @ ..] = rest {
            match (first, after) {
                (b'%', [high, low, tail @ ..]) => {
                    let digits = String::from_utf8_lossy(&[*high, *low]).into_owned();
                    bytes.push(u8::from_str_radix(&digits, 16).expect("hex"));
                    rest = tail;
                }
                _ => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        let path = String::from_utf8(bytes).expect("text");
        assert!(dir.path().join(&path).is_file(), "{uri}");
        files.insert(path);
    }
    assert_eq!(files.len(), 2 * NAMES.len());
    let summary = fs::read_to_string(&summary).expect("a summary");
    let rows: Vec<_> = summary.lines().filter(|l| l.starts_with('|')).collect();
    assert!(rows.len() > NAMES.len() && !summary.contains("<b>"), "{summary}");
    if let Some(found) = {
        write(dir.path(), "out.sarif", &printed(dir.path(), &["--format", "sarif"]));
        validated(dir.path(), "out.sarif")
    } {
        assert!(found.is_empty(), "{found:#?}");
    }
    // A list of them reads back.
    fs::remove_dir_all(dir.path().join("s")).expect("removed");
    lint(dir.path(), &["--write-baseline", "lint.yaml"], 0);
    assert!(lint(dir.path(), &["--baseline", "lint.yaml"], 0).contains("nothing new"));
}

/// Nobody sees it: not in the place of a finding, not beside one, not in the other stack of the host.
const CANARY: &str = "hunter2hunter2hunter2";

#[test]
fn no_format_shows_a_secret() {
    let stack = |name: &str| {
        format!(
            "stackgen: 1\nname: {name}\nhost: {{ address: 203.0.113.7 }}\nservices:\n  app:\n    image: x/app:latest\n    \
             container_name: app\n    env: {{ PIN: \"postgres://u:{CANARY}@db/x\", DB_PASSWORD: {CANARY} }}\n    \
             healthcheck: {{ command: [x] }}\n  odoo:\n    kind: odoo\n    internal: true\n    database: db\n    \
             settings: {{ admin_passwd: {CANARY} }}\n  db: {{ kind: postgres, container_name: db }}\nallow:\n  \
             - {{ rule: secret-literal, at: services.app.env, reason: it is a test }}\n"
        )
    };
    let dir = folder(&[("a/stack.yaml", &stack("blue")), ("b/stack.yaml", &stack("green")), (".git/x", "")]);
    // A key that is one cannot be covered by its name.
    write(
        dir.path(),
        "c/stack.yaml",
        &format!("stackgen: 1\nname: c\nmail:\n  m: {{ host: a.example.com, password: {CANARY} }}\n"),
    );
    write(
        dir.path(),
        "stackgen-policy.yaml",
        "stackgen: 1\nseverity: { SE001: { level: ignore, reason: only the examples have one } }\n",
    );
    let summary = dir.path().join("summary");
    let mut seen = 0;
    for format in FORMATS {
        for more in [&[][..], &["--statistics"], &["--since", "HEAD"]] {
            let output = command(dir.path(), &[&["--format", format], more].concat())
                .env("GITHUB_STEP_SUMMARY", &summary)
                .output()
                .expect("runs");
            let said = common::printed(&output);
            assert!(!said.contains("hunter2"), "{format}: {said}");
            seen += said.matches("container-name-claimed-twice").count();
        }
    }
    assert!(seen > 20, "{seen}");
    assert!(!fs::read_to_string(&summary).expect("a summary").contains("hunter2"));
    lint(dir.path(), &["--write-baseline", "lint.yaml"], 1);
    assert!(!read(dir.path(), "lint.yaml").contains("hunter2"));
}

#[cfg(unix)]
#[test]
fn the_walk_honours_ignore_files_and_ends() {
    let dir = folder(&[
        (".gitignore", "/old/\n*.tmp\n"),
        ("stacks/.ignore", "draft\n"),
        (".git/info/exclude", "stacks\n"),
    ]);
    for path in [
        "stacks/b",
        "stacks/a",
        "stacks/a/inner",
        "old/x",
        "stacks/draft",
        "y.tmp",
        ".hidden",
        "target/z",
        "node_modules/z",
    ] {
        write(
            dir.path(),
            &format!("{path}/stack.yaml"),
            &BLUE
                .replace("name: blue", &format!("name: {}", path.replace(['/', '.'], "-").trim_matches('-'))),
        );
    }
    std::os::unix::fs::symlink("..", dir.path().join("stacks/loop")).expect("a link");
    let paths = |args: &[&str]| -> Vec<String> {
        let out = printed(dir.path(), &[args, &["--select", "CO001", "--format", "oneline"]].concat());
        out.lines().filter_map(|l| l.split(':').next().map(str::to_string)).collect()
    };
    assert_eq!(paths(&[]), ["stacks/a/stack.yaml", "stacks/a/inner/stack.yaml", "stacks/b/stack.yaml"]);
    // What is named is looked at, wherever it lies.
    assert_eq!(paths(&["old"]), ["old/x/stack.yaml"]);
    assert_eq!(paths(&["stacks/draft", "old/x/stack.yaml"]), ["stacks/draft/stack.yaml", "old/x/stack.yaml"]);
    assert_eq!(paths(&["stacks/b", "stacks"]).len(), 3);
    assert!(lint(dir.path(), &[".hidden/none"], 2).contains("cannot read"));
}

#[test]
fn none_one_and_a_thousand_stacks() {
    let dir = folder(&[]);
    assert!(lint(dir.path(), &["--format", "sarif"], 2).contains("\"executionSuccessful\": false"));
    write(dir.path(), "0/stack.yaml", &BLUE.replace(":alpine", ":7.2"));
    assert!(lint(dir.path(), &[], 0).contains("nothing found in 1 stack\n"));
    for i in 1..1000 {
        let text = BLUE.replace(":alpine", ":7.2").replace("name: blue", &format!("name: s{i}"));
        write(dir.path(), &format!("{i}/stack.yaml"), &text);
    }
    let first = printed(dir.path(), &["--format", "oneline"]);
    assert_eq!(first.lines().count(), 999);
    // The order is the same each time.
    lint(dir.path(), &["--format", "oneline=again", "--format", "sarif=lint.sarif", "--ignore", "NX"], 1);
    assert_eq!(read(dir.path(), "again"), first);
    assert_eq!(read(dir.path(), "lint.sarif").matches("\"ruleId\": \"HO002\"").count(), 999);
}

#[test]
fn a_baseline_is_by_rule_and_subject() {
    let dir = two();
    let here = dir.path().join("infra");
    assert!(lint(&here, &["--write-baseline", "lint.yaml"], 0).contains("3 findings listed in lint.yaml"));
    let list = read(&here, "lint.yaml");
    assert!(
        list.contains(
            "stacks/b/stack.yaml:\n  container-name-claimed-twice:\n    - services.queue.container_name\n"
        ),
        "{list}"
    );
    lint(&here, &["--baseline", "lint.yaml"], 0);
    // From elsewhere it means the same; other lines change nothing, and what is new is told.
    let more = format!("# a\n\n{BLUE}  other: {{ kind: redis, image: \"redis:stable\" }}\n");
    write(&here, "stacks/a/stack.yaml", &more);
    let out = lint(dir.path(), &["--baseline", "infra/lint.yaml", "infra/stacks"], 1);
    assert!(out.contains("`stable`") && out.contains("1 warning;") && !out.contains("tag `alpine`"), "{out}");
    // What is mended is told as a note, but not for what was not looked at or asked for.
    write(&here, "stacks/a/stack.yaml", &BLUE.replace("redis:alpine", "redis:7.2"));
    let out = lint(&here, &["--baseline", "lint.yaml"], 0);
    assert!(out.contains("info[LN005] stale-baseline-entry") && out.contains("lint.yaml:5:7"), "{out}");
    assert!(!lint(&here, &["--baseline", "lint.yaml", "stacks/b"], 0).contains("LN005"));
    assert!(!lint(&here, &["--baseline", "lint.yaml", "--select", "NX"], 0).contains("LN005"));
    fs::remove_dir_all(here.join("stacks/a")).expect("removed");
    assert!(lint(&here, &["--baseline", "lint.yaml"], 0).contains("LN005"));
    // A list of one stack keeps the others' entries, but not those of stacks that are gone.
    write(&here, "stacks/c/stack.yaml", &BLUE.replace("address: 203.0.113.7", "cpus: 1"));
    lint(&here, &["--write-baseline", "lint.yaml", "stacks/c"], 0);
    let list = read(&here, "lint.yaml");
    assert!(
        list.contains("stacks/b/") && list.contains("stacks/c/") && !list.contains("stacks/a/"),
        "{list}"
    );
}

#[test]
fn a_baseline_does_not_hide_what_cannot_be_read() {
    let dir = folder(&[(
        "stack.yaml",
        "stackgen: 1\nname: a\nsrvices: {}\nservices: { r: { kind: redis, on: yes } }\n",
    )]);
    assert!(lint(dir.path(), &["--write-baseline", "lint.yaml"], 1).contains("unknown-key"));
    assert!(lint(dir.path(), &["--baseline", "lint.yaml"], 1).contains("unknown-key"));
    assert!(lint(dir.path(), &["--baseline", "none.yaml"], 2).contains("--write-baseline none.yaml"));
    write(dir.path(), "lint.yaml", "stack.yaml: [1, 2]\n");
    assert!(lint(dir.path(), &["--baseline", "lint.yaml"], 1).contains("lint.yaml:1:13"));
    assert!(lint(dir.path(), &["--write-baseline", "lint.yaml"], 2).contains("lint.yaml is no baseline"));
    assert!(
        lint(dir.path(), &["--write-baseline", "a", "--since", "HEAD"], 2).contains("cannot be used with")
    );
}

/// Git in a folder, with nothing of the user's own.
fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .expect("git");
    assert!(output.status.success(), "{args:?}: {}", common::printed(&output));
}

#[test]
fn since_a_revision_only_what_a_change_brings() {
    if common::program("git").is_none() {
        return;
    }
    let dir = folder(&[("infra/stacks/a/stack.yaml", BLUE)]);
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "first"]);
    let here = dir.path().join("infra");
    assert!(lint(&here, &["--since", "main"], 0).contains("nothing new found in 1 stack"));
    git(dir.path(), &["switch", "-qc", "branch"]);
    write(&here, "stacks/a/stack.yaml", &format!("# moved\n{BLUE}"));
    write(&here, "stacks/b/stack.yaml", GREEN);
    let out = lint(&here, &["--since", "main", "--format", "oneline"], 1);
    assert_eq!(out.matches("stacks/b/stack.yaml:5").count(), 2, "{out}");
    assert!(!out.contains("stacks/a"), "{out}");
    // What others mended meanwhile is not brought by the branch.
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "second"]);
    git(dir.path(), &["switch", "-q", "main"]);
    write(&here, "stacks/a/stack.yaml", &BLUE.replace(":alpine", ":7.2"));
    git(dir.path(), &["commit", "-qam", "mended"]);
    git(dir.path(), &["switch", "-q", "branch"]);
    assert!(!lint(&here, &["--since", "main", "--format", "oneline"], 1).contains("stacks/a"));
    // In a hook git tells its programs another repository.
    let output = command(&here, &["--since", "main"]).env("GIT_DIR", "/nowhere").output().expect("runs");
    assert_eq!(output.status.code(), Some(1), "{}", common::printed(&output));
    assert!(lint(&here, &["--since", "nope"], 2).contains("git knows no revision `nope`"));
    assert!(lint(&here, &["--since=--help"], 2).contains("git knows no revision"));
    let none = folder(&[("stack.yaml", BLUE)]);
    let output = command(none.path(), &["--since", "HEAD"])
        .env("GIT_CEILING_DIRECTORIES", "/")
        .output()
        .expect("runs");
    assert!(done(output, 2).contains("git rev-parse failed"));
    let output = command(&here, &["--since", "HEAD"]).env("PATH", "/nowhere").output().expect("runs");
    assert!(done(output, 2).contains("`--since` needs git"));
}

#[test]
fn an_earlier_revision_has_its_own_overlay_and_kinds() {
    if common::program("git").is_none() {
        return;
    }
    let kind = fs::read_to_string(common::root().join("templates/kinds/redis.yaml")).expect("a kind");
    let kind = kind.replace("kind: redis", "kind: own");
    let dir = folder(&[
        ("stack.yaml", "stackgen: 1\nname: a\nservices: { r: { kind: own, image: \"x:latest\" } }\n"),
        ("kinds/own.yaml", &kind),
        ("stack.staging.yaml", "services: { r: { image: \"x:stable\" } }\n"),
    ]);
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "first"]);
    assert!(lint(dir.path(), &["--since", "HEAD", "--env", "staging"], 0).contains("nothing new"));
    lint(dir.path(), &["--env", "staging"], 1);
    write(
        dir.path(),
        "stack.staging.yaml",
        "services: { r: { image: \"x:stable\", mounts: [{ source: /etc, target: /e }] } }\n",
    );
    let out = lint(dir.path(), &["--since", "HEAD", "--env", "staging"], 1);
    assert!(out.contains("CO021") && !out.contains("CO001"), "{out}");
    assert!(lint(dir.path(), &["--since", "HEAD"], 0).contains("nothing new"));
}

#[test]
fn a_team_sets_levels() {
    let dir = two();
    let set =
        |text: &str| write(dir.path(), "stackgen-policy.yaml", &format!("stackgen: 1\nseverity:\n{text}"));
    set(
        "  moving-image-tag: { level: error, reason: we name versions }\n  HO002: { level: info, reason: one of them is going }\n",
    );
    let out = lint(dir.path(), &[], 1);
    assert!(
        out.contains("error[CO001]") && out.contains("info[HO002]") && out.contains("2 errors, 1 note"),
        "{out}"
    );
    let build = Command::new(BINARY)
        .args(["build", "infra/stacks/a"])
        .current_dir(dir.path())
        .output()
        .expect("runs");
    assert!(done(build, 1).contains("nothing was written"));
    set(
        "  CO001: { level: ignore, reason: our mirror pins them }\n  HO002: { level: ignore, reason: one of them is going }\n",
    );
    assert!(lint(dir.path(), &[], 0).contains("nothing found in 2 stacks"));
    // The nearest one holds, TOML too.
    write(
        dir.path(),
        "infra/stacks/a/stackgen-policy.toml",
        "stackgen = 1\n[severity.CO001]\nlevel = \"warning\"\nreason = \"here they matter\"\n",
    );
    assert!(lint(dir.path(), &[], 1).contains("1 warning;"));
    fs::remove_file(dir.path().join("infra/stacks/a/stackgen-policy.toml")).expect("removed");
    // What is wrong with it is told once, however many stacks there are.
    set(
        "  CO0O1: { level: ignore, reason: x }\n  unknown-key: { level: info, reason: we like them }\n  NX001: { level: hard, reason: todo }\n",
    );
    let out = lint(dir.path(), &["--ignore", "CO001,HO"], 1);
    assert!(out.contains("there is no rule `CO0O1`") || out.contains("expected"), "{out}");
    assert_eq!(out.matches("stackgen-policy.yaml:").count(), 1, "{out}");
    set(
        "  CO0O1: { level: ignore, reason: x }\n  unknown-key: { level: info, reason: we like them }\n  NX001: { level: ignore, reason: todo }\n  CO001: { level: ignore, reason: our mirror pins }\n  moving-image-tag: { level: ignore, reason: our mirror pins }\n",
    );
    let out = lint(dir.path(), &["--ignore", "HO"], 1);
    for text in [
        "did you mean `CO001`?",
        "nothing can be made of what `unknown-key` finds",
        "suppression-without-reason",
        "set twice",
    ] {
        assert!(out.contains(text), "no {text}: {out}");
    }
    // Beyond the repository nobody decides.
    fs::create_dir(dir.path().join("infra/.git")).expect("a folder");
    assert!(lint(&dir.path().join("infra"), &[], 1).contains("2 warnings"));
}

#[test]
fn rules_are_selected_by_name_id_and_group() {
    let dir = two();
    let rules = |args: &[&str]| {
        let out = json(&printed(dir.path(), &[args, &["--format", "json"]].concat()));
        out.as_array()
            .expect("findings")
            .iter()
            .map(|f| f["id"].as_str().expect("an id").to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&["--select", "HO"]), ["HO002"]);
    assert_eq!(rules(&["--select", "co001"]), ["CO001", "CO001"]);
    assert_eq!(rules(&["--ignore", "moving-image-tag"]), ["HO002"]);
    assert_eq!(rules(&["--select", "HO,CO", "--ignore", "HO002,CO001"]), Vec::<String>::new());
    // What was never judged is not clean.
    let broken = folder(&[("stack.yaml", "stackgen: 1\nname: a\nsrvices: {}\n")]);
    assert!(lint(broken.path(), &["--select", "NX"], 1).contains("unknown-key"));
    assert!(lint(dir.path(), &["--select", "moving-tag"], 2).contains("there is no rule `moving-tag`"));
    assert!(lint(dir.path(), &["--ignore", "H"], 2).contains("there is no rule"));
}

#[test]
fn stacks_meet_only_on_the_same_host() {
    let with = |host: &str, more: &str| {
        format!(
            "stackgen: 1\nname: green\n{host}\nservices:\n  queue: {{ kind: redis, container_name: redis }}\n{more}"
        )
    };
    let clean = BLUE.replace(":alpine", ":7.2");
    let meets = |blue: &str, green: &str| {
        let dir = folder(&[("a/stack.yaml", blue), ("b/stack.yaml", green)]);
        let out = command(dir.path(), &["--format", "oneline"]).output().expect("runs");
        common::printed(&out).contains("HO002")
    };
    for host in [
        "host: { address: 203.0.113.7 }",
        "host: { ssh: 203.0.113.7 }",
        "host: { ssh: \"ssh://root@203.0.113.7:2222\" }",
        "host: { address: 203.0.113.9, ssh: admin@203.0.113.7 }",
    ] {
        assert!(meets(&clean, &with(host, "")), "{host}");
    }
    for host in ["host: { address: 203.0.113.8 }", "host: {}", "host: { ssh: root@203.0.113.70 }"] {
        assert!(!meets(&clean, &with(host, "")), "{host}");
    }
    // One that knows the host by both names joins those that know it by one.
    let both = "stackgen: 1\nname: c\nhost: { address: 203.0.113.9, ssh: root@203.0.113.7 }\n";
    let other = with("host: { address: 203.0.113.9 }", "");
    let dir = folder(&[("a/stack.yaml", &clean), ("b/stack.yaml", &other), ("c/stack.yaml", both)]);
    assert!(lint(dir.path(), &[], 1).contains("HO002"));
    // Either may accept it.
    let same = "host: { address: 203.0.113.7 }";
    let allow = |at: &str| format!("allow: [{{ rule: HO002, at: {at}, reason: only one of them runs }}]\n");
    assert!(!meets(&clean, &with(same, &allow("services.queue"))));
    assert!(!meets(&format!("{clean}{}", allow("services.cache")), &with(same, "")));
    assert!(meets(&clean, &with(same, &allow("services.other"))));
    let expired = allow("services.queue").replace("runs }", "runs, until: \"2020-01-01\" }");
    assert!(meets(&clean, &with(same, &expired)));
    // And alone it is not told as in vain: the other stack may only not have been looked at.
    let dir = folder(&[("stack.yaml", &with(same, &allow("services.queue")))]);
    assert!(lint(dir.path(), &[], 0).contains("nothing found"));
}

/// A directory without a manifest beside two stacks: `legacy/`.
fn mixed() -> tempfile::TempDir {
    let dir = two();
    let from = common::root().join("tests/foreign/grown");
    for path in
        [".env.example", "docker-compose.yml", "docker-compose.override.yml", "odoo.conf", "nginx/nginx.conf"]
    {
        write(dir.path(), &format!("legacy/{path}"), &read(&from, path));
    }
    dir
}

#[test]
fn a_directory_without_a_manifest_is_linted_as_a_stack_is() {
    let dir = mixed();
    let at = dir.path();
    let out = lint(at, &["--format", "oneline"], 1);
    // In the order of paths, among what has a manifest, and the same each time.
    let places: Vec<&str> =
        out.lines().filter(|l| l.contains(": error[") || l.contains(": warning[")).collect();
    let first = places.iter().position(|l| l.starts_with("legacy/")).expect("findings");
    assert!(places[..first].iter().all(|l| l.starts_with("infra/")), "{out}");
    assert!(places[first..].iter().all(|l| l.starts_with("legacy/")), "{out}");
    assert!(out.contains("note: legacy: no firewall found: 3 rules were not asked"), "{out}");
    assert_eq!(lint(at, &["--format", "oneline"], 1), out);
    // An ignored one is passed over, unless it is named.
    write(at, ".gitignore", "legacy\n");
    assert!(!lint(at, &["--format", "oneline"], 1).contains("legacy/"));
    assert!(lint(at, &["--format", "oneline", "legacy"], 1).contains("legacy/"));
    fs::remove_file(at.join(".gitignore")).expect("removed");
    // Every finding has a subject, and those of two files are never the same.
    let found = json(&printed(at, &["--format", "json", "legacy"]));
    for finding in found.as_array().expect("findings") {
        let (path, place) = (finding["path"].as_str().expect("a path"), finding["place"].as_str());
        let place = place.unwrap_or_else(|| panic!("{finding}"));
        let own = path.ends_with(".conf").then(|| path.trim_start_matches("legacy/"));
        assert!(own.is_none_or(|file| place.starts_with(file)), "{path}: {place}");
    }
    let log = json(&printed(at, &["--format", "sarif", "legacy"]));
    let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes.contains("no firewall found"), "{notes}");
    lint(at, &["--format", "sarif=lint.sarif", "legacy"], 1);
    if let Some(found) = validated(at, "lint.sarif") {
        assert!(found.is_empty(), "{found:#?}");
    }
    // Nothing is mended in what is not ours.
    let before = read(at, "legacy/odoo.conf");
    lint(at, &["--fix", "--unsafe-fixes", "legacy"], 1);
    assert_eq!(read(at, "legacy/odoo.conf"), before);
}

#[test]
fn a_baseline_and_a_revision_know_directories_without_a_manifest() {
    if common::program("git").is_none() {
        return;
    }
    let dir = mixed();
    let at = dir.path();
    fs::remove_dir_all(at.join(".git")).expect("removed");
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["add", "."]);
    git(at, &["commit", "-qm", "first"]);
    lint(at, &["--write-baseline", "lint.yaml"], 0);
    let legacy = at.join("legacy");
    lint(&legacy, &["--write-baseline", "lint.yaml"], 0);
    assert!(
        read(&legacy, "lint.yaml").contains("\n\".\":\n") || read(&legacy, "lint.yaml").contains("\n.:\n")
    );
    let odoo = read(at, "legacy/odoo.conf");
    let nginx = read(at, "legacy/nginx/nginx.conf");
    write(at, "legacy/odoo.conf", &format!("; moved\n\n{odoo}"));
    write(at, "legacy/nginx/nginx.conf", &format!("# moved\n\n{nginx}"));
    for args in [&["--baseline", "lint.yaml"][..], &["--since", "main"]] {
        assert!(lint(at, args, 0).contains("nothing new found in 3 stacks"), "{args:?}");
        assert!(lint(&legacy, args, 0).contains("nothing new found in 1 stack"), "{args:?}");
    }
    write(at, "legacy/odoo.conf", &format!("{odoo}\nfrobnicate = 1\n"));
    for args in [&["--baseline", "lint.yaml"][..], &["--since", "main"]] {
        for (folder, path) in [(at, "legacy/odoo.conf:"), (&legacy, "odoo.conf:")] {
            let out = printed(folder, &[args, &["--format", "oneline"]].concat());
            assert_eq!(out.lines().count(), 1, "{args:?}: {out}");
            assert!(out.starts_with(path) && out.contains("unknown-option"), "{args:?}: {out}");
        }
    }
}

#[test]
fn a_teams_rule_is_in_every_format() {
    let dir = mixed();
    let at = dir.path();
    write(
        at,
        "stackgen-policy.yaml",
        "stackgen: 1\nseverity: { moving-image-tag: info }\nrules:\n  - name: no-cache\n    each: service\n    require: service.kind != \"redis\"\n    message: \"{{ service.name }} is one\"\n    about: It was killed | <once>.\n",
    );
    let select = ["--select", "no-cache"];
    for format in FORMATS {
        let out = lint(at, &[&select[..], &["--format", format]].concat(), 1);
        assert_eq!(out.matches("cache is one").count(), 1, "{format}: {out}");
        assert!(!out.contains("legacy/"), "{format}: {out}");
    }
    lint(at, &["--format", "sarif=lint.sarif"], 1);
    let log = json(&read(at, "lint.sarif"));
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules").clone();
    for result in log["runs"][0]["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().and_then(|i| usize::try_from(i).ok()).expect("an index");
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    if let Some(found) = validated(at, "lint.sarif") {
        assert!(found.is_empty(), "{found:#?}");
    }
    // Its levels count for what has no manifest too, its rules do not.
    assert!(lint(at, &["legacy", "--select", "CO001"], 0).contains("info[CO001]"));
    // What it found can be in a baseline.
    lint(at, &["--write-baseline", "lint.yaml"], 0);
    assert!(read(at, "lint.yaml").contains("no-cache"));
    assert!(lint(at, &["--select", "no-cahce"], 2).contains("did you mean `no-cache`?"));
}

#[test]
fn only_what_would_be_told_is_mended() {
    let stack = "stackgen: 1\nname: a\nservices:\n  n8n: { kind: n8n, internal: true, database: db, env: { DB_POSTGRESDB_URL: x, N8N_HOSTT: x } }\n  db: { kind: postgres }\n";
    let dir = folder(&[("stack.yaml", stack), (".git/x", "")]);
    let at = dir.path();
    let out = lint(at, &["--write-baseline", "lint.yaml"], 0);
    assert!(out.contains("listed in lint.yaml"), "{out}");
    assert_eq!(read(at, "lint.yaml").matches("services.n8n.env").count(), 2, "{}", read(at, "lint.yaml"));
    lint(at, &["--baseline", "lint.yaml", "--fix", "--unsafe-fixes"], 0);
    assert_eq!(read(at, "stack.yaml"), stack);
    assert_eq!(lint(at, &["--ignore", "CO013", "--diff", "--unsafe-fixes"], 0), "");
    // Without the entry of one it is mended, and the other stays.
    let list = read(at, "lint.yaml");
    let kept: Vec<&str> = list.lines().filter(|l| !l.contains("DB_POSTGRESDB_URL")).collect();
    write(at, "lint.yaml", &(kept.join("\n") + "\n"));
    assert!(lint(at, &["--baseline", "lint.yaml", "--fix"], 0).contains("fixed"));
    let left = read(at, "stack.yaml");
    assert!(!left.contains("DB_POSTGRESDB_URL") && left.contains("N8N_HOSTT"), "{left}");
}
