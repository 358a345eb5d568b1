//! nginx reads a certificate from a path where certbot puts none.
//!
//! certbot names the directory after the first name of an order, or after `--cert-name`. With another path nginx does not
//! start, or goes on with a certificate that nobody renews.
//! Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#where-are-my-certificates>
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
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
//!     listen 443 ssl;
//!     server_name www.example.com;
//!     ssl_certificate /etc/letsencrypt/live/www.example.com/fullchain.pem;
//!     ssl_certificate_key /etc/letsencrypt/live/www.example.com/privkey.pem;
//!     root /srv/app;
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
//!     listen 443 ssl;
//!     server_name www.example.com;
//!     ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;
//!     ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;
//!     root /srv/app;
//! }
//! ```
//!
//! ```text init.sh accepted
//! openssl req -x509 -out live/app.example.com/fullchain.pem
//! ```

use super::common::{servers, words};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    if stack.foreign.is_none() || stack.certificates.is_empty() {
        return;
    }
    for (_, block) in servers(stack) {
        let Some(directive) = block.iter().find(|d| d.name == "ssl_certificate") else { continue };
        let Some(lineage) = words(block, "ssl_certificate").and_then(|w| w.first()).and_then(|p| lineage(p))
        else {
            continue;
        };
        if stack.certificates.iter().any(|c| c.name == lineage) || lineage.contains('$') {
            continue;
        }
        let known: Vec<&str> = stack.certificates.iter().map(|c| c.name.as_str()).collect();
        let message =
            format!("expected {}, which certbot orders, found `{lineage}`", crate::text::one_of(known));
        out.push(
            Finding::error("certificate-path-mismatch", Place::Text(directive.head()), message)
                .related(stack.certificates[0].place.clone(), "ordered here")
                .help("correct the path, or order it with `--cert-name`"),
        );
    }
}

/// The directory below `live` of a certificate that certbot keeps.
pub(super) fn lineage(path: &str) -> Option<&str> {
    path.split_once("/letsencrypt/live/")?.1.split('/').next()
}
