//! A site with TLS has a name that is on no certificate that is ordered.
//!
//! Browsers refuse it. It happens when a sub-domain is added to nginx and not to the order.
//! Source: <https://eff-certbot.readthedocs.io/en/stable/using.html#re-creating-and-updating-existing-certificates>
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
//!     server_name shop.example.com;
//!     ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;
//!     ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;
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

use super::certificate_path_mismatch::lineage;
use super::common::{servers, words};
use crate::finding::{Finding, Place};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    if stack.foreign.is_none() {
        return;
    }
    for (_, block) in servers(stack) {
        let Some(name) = words(block, "ssl_certificate").and_then(|w| w.first()).and_then(|p| lineage(p))
        else {
            continue;
        };
        let Some(certificate) = stack.certificates.iter().find(|c| c.name == name) else { continue };
        for directive in block.iter().filter(|d| d.name == "server_name") {
            let covers = |host: &String| {
                let star = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
                certificate.names.iter().any(|n| n == host || Some(n) == star.as_ref())
            };
            let plain = |h: &&String| h.contains('.') && !h.contains(['$', '*', '~', '_']);
            if let Some(host) = directive.args.iter().filter(plain).find(|h| !covers(h)) {
                let message = format!("`{host}` is not on the certificate `{name}`");
                out.push(
                    Finding::error("domain-not-covered", Place::Text(directive.head()), message)
                        .related(certificate.place.clone(), "ordered here")
                        .help(format!("add `-d {host}` to the order")),
                );
            }
        }
    }
}
