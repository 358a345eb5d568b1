//! Where a stack is read from files that stackgen did not write: what a rule has to see before it may judge, and what
//! it advises when there is no manifest to change.

use crate::stack::Aspect::{self, Firewall, Host, Intent, Proxy, Settings};

/// What rules need to see besides containers.
const NEEDS: &[(Aspect, &[&str])] = &[
    (
        Intent,
        &[
            // A server without a name answers for every name.
            "certificate-lists-dead-domain",
            "backup-missing",
            "critical-volume-not-backed-up",
            "override-replaces-list",
            "removed-without-date",
            "unrouted-service",
            "unused-declaration",
        ],
    ),
    (Firewall, &["open-port-without-listener", "port-outside-firewall-policy", "required-port-closed"]),
    (Host, &["blocked-mail-port", "compose-too-old", "host-capacity-exceeded"]),
    (
        Settings,
        &[
            "addons-path-mismatch",
            "default-admin-password",
            "dbfilter-mismatch",
            "deprecated-option",
            "inline-comment-in-value",
            "log-file-in-container",
            "setting-value-invalid",
            "unknown-option",
            "worker-memory-over-limit",
        ],
    ),
    (
        Proxy,
        &[
            "acme-challenge-shadowed",
            "admin-path-public",
            "body-limit-mismatch",
            "challenge-unreachable",
            "database-manager-open",
            "dead-route",
            "deprecated-directive",
            "directive-without-effect",
            "duplicate-server-name",
            "edge-port-conflict",
            "first-start-deadlock",
            "hsts-unsafe",
            "invalid-domain",
            "plain-http-served",
            "proxy-headers-dropped",
            "proxy-timeout-too-short",
            "public-url-mismatch",
            "security-headers-dropped",
            "stale-upstream-address",
            "streaming-route-buffered",
            "unsafe-raw-snippet",
            "upstream-not-listening",
            "upstream-not-resolvable",
            "weak-tls",
            "websocket-upgrade-missing",
            "websocket-without-workers",
            "workers-without-websocket-route",
        ],
    ),
];

/// Help for files that are not ours, where the rule's own speaks of the manifest.
const ADVICE: &[(&str, &str)] = &[
    ("addons-path-mismatch", "mount the directory there, or correct `addons_path`"),
    ("body-limit-mismatch", "raise `client_max_body_size`, or lower the program's own limit"),
    ("container-name-blocks-replicas", "remove the name; the service name reaches all of them"),
    ("database-manager-open", "set `list_db = False`, or let only known addresses reach /web/database"),
    ("dead-route", "remove the location; since 16 it is `/websocket`"),
    ("dbfilter-mismatch", "write `dbfilter = ^NAME$` with the name of the database"),
    ("driver-missing", "build an image with the driver: `FROM` this one, then `pip install psycopg2-binary`"),
    ("edge-port-conflict", "publish it on another port, or let the proxy answer for it"),
    ("env-overridden-by-config", "remove one of the two; odoo.conf wins"),
    ("filestore-not-persistent", "mount a named volume at this directory"),
    ("healthcheck-wrong-target", "ask the port on which it listens"),
    ("host-port-collision", "give one of them another port, or reach it by its service name"),
    ("inline-comment-in-value", "move the comment to a line of its own"),
    ("log-file-in-container", "remove the setting; Odoo then logs to the container's output"),
    ("missing-healthcheck", "add `healthcheck:` with a `test` whose program the image has"),
    (
        "placeholder-secret",
        "make a value with `openssl rand -hex 32`, and keep it out of the files: in Compose `${NAME:?}` with .env",
    ),
    ("pooler-mode-incompatible", "connect to the server itself"),
    ("proxy-mode-mismatch", "write `proxy_mode = True` exactly if only a proxy reaches Odoo"),
    ("public-url-mismatch", "write the address by which the proxy is reached"),
    (
        "published-on-all-interfaces",
        "write `127.0.0.1:` before it, or remove it; services reach one another without",
    ),
    (
        "secret-literal",
        "keep it out of the files (in Compose `${NAME:?}` with .env, in odoo.conf not at all), and change it: it is known",
    ),
    ("secret-on-command-line", "hand it over by a variable or a file"),
    (
        "setting-value-invalid",
        "correct the value; Odoo does not start with it, or takes it for something else",
    ),
    ("shared-superuser", "give every service a role of its own that owns only its database"),
    ("sqlite-fallback", "write `DB_TYPE: postgresdb`"),
    ("tls-not-enforced", "set the TLS mode to `require`, or better to `verify-full` with the server's CA"),
    ("tls-unverified", "set the TLS mode to `verify-full`, with the server's CA certificate"),
    ("unexpanded-variable", "write the value; a program that makes the file at the start could fill it in"),
    ("upstream-not-listening", "write the port on which it listens"),
    ("weak-tls", "take Mozilla's intermediate configuration: https://ssl-config.mozilla.org"),
    ("websocket-upgrade-missing", "set `proxy_http_version 1.1`, and the headers Upgrade and Connection"),
    ("websocket-without-workers", "set `workers` above 0, or lead the route to the main port"),
    ("worker-memory-over-limit", "lower `workers` or `limit_memory_soft`, or raise the container's limit"),
    ("workers-without-websocket-route", "add `location /websocket` that leads to the gevent port"),
];

/// What a rule needs to see besides the containers, if anything.
pub(super) fn needed(rule: &str) -> Option<Aspect> {
    NEEDS.iter().find(|(_, rules)| rules.contains(&rule)).map(|(aspect, _)| *aspect)
}

/// How many rules need to see this.
pub(super) fn count(aspect: Aspect) -> usize {
    NEEDS.iter().find(|(a, _)| *a == aspect).map_or(0, |(_, rules)| rules.len())
}

/// What a rule advises where there is no manifest.
pub(super) fn advice(rule: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(name, _)| *name == rule).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_are_named() {
        let names = NEEDS.iter().flat_map(|(_, rules)| rules.iter()).chain(ADVICE.iter().map(|(n, _)| n));
        for name in names {
            assert!(crate::rules::find(name).is_some(), "{name}");
        }
    }
}
