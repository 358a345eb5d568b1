//! `stackgen init`: a manifest to start from, which builds as it is.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::out::Out;
use super::{Status, stacks};
use crate::cli::Init;
use crate::compile::{Input, compile};
use crate::finding::Level;
use crate::kinds::{Kind, Kinds, Need, UsedAs};
use crate::render::HELP;
use crate::scalar::{HostName, Name, shown as quoted};
use crate::text::Sources;
use crate::write::Failure;

pub(super) fn run(args: &Init, out: &mut Out) -> Result<Status, Failure> {
    let dir = args.dir.clone().unwrap_or_default();
    let domain = HostName::try_from(args.domain.clone()).map_err(|error| {
        Failure::new(error)
            .help("write the domain the services get their names under: `--domain example.com`")
    })?;
    let services = services(&args.kinds)?;
    let text = manifest(&name(&dir)?, &domain, &services);
    let path = dir.join("stack.yaml");
    check(&path, &text)?;
    write(&dir, &path, &text)?;
    let stack = stacks::shown(&dir);
    let build = if stack == "." { "stackgen build".to_string() } else { format!("stackgen build {stack}") };
    out.status(&format!(
        "wrote {}\n  {HELP}next:{HELP:#} read it, then `{build}`\n        an editor completes it with `stackgen schema`\n",
        stacks::shown(&path)
    ));
    Ok(Status::Fine)
}

/// A service of the new manifest.
struct Service {
    name: String,
    kind: std::rc::Rc<Kind>,
    database: Option<String>,
    redis: Option<String>,
}

/// The services for some kinds, with the stores they need.
fn services(kinds: &[String]) -> Result<Vec<Service>, Failure> {
    let (mut sources, mut faults) = (Sources::default(), Vec::new());
    let mut known = Kinds::default();
    let container = ["container".to_string()];
    let mut services: Vec<Service> = Vec::new();
    for name in if kinds.is_empty() { &container } else { kinds } {
        let usable: Vec<String> = known
            .names()
            .into_iter()
            .map(str::to_string)
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|n| known.get(n, &mut sources, &mut faults).is_some_and(|k| is_service(&k)))
            .collect();
        let kind = known.get(name, &mut sources, &mut faults).filter(|k| is_service(k));
        let Some(kind) = kind else {
            let failure = Failure::new(format!("expected a kind of service, found {}", quoted(name)));
            return Err(match crate::text::nearest(name, usable.iter().map(String::as_str)) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help(format!("the kinds are {}", usable.join(", "))),
            });
        };
        if services.iter().any(|s| s.kind.kind == kind.kind) {
            return Err(Failure::new(format!("expected each kind once, found `{name}` twice"))
                .help("name it once, and copy the service in the manifest"));
        }
        let service = if name == "container" { "app" } else { name.as_str() };
        services.push(Service { name: service.to_string(), kind, database: None, redis: None });
    }
    for store in ["postgres", "redis"] {
        let needs = |s: &Service| match store {
            "postgres" => s.kind.database != Need::None,
            _ => s.kind.redis.is_some(),
        };
        let is_there = services.iter().any(|s| s.name == store);
        // A redis that is needed under a condition only is not needed by what is written here, unless it is at hand.
        let needed = match store {
            "postgres" => services.iter().any(|s| s.kind.database == Need::Required),
            _ => services.iter().any(|s| s.kind.redis.as_deref().is_some_and(|when| when == "true")),
        };
        if !is_there
            && needed
            && let Some(kind) = known.get(store, &mut sources, &mut faults)
        {
            services.push(Service { name: store.into(), kind, database: None, redis: None });
        }
        if services.iter().any(|s| s.name == store) {
            for service in services.iter_mut().filter(|s| needs(s)) {
                match store {
                    "postgres" => service.database = Some(store.into()),
                    _ => service.redis = Some(store.into()),
                }
            }
        }
    }
    Ok(services)
}

fn is_service(kind: &Kind) -> bool {
    matches!(kind.used_as, UsedAs::Service | UsedAs::Store | UsedAs::Site)
}

/// The name of the folder as the name of a stack.
fn name(dir: &Path) -> Result<Name, Failure> {
    let full = std::path::absolute(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
        .map_err(|e| Failure::io("find the working directory", &e))?;
    // `..` at the end has no name of its own.
    let full = full.canonicalize().unwrap_or(full);
    let folder = full.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = folder
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .take(63)
        .collect();
    let name = name.trim_matches(['-', '_']);
    Name::try_from(if name.is_empty() { "stack" } else { name }.to_string()).map_err(Failure::new)
}

/// The text of the manifest. Every value in it is a checked name, so nothing needs quoting.
fn manifest(name: &Name, domain: &HostName, services: &[Service]) -> String {
    let mut out = format!(
        "\
# What the server of {domain} runs. `stackgen build` makes its files; `stackgen explain services` lists all keys.
# For completion in an editor: `stackgen schema > stack.schema.json`, and as the first line of this file
#   yaml-language-server: $schema=stack.schema.json
stackgen: 1
name: {name}
domain: {domain}

# The server; CPUs and memory decide numbers of workers and limits.
host:
  provider: other
  cpus: 4
  memory: 16GiB

# One certificate of Let's Encrypt covers all names below.
certificates:
  email: admin@{domain}

services:
"
    );
    for (i, service) in services.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "  # {}\n  {}:\n", service.kind.title, service.name);
        let kind = service.kind.kind.as_str();
        if kind == "container" {
            let _ = write!(
                out,
                "    # Any image; name the version, for `latest` moves.\n    image: ghcr.io/example/app:1.0.0\n    listen: 8080\n"
            );
        } else {
            let _ = writeln!(out, "    kind: {kind}");
        }
        if let Some(version) = &service.kind.version {
            let _ = writeln!(out, "    # version: \"{version}\"    # the default");
        }
        if service.kind.used_as != UsedAs::Store {
            let host = if service.kind.used_as == UsedAs::Site { "www" } else { service.name.as_str() };
            let _ = writeln!(out, "    url: https://{host}.{domain}");
        }
        if service.kind.used_as == UsedAs::Site {
            let _ = writeln!(
                out,
                "    # On the server; the proxy serves what is in it.\n    root: /var/www/html"
            );
        }
        if let Some(database) = &service.database {
            let _ = writeln!(out, "    database: {database}");
        }
        if let Some(redis) = &service.redis {
            let _ = writeln!(out, "    redis: {redis}");
        }
        if kind == "container" {
            let _ = writeln!(out, "    healthcheck: {{ http: /health, tool: curl }}");
        }
        let vectors = |s: &Service| s.kind.extensions.iter().any(|e| e.as_str() == "vector");
        if kind == "postgres" && services.iter().any(vectors) {
            let _ =
                writeln!(out, "    # One of the services keeps vectors.\n    options: {{ pgvector: true }}");
        } else if !service.kind.options.is_empty() {
            let names: Vec<_> = service.kind.options.keys().map(String::as_str).collect();
            let _ = writeln!(
                out,
                "    # options: {{ ... }}    # {}; see `stackgen explain {kind}`",
                names.join(", ")
            );
        }
    }
    out
}

/// What is written must build; a kind that needs more than is known here is told before anything is written.
fn check(path: &Path, text: &str) -> Result<(), Failure> {
    let compiled =
        compile(Input { manifest: (path.display().to_string(), text.to_string()), ..Input::default() });
    match compiled.findings.iter().find(|f| f.level == Level::Error) {
        None => Ok(()),
        Some(finding) => Err(Failure::new(format!("these kinds do not build together: {}", finding.message))
            .help(finding.help.clone().unwrap_or_else(|| "name other kinds".into()))),
    }
}

fn write(dir: &Path, path: &Path, text: &str) -> Result<(), Failure> {
    let there =
        ["stack.yaml", "stack.toml"].iter().map(|n| dir.join(n)).find(|p| p.symlink_metadata().is_ok());
    if let Some(there) = there {
        return Err(exists(&there));
    }
    let folder = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir.into() };
    std::fs::create_dir_all(&folder)
        .map_err(|e| Failure::io(format_args!("make the folder {}", stacks::shown(&folder)), &e))?;
    let failed = |e: &std::io::Error| Failure::io(format_args!("write {}", stacks::shown(path)), e);
    let mut file = match std::fs::File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(path)),
        Err(error) => return Err(failed(&error)),
    };
    file.write_all(text.as_bytes()).map_err(|e| failed(&e))
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!("{} is there already", stacks::shown(path)))
        .help("name another folder, or delete it first")
}
