//! nginx needs a certificate to start, and certbot needs nginx to get one.
//!
//! On a new server, or after the volume with the certificates was lost, neither can begin: nginx ends with "cannot load
//! certificate". Something has to make a temporary one first; none of the scripts beside the files does.
//! Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#webroot>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80", "443:443"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro", "./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
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
//!     location /.well-known/acme-challenge/ { root /var/www/certbot; }
//! }
//! server {
//!     listen 443 ssl;
//!     server_name app.example.com;
//!     ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;
//!     ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;
//!     root /srv/app;
//! }
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   nginx:
//!     <<: *base
//!     image: nginx:1.30.0
//!     ports: ["80:80", "443:443"]
//!     volumes: ["./nginx/conf.d:/etc/nginx/conf.d:ro", "./certbot:/etc/letsencrypt", "./webroot:/var/www/certbot"]
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
//! server {
//!     listen 443 ssl;
//!     server_name app.example.com;
//!     ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;
//!     ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;
//!     root /srv/app;
//! }
//! ```
//!
//! ```text init.sh accepted
//! openssl req -x509 -out live/app.example.com/fullchain.pem
//! ```

use super::certificate_path_mismatch::lineage;
use super::common::{firsts, foreign, servers};
use crate::finding::{Finding, Place};
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(scripts) = stack.foreign.as_ref().map(|f| f.scripts) else { return };
    let certbot = stack.services.iter().find(|s| s.role == Role::Acme);
    let contained = stack.proxy.as_ref().is_some_and(|p| p.service.is_some());
    let (Some(certbot), true, false) = (certbot, contained, scripts.first_certificate) else { return };
    // Only what answers by nginx has to wait for it.
    let served = foreign(stack).unwrap_or_default().iter().filter(|d| d.name == "server").any(|s| {
        s.block
            .iter()
            .flatten()
            .any(|d| d.name == "location" && d.args.iter().any(|a| a.contains("acme-challenge")))
    });
    let words = certbot.found.as_ref().map_or("", |f| f.words.as_str());
    if !served || words.contains("standalone") || words.contains("dns-") || words.contains("openssl") {
        return;
    }
    for (_, block) in servers(stack) {
        let live = firsts(block, "ssl_certificate").any(|p| lineage(p).is_some());
        let Some(directive) = block.iter().find(|d| live && d.name == "ssl_certificate") else { continue };
        let message = format!(
            "nginx does not start without this certificate, which `{}` gets only by nginx",
            certbot.name
        );
        out.push(
            Finding::warning("first-start-deadlock", Place::Text(directive.head()), message)
                .help("make a temporary certificate before the first start: `openssl req -x509 ...`"),
        );
        return;
    }
}
