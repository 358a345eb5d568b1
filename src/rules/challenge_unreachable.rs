//! certbot leaves the answer to a challenge where nginx does not look for it.
//!
//! Both have to see the same directory: certbot writes below `-w`, nginx reads below the `root` of the challenge's
//! location, and behind both must be the same volume or path. Otherwise every order and every renewal fails with 404.
//! Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#webroot>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro", "./webroot:/var/www/certbot"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: certonly --webroot -w /var/www/certbot -d app.example.com -d www.example.com --deploy-hook /reload
//!     volumes: ["./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
//!   renew:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: renew --deploy-hook /reload
//!     volumes: ["./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
//! ```
//!
//! ```nginx nginx/conf.d/app.conf flagged
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /.well-known/acme-challenge/ { root /usr/share/nginx/html; }
//! }
//! ```
//!
//! ```text init.sh flagged
//! openssl req -x509 -out live/app.example.com/fullchain.pem
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro", "./webroot:/var/www/certbot"]
//!     healthcheck: { test: [CMD, curl, -f, "http://localhost/"] }
//!   certbot:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: certonly --webroot -w /var/www/certbot -d app.example.com -d www.example.com --deploy-hook /reload
//!     volumes: ["./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
//!   renew:
//!     <<: *base
//!     image: certbot/certbot:v5.8.0
//!     command: renew --deploy-hook /reload
//!     volumes: ["./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
//! ```
//!
//! ```nginx nginx/conf.d/app.conf accepted
//! server {
//!     listen 80;
//!     server_name app.example.com;
//!     location /.well-known/acme-challenge/ { root /var/www/certbot; }
//! }
//! ```
//!
//! ```text init.sh accepted
//! openssl req -x509 -out live/app.example.com/fullchain.pem
//! ```

use super::common::{each, foreign};
use crate::finding::{Finding, Place};
use crate::stack::{MountSource, Role, Service, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let proxy = stack.proxy.as_ref().and_then(|p| p.service.as_deref()).and_then(|n| stack.service(n));
    let (Some(proxy), Some(directives)) = (proxy, foreign(stack)) else { return };
    let acme = stack.services.iter().filter(|s| s.role == Role::Acme);
    let roots: Vec<(&Service, String)> =
        acme.filter_map(|s| Some((s, webroot(&s.found.as_ref()?.words)?))).collect();
    let Some((certbot, written)) = roots.first() else { return };
    let Some(source) = behind(certbot, written) else { return };
    each(directives, &mut |directive, _| {
        let challenge =
            directive.name == "location" && directive.args.iter().any(|a| a.contains("acme-challenge"));
        let inside = directive.block.as_deref().unwrap_or_default();
        let root = inside.iter().find(|d| challenge && d.name == "root");
        let Some((root, read)) = root.and_then(|d| Some((d, d.args.first()?))) else { return };
        if behind(proxy, read).as_ref() == Some(&source) || read.contains('$') {
            return;
        }
        let message =
            format!("nginx looks for challenges in `{read}`, which is not what `{}` writes to", certbot.name);
        out.push(
            Finding::error("challenge-unreachable", Place::Text(root.head()), message)
                .related(certbot.place.on_key(), format!("writes to `{written}`"))
                .help("mount the same volume into both, and name it in both"),
        );
    });
}

fn webroot(words: &str) -> Option<String> {
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        if matches!(word, "-w" | "--webroot-path") {
            return words.next().map(str::to_string);
        }
        if let Some(path) = word.strip_prefix("--webroot-path=") {
            return Some(path.to_string());
        }
    }
    None
}

/// What lies behind a path of a container: source and the rest of the path.
fn behind(service: &Service, path: &str) -> Option<(String, String)> {
    let mut mounts: Vec<_> = service.mounts.iter().collect();
    mounts.sort_by_key(|m| std::cmp::Reverse(m.target.len()));
    mounts.iter().find_map(|m| {
        let rest = path.strip_prefix(m.target.trim_end_matches('/'))?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let source = match &m.source {
            MountSource::Volume(name) | MountSource::Output(name) => name.clone(),
            MountSource::Host(path) => path.trim_start_matches("./").trim_end_matches('/').to_string(),
        };
        Some((source, rest.trim_matches('/').to_string()))
    })
}
