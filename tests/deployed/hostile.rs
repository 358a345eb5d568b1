//! Servers that mean us harm: bounded in time and memory, and told.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stackgen::deployed::conceal::Concealer;
use stackgen::deployed::{Deployed, read};

use super::engine::Engine;
use super::{folder, source, stackgen};

/// Reads an engine; the first fault.
fn fault(engine: &Engine) -> String {
    let deployed = look(engine);
    deployed.sources[0].faults.first().cloned().unwrap_or_default()
}

fn look(engine: &Engine) -> Deployed {
    read(&[source(engine.source())], None, &Concealer::new().expect("a key"))
}

#[test]
fn an_engine_that_is_none() {
    let start = Instant::now();
    let silent = Engine::with(|_, _, _| {
        std::thread::sleep(Duration::from_secs(600));
        Ok(())
    });
    let version = |stream: &mut std::os::unix::net::UnixStream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{{\"Version\":\"28.5\",\"ApiVersion\":\"1.51\"}} "
        )
    };
    let body = move |text: &'static [u8]| {
        Engine::with(move |stream, path, _| {
            if path == "/version" {
                return version(stream);
            }
            stream.write_all(text)
        })
    };
    let endless = move |head: &'static str, piece: &'static [u8]| {
        Engine::with(move |stream, path, _| {
            if path == "/version" {
                return version(stream);
            }
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(piece)?;
            }
        })
    };
    let zeros: &'static [u8] = Box::leak(vec![b'0'; 1 << 16].into_boxed_slice());
    let cases = [
        ("silent", silent, "in 10 s, found none"),
        ("garbage", Engine::with(|s, _, _| s.write_all(b"\0\0\x16\x03garbage\r\n\r\n")), "expected HTTP"),
        ("gone", Engine::with(|_, _, _| Err(std::io::ErrorKind::Other.into())), "cannot ask"),
        ("not JSON", body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[x"), "expected JSON"),
        ("deep", body(deep()), "expected JSON"),
        ("chunks", body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx"), "expected HTTP"),
        ("a part", body(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n["), ""),
        (
            "redirect",
            body(b"HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n"),
            "status 200",
        ),
        ("refused", body(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), "found 500"),
        ("endless header", endless("HTTP/1.1 200 OK\r\nX: ", zeros), "does not end"),
        ("endless body", endless("HTTP/1.1 200 OK\r\n\r\n", zeros), "at most 64 MiB"),
        ("huge", endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", zeros), "at most 64 MiB"),
    ];
    std::thread::scope(|scope| {
        for (name, engine, says) in &cases {
            scope.spawn(move || {
                let fault = fault(engine);
                assert!(!fault.is_empty() && fault.contains(says), "{name}: {fault}");
                assert!(!fault.contains("garbage"), "{fault}");
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let none = folder(&[]);
    let path = none.path().join("docker.sock").display().to_string();
    let run = stackgen(&["snapshot", &format!("docker://{path}")], |_| {});
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("expected the socket of a Docker engine"), "{}", run.err);
}

/// Brackets within brackets, for whoever reads by calling itself.
fn deep() -> &'static [u8] {
    let brackets = "[".repeat(100_000);
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{brackets}", brackets.len()).leak().as_bytes()
}

fn container(n: usize) -> Json {
    json!({
        "Id": format!("{n:064x}"), "Name": format!("/c{n}"), "Image": "sha256:00", "Created": "2026-01-01T00:00:00.5Z",
        "State": { "Status": "running", "StartedAt": "2026-01-01T00:00:00Z", "ExitCode": 0 },
        "Config": {
            "Image": "nginx:1.30", "Env": (0..20).map(|i| format!("NAME_{i}=value {i}")).collect::<Vec<_>>(),
            "Labels": { "com.docker.compose.project": "p", "com.docker.compose.service": format!("s{n}") },
        },
        "HostConfig": { "NetworkMode": "p_a", "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": format!("{n}") }] } },
        "NetworkSettings": { "Networks": { "p_a": { "Aliases": ["x"] } } },
        "Mounts": [{ "Type": "volume", "Name": "v", "Destination": "/data", "RW": true }],
    })
}

fn engine(containers: impl Iterator<Item = Json>) -> Engine {
    let mut answers: BTreeMap<String, Json> = BTreeMap::new();
    let mut list = Vec::new();
    for container in containers {
        list.push(json!({ "Id": container["Id"] }));
        answers.insert(format!("/containers/{}/json", container["Id"].as_str().expect("an id")), container);
    }
    answers.insert("/containers/json?all=1".into(), list.into());
    answers.insert("/version".into(), json!({ "Version": "28.5", "ApiVersion": "1.51" }));
    answers.insert("/networks".into(), json!([{ "Name": "p_a", "Driver": "bridge" }]));
    answers.insert("/volumes".into(), json!({ "Volumes": [] }));
    answers.insert("/images/sha256:00/json".into(), json!({ "Id": "sha256:00", "Config": {} }));
    answers.insert("/images/nginx:1.30/json".into(), json!({ "Id": "sha256:00", "Config": {} }));
    Engine::new(answers)
}

#[test]
fn ten_thousand_containers() {
    let engine = engine((0..10_000).map(container));
    let start = Instant::now();
    let deployed = look(&engine);
    let taken = start.elapsed();
    assert!(deployed.sources[0].faults.is_empty(), "{:?}", deployed.sources);
    assert_eq!(deployed.engine.expect("an engine").containers.len(), 10_000);
    eprintln!("ten thousand containers: {taken:?}");
    // Room for a slow machine, in a build without optimization.
    assert!(taken < Duration::from_secs(120), "{taken:?}");
}

#[test]
fn names_that_mean_something_to_somebody() {
    let odd = "a\u{1b}[31m\r\n\u{202e}\"'; $(x) ${X} `y` {{z}} é漢😀";
    let mut one = container(1);
    one["Name"] = format!("/{odd}").into();
    one["Config"]["Env"] = json!([format!("{odd}={odd}"), "A=${B}$C$$"]);
    one["Config"]["Labels"] =
        json!({ "com.docker.compose.project": odd, "com.docker.compose.service": odd, odd: odd });
    one["Config"]["Cmd"] = json!([odd]);
    one["Config"]["User"] = odd.into();
    one["NetworkSettings"]["Networks"] = json!({ odd: null });
    one["Mounts"] = json!([{ "Type": "volume", "Name": odd, "Destination": odd, "RW": true }]);
    let mut other = container(2);
    other["Id"] = "../../../containers/x/stop?".into();
    let mut nulls = container(3);
    for key in ["State", "Config", "HostConfig", "NetworkSettings", "Mounts"] {
        nulls[key] = Json::Null;
    }
    let wrong = json!({ "Id": format!("{:064x}", 4), "Name": 5, "Config": [], "HostConfig": "x", "Mounts": [1], "State": true });
    let engine = engine([one, other, nulls, wrong].into_iter());
    let run = stackgen(&["snapshot", &engine.source()], |_| {});
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert!(!run.err.contains('\u{1b}') && !run.out.contains('\u{1b}'));
    let json: Json = serde_json::from_str(&run.out).expect("JSON");
    let containers = json["engine"]["containers"].as_array().expect("a list");
    assert_eq!(containers.len(), 3);
    assert!(run.err.contains("expected an id of letters and digits"), "{}", run.err);
    assert_eq!(run.err.lines().count(), 2, "{}", run.err);
    engine.asked();
}

#[test]
fn a_directory_full_of_traps() {
    let outside = folder(&[("secret", "hunter2canary"), ("nginx/x.conf", "hunter2canary;")]);
    // What is no lock still names files.
    let names =
        ["nginx/nginx.conf", "nginx/fifo", "nginx/loop", "nginx/out", "nginx/zero", "up/x.conf", "../secret"];
    let files: BTreeMap<&str, &str> = names.iter().map(|n| (*n, "sha256:00")).collect();
    let lock = json!({ "stackgen": 1, "files": files }).to_string();
    let deploy = folder(&[
        ("docker-compose.yml", "services: {}\n"),
        ("nginx/nginx.conf", "user nginx;\n"),
        ("nginx/\u{1b}[31m\n.conf", ""),
        ("env/prod", "A=1\n"),
        ("compose.bytes.yml", ""),
        ("stackgen.lock", &lock),
    ]);
    let at = |name: &str| deploy.path().join(name);
    std::fs::write(at("compose.bytes.yml"), [0xff, 0xfe, 0]).expect("written");
    let link = |to: &std::path::Path, name: &str| std::os::unix::fs::symlink(to, at(name)).expect("a link");
    link(std::path::Path::new("env/prod"), ".env");
    link(std::path::Path::new("loop"), "nginx/loop");
    link(&outside.path().join("secret"), "nginx/out");
    link(std::path::Path::new("/dev/zero"), "nginx/zero");
    link(outside.path().join("nginx").as_path(), "up");
    link(std::path::Path::new(".."), "nginx/parent");
    std::fs::File::create(at("compose.large.yml")).and_then(|f| f.set_len(65 << 20)).expect("a file");
    assert!(std::process::Command::new("mkfifo").arg(at("nginx/fifo")).status().expect("runs").success());
    let start = Instant::now();
    let path = deploy.path().display().to_string();
    let run = stackgen(&["snapshot", &path], |_| {});
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert!(!run.out.contains("hunter2canary") && !run.err.contains('\u{1b}'));
    for says in [
        "`nginx/fifo`: it is no file",
        "`nginx/out` is a link out of the directory",
        "`nginx/zero` is a link out of the directory",
        "`compose.large.yml`: it has more than",
        "`compose.bytes.yml`: expected UTF-8 text",
    ] {
        assert!(run.err.contains(says), "{says}: {}", run.err);
    }
    let json: Json = serde_json::from_str(&run.out).expect("JSON");
    // The rest is there.
    assert_eq!(json["files"]["nginx/nginx.conf"]["entries"][0]["value"]["plain"], "nginx");
    assert_eq!(json["files"][".env"]["entries"][0]["path"][0], "A");
    assert!(json["files"].get("up/x.conf").is_none());
    for name in ["nowhere", "docker-compose.yml"] {
        let run = stackgen(&["snapshot", &at(name).display().to_string()], |_| {});
        assert_eq!(run.code, Some(2));
        assert!(run.err.contains("cannot read the directory"), "{}", run.err);
    }
}
