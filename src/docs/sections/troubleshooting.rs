//! What to look at when something does not work, with the names of this stack and programs that its images have.

use super::{View, backup, health, owners, term, word};
use crate::docs::document::{Block, Line, Section, commands, paragraph};
use crate::manifest::RunsIn;
use crate::stack::{Action, Answer, Role, Service, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut blocks = vec![paragraph("In the deploy directory on the server.")];
    blocks.extend(start(stack));
    blocks.extend(bad_gateway(stack));
    blocks.extend(modules(stack));
    blocks.extend(database(stack));
    if stack.services.is_empty() {
        return None;
    }
    Section::new("Troubleshooting", blocks)
}

fn heading(text: &str) -> Block {
    Block::Heading(text.into())
}

fn start(stack: &Stack) -> Vec<Block> {
    let mut lines = vec![
        "docker compose config --quiet    # says which secret of .env is missing".to_string(),
        "docker compose ps -a".into(),
    ];
    for service in owners(stack).filter(|s| s.role.stays()) {
        lines.push(format!("docker compose logs --tail 50 {}", service.name));
    }
    vec![heading("A service does not start"), commands(lines)]
}

fn bad_gateway(stack: &Stack) -> Vec<Block> {
    let Some(proxy) = &stack.proxy else { return Vec::new() };
    let mut upstreams: Vec<(&Service, u16)> = Vec::new();
    for site in stack.sites.iter().filter(|s| s.answer == Answer::Live) {
        for route in &site.routes {
            let Action::Proxy { service, port } = &route.action else { continue };
            let found = stack.service(service).filter(|_| !upstreams.iter().any(|(s, _)| s.name == *service));
            upstreams.extend(found.map(|s| (s, *port)));
        }
    }
    let mut lines: Vec<String> =
        upstreams.iter().filter(|(s, _)| s.healthcheck.is_some()).map(|(s, _)| health::asked(s)).collect();
    match (&proxy.service, proxy.runs_in) {
        (Some(nginx), _) => {
            let config = "/etc/nginx/stackgen/nginx.conf";
            lines.push(format!("docker compose exec {nginx} nginx -t -c {config}"));
            lines.extend(upstreams.iter().map(|(s, port)| {
                format!("docker compose exec {nginx} wget -S -O /dev/null http://{}:{port}/", s.name)
            }));
            lines.push(format!("docker compose kill -s HUP {nginx}"));
        }
        (None, RunsIn::Host | RunsIn::Container) => {
            lines.push("nginx -t".into());
            lines.push("systemctl reload nginx".into());
        }
    }
    let about = "The proxy is there, and the service behind it does not answer: is it well, is the configuration, does \
                 the proxy reach it?";
    vec![heading("502 Bad Gateway"), paragraph(about), commands(lines)]
}

/// Modules of Odoo.
fn modules(stack: &Stack) -> Vec<Block> {
    let mut blocks = Vec::new();
    for odoo in owners(stack).filter(|s| s.kind == "odoo") {
        let mut lines: Vec<String> = Vec::new();
        for path in &odoo.facts.mounted {
            lines.push(format!("docker compose exec {} ls -la {}", odoo.name, word(path)));
        }
        lines.push(format!(
            "docker compose run --rm {} update base    # reads the list of modules again",
            odoo.name
        ));
        lines.push(format!("docker compose run --rm {} update MODULE,MODULE", odoo.name));
        lines.push(format!("docker compose logs --tail 500 {} | grep -iE 'module|error'", odoo.name));
        blocks.push(Block::Heading(Line::new().text("Modules of ").text(&odoo.name)));
        blocks.push(commands(lines));
    }
    blocks
}

fn database(stack: &Stack) -> Vec<Block> {
    let mut blocks = Vec::new();
    for database in &stack.databases {
        let users: Vec<&Service> = stack
            .services
            .iter()
            .filter(|s| s.role != Role::Store && s.role.stays())
            .filter(|s| s.database.as_ref().is_some_and(|d| d.server == database.name))
            .collect();
        let Some(used) = users.first().and_then(|s| s.database.as_ref()) else { continue };
        let mut lines: Vec<String> = users
            .iter()
            .map(|s| format!("docker compose exec {} getent hosts {}", s.name, word(&database.host)))
            .collect();
        match &database.service {
            Some(service) => {
                lines.push(format!("docker compose exec {service} pg_isready -U postgres"));
                lines.push(format!("docker compose exec {service} psql -U postgres -c '\\l'"));
            }
            None => {
                if !matches!(term(database.sslmode).as_str(), "disable" | "allow") {
                    let to = word(&format!("{}:{}", database.host, database.port));
                    lines.push(format!("openssl s_client -starttls postgres -connect {to} </dev/null"));
                }
                let (run, to) = backup::client(database, used);
                lines.push(format!("{run} psql -W {to} -d {} -c 'select version()'", word(&used.name)));
            }
        }
        blocks.push(Block::Heading(
            Line::new().text("Connections to the database server ").code(&database.name),
        ));
        let about = match &database.service {
            Some(_) => "Is its name known to the services, is it ready, are the databases there?",
            None => {
                "Is its name known to the services, does it speak TLS, does it let the role in (the password is asked for)?"
            }
        };
        blocks.push(paragraph(about));
        blocks.push(commands(lines));
    }
    blocks
}
