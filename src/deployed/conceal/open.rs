//! Where nobody puts a secret: the places whose values are kept as they are although no artifact says them. Everything
//! else is concealed, so a place that is missing here costs a word in a comparison, and no secret.

use std::sync::{Arc, LazyLock};

use crate::finding::{Path, Step};
use crate::kinds::Kinds;
use crate::outline::Syntax;
use crate::secrecy::{looks_secret, may_name_a_secret};
use crate::table::{Lookup, Table};

/// Longest text that is kept; no name, path or address is longer.
const LONGEST: usize = 1024;

/// Whether the value at a path is kept as it is.
pub(super) fn is_value(file: &str, syntax: Syntax, path: &Path, text: &str) -> bool {
    if !is_harmless(text) {
        return false;
    }
    let keys = keys(path);
    match syntax {
        Syntax::Compose => is_reference(text) || compose(&keys),
        Syntax::Nginx => nginx(&keys, text),
        Syntax::Ini => ini(file, &keys, text),
        Syntax::Json => is_firewall(file) || matches!(text, "true" | "false" | "null"),
        Syntax::Dotenv => false,
        // The one value of a text is a hash of it, by which a password in it could be tried.
        Syntax::Text => text.is_empty(),
    }
}

/// Whether a step of a path is kept as it is.
pub(super) fn is_step(file: &str, syntax: Syntax, path: &Path, at: usize) -> bool {
    let keys = keys(path);
    let (Some(key), before) = (keys.get(at), keys.get(..at).unwrap_or_default()) else { return true };
    if !is_harmless(key) {
        return false;
    }
    match syntax {
        Syntax::Compose => match before.last() {
            Some(&("environment" | "args" | "labels" | "annotations")) => is_name(key),
            _ => !key.contains(char::is_whitespace),
        },
        Syntax::Nginx => nginx_step(before, key),
        Syntax::Ini | Syntax::Dotenv => is_name(key),
        Syntax::Json => is_firewall(file) || is_name(key),
        Syntax::Text => line(file, key),
    }
}

fn keys(path: &Path) -> Vec<&str> {
    let key = |step| match step {
        &Step::Key(ref key) => key.as_str(),
        Step::Index(_) => "",
    };
    path.0.iter().map(key).collect()
}

/// What a terminal shows as one line, of the length of a name, and nothing like a token.
fn is_harmless(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains(char::is_control) && !looks_secret(text)
}

/// Letters, digits and what joins them in names of variables, labels and keys.
fn is_name(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
}

/// `${NAME}`, which says where a value is and not what.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("${").and_then(|t| t.strip_suffix('}')).is_some_and(is_name)
}

fn compose(keys: &[&str]) -> bool {
    match keys {
        ["name"] => true,
        ["services", _, rest @ ..] => service(rest),
        ["networks", _, "driver_opts", option] => option.starts_with("com.docker.network."),
        ["networks", _, "labels" | "ipam", "options", ..] | ["networks", _, "labels", ..] => false,
        ["networks", _, ..] => true,
        // What a network share is mounted with may be an account.
        ["volumes", _, "driver_opts", option] => *option == "type",
        ["volumes", _, "name" | "driver" | "external"] => true,
        ["secrets" | "configs", _, "name" | "file" | "environment" | "external"] => true,
        _ => false,
    }
}

/// What stands below a service. Not: environment, labels, commands, tests, arguments of builds, hooks.
fn service(keys: &[&str]) -> bool {
    match keys {
        ["healthcheck", key] => *key != "test",
        ["logging", "driver"] | ["logging", "options", "max-size" | "max-file" | "compress" | "mode"] => true,
        ["build", key] => matches!(*key, "context" | "dockerfile" | "target" | "network"),
        ["build", "platforms" | "tags", ..] => true,
        ["networks", _, key, ..] => *key != "driver_opts",
        ["volumes", _, key, ..] => matches!(*key, "type" | "source" | "read_only" | "bind" | "volume" | "tmpfs"),
        ["deploy", key, ..] => *key != "labels",
        [key, ..] => matches!(
            *key,
            "image" | "container_name" | "hostname" | "domainname" | "restart" | "user" | "working_dir" | "init"
                | "read_only" | "privileged" | "tty" | "stdin_open" | "network_mode" | "pid" | "ipc" | "uts" | "userns_mode"
                | "cgroup" | "cgroup_parent" | "runtime" | "platform" | "isolation" | "shm_size" | "stop_signal"
                | "stop_grace_period" | "ports" | "expose" | "networks" | "links" | "mac_address" | "dns" | "dns_search"
                | "dns_opt" | "extra_hosts" | "volumes" | "volumes_from" | "tmpfs" | "devices" | "gpus" | "depends_on"
                | "secrets" | "configs" | "env_file" | "cap_add" | "cap_drop" | "security_opt" | "group_add" | "sysctls"
                | "ulimits" | "mem_limit" | "mem_reservation" | "memswap_limit" | "mem_swappiness" | "oom_kill_disable"
                | "oom_score_adj" | "cpus" | "cpu_shares" | "cpu_quota" | "cpu_period" | "cpuset" | "pids_limit" | "scale"
                | "profiles" | "pull_policy"
        ),
        [] => false,
    }
}

/// Directives whose arguments are numbers, switches, addresses, names and paths.
const DIRECTIVES: &[&str] = &[
    "absolute_redirect", "accept_mutex", "access_log", "alias", "allow", "auth_basic_user_file", "autoindex", "charset",
    "client_body_buffer_size", "client_body_timeout", "client_header_timeout", "client_max_body_size", "daemon",
    "default_type", "deny", "directio", "error_log", "error_page", "etag", "expires", "fastcgi_pass", "grpc_pass", "gzip",
    "gzip_comp_level", "gzip_min_length", "gzip_proxied", "gzip_static", "gzip_types", "gzip_vary", "http2", "http3",
    "if_modified_since", "include", "index", "internal", "ip_hash", "keepalive", "keepalive_requests",
    "keepalive_timeout", "large_client_header_buffers", "least_conn", "limit_conn", "limit_conn_status",
    "limit_conn_zone", "limit_rate", "limit_req", "limit_req_log_level", "limit_req_status", "limit_req_zone", "listen",
    "load_module", "log_not_found", "merge_slashes", "multi_accept", "open_file_cache", "pid", "port_in_redirect",
    "proxy_buffer_size", "proxy_buffering", "proxy_buffers", "proxy_busy_buffers_size", "proxy_cache",
    "proxy_cache_path", "proxy_cache_valid", "proxy_connect_timeout", "proxy_headers_hash_bucket_size",
    "proxy_headers_hash_max_size", "proxy_hide_header", "proxy_http_version", "proxy_intercept_errors",
    "proxy_max_temp_file_size", "proxy_next_upstream", "proxy_next_upstream_timeout", "proxy_next_upstream_tries",
    "proxy_pass", "proxy_pass_header", "proxy_pass_request_headers", "proxy_protocol", "proxy_read_timeout",
    "proxy_redirect", "proxy_request_buffering", "proxy_send_timeout", "proxy_ssl_server_name", "proxy_ssl_verify",
    "quic_retry", "random", "real_ip_header", "real_ip_recursive", "recursive_error_pages", "reset_timedout_connection",
    "resolver", "resolver_timeout", "root", "satisfy", "send_timeout", "sendfile", "server", "server_name",
    "server_name_in_redirect", "server_names_hash_bucket_size", "server_tokens", "set_real_ip_from", "ssl",
    "ssl_certificate", "ssl_certificate_key", "ssl_ciphers", "ssl_client_certificate", "ssl_conf_command",
    "ssl_dhparam", "ssl_early_data", "ssl_ecdh_curve", "ssl_prefer_server_ciphers", "ssl_protocols",
    "ssl_reject_handshake", "ssl_session_cache", "ssl_session_tickets", "ssl_session_timeout", "ssl_stapling",
    "ssl_stapling_verify", "ssl_trusted_certificate", "ssl_verify_client", "ssl_verify_depth", "stub_status",
    "tcp_nodelay", "tcp_nopush", "try_files", "types_hash_max_size", "underscores_in_headers", "user", "uwsgi_pass",
    "variables_hash_max_size", "worker_connections", "worker_processes", "worker_rlimit_nofile",
    "worker_shutdown_timeout", "zone",
];

/// Blocks and headers that are known by name only.
const BLOCKS: &[&str] = &["events", "http", "server", "location", "upstream", "types", "stream", "limit_except", "map", "geo"];
const HEADERS: &[&str] = &["add_header", "proxy_set_header", "add_trailer", "fastcgi_param", "uwsgi_param", "grpc_set_header"];

/// Headers whose values are no secret.
const PUBLIC_HEADERS: &[&str] = &[
    "host", "connection", "upgrade", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
    "x-forwarded-port", "strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy",
    "permissions-policy", "cache-control", "alt-svc", "vary", "x-robots-tag", "cross-origin-opener-policy",
    "cross-origin-resource-policy",
];

fn nginx(keys: &[&str], text: &str) -> bool {
    let Some((step, blocks)) = keys.split_last() else { return false };
    if blocks.last().is_some_and(|b| is_table(b)) {
        return false;
    }
    let (name, rest) = step.split_once(' ').unwrap_or((step, ""));
    let plain_words = |text: &str| {
        let part_of_a_word = |b: u8| b.is_ascii_alphanumeric() || b" []\",:/._-${}|*".contains(&b);
        text.bytes().all(part_of_a_word)
    };
    match name {
        // A query may hold a token.
        _ if text.contains('?') => false,
        "return" => plain_words(text) && {
            let bare = text.replace(['[', ']', '"', ','], " ");
            let mut words = bare.split_whitespace();
            words.next().is_some_and(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_digit()))
                && words.all(|w| w.starts_with("https://") || w.starts_with("http://") || w.starts_with(['/', '$', '@']))
        },
        _ if HEADERS.contains(&name) => {
            PUBLIC_HEADERS.contains(&rest.to_ascii_lowercase().as_str())
                || text.starts_with('$') && text[1..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        }
        "order" => *step == "order of location",
        "default" => step.starts_with("default server of "),
        _ => DIRECTIVES.contains(&name),
    }
}

fn nginx_step(blocks: &[&str], step: &str) -> bool {
    if blocks.last().is_some_and(|b| is_table(b)) {
        return matches!(step, "default" | "hostnames" | "volatile");
    }
    let (name, rest) = step.split_once(' ').unwrap_or((step, ""));
    if step.contains('?') && name != "location" {
        return false;
    }
    match name {
        "order" | "default" => true,
        _ if rest.is_empty() => is_name(name),
        _ if HEADERS.contains(&name) => is_name(rest),
        "set" => rest.starts_with('$') && is_name(&rest[1..]),
        _ => BLOCKS.contains(&name) || DIRECTIVES.contains(&name),
    }
}

/// Whether the keys in a block are what is looked up, which may be tokens.
fn is_table(block: &str) -> bool {
    ["map", "geo", "split_clients"].contains(&block.split(' ').next().unwrap_or_default())
}

/// Keys of certbot's cli.ini and of systemd units that are no secret.
const INI: &[&str] = &[
    "agree-tos", "authenticator", "config-dir", "deploy-hook", "domains", "elliptic-curve", "email", "key-type",
    "keep-until-expiring", "logs-dir", "max-log-backups", "no-eff-email", "non-interactive", "preferred-chain",
    "renew-hook", "rsa-key-size", "server", "staple-ocsp", "text", "webroot-path", "work-dir",
    "After", "Before", "Conflicts", "Description", "Documentation", "Requires", "Wants", "PartOf", "RequiresMountsFor",
    "Type", "RemainAfterExit", "Restart", "RestartSec", "User", "Group", "WorkingDirectory", "TimeoutStartSec",
    "OnCalendar", "OnBootSec", "OnUnitActiveSec", "Persistent", "RandomizedDelaySec", "Unit", "WantedBy", "RequiredBy",
];

/// Every option Odoo has, and whether it is a secret.
static ODOO: LazyLock<Option<Arc<Table>>> = LazyLock::new(|| Kinds::default().table("odoo.settings"));

fn ini(file: &str, keys: &[&str], text: &str) -> bool {
    let Some(key) = keys.last().filter(|k| !may_name_a_secret(k)) else { return false };
    if file.ends_with("odoo.conf") {
        let row = ODOO.as_ref().map(|table| table.find(key));
        return matches!(row, Some(Lookup::Known(row)) if !row.secret && row.value.check(text).is_ok());
    }
    INI.contains(key)
}

fn is_firewall(file: &str) -> bool {
    file == "firewall/digitalocean.json"
}

/// Lines of files that have no place for a secret: rules of nftables, names of certificates.
fn line(file: &str, text: &str) -> bool {
    let only = |more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    match file {
        "firewall/nftables.conf" => only(b" \t_-./:,;{}!=<>@&|*+"),
        "certbot/certificates.txt" => only(b" \t_-.,:*"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(file: &str, path: &[&str], text: &str) -> (bool, bool) {
        let path = Path(path.iter().map(|s| Step::from(*s)).collect());
        let syntax = crate::outline::syntax(file);
        let steps = (0..path.0.len()).all(|i| is_step(file, syntax, &path, i));
        (steps, is_value(file, syntax, &path, text))
    }

    #[test]
    fn places() {
        let compose = "docker-compose.yml";
        let nginx = "nginx/nginx.conf";
        for (file, path, text, expected) in [
            (compose, &["services", "web", "image"] as &[_], "nginx:1.30", (true, true)),
            (compose, &["services", "web", "image"], "x/y:4f3b2a9c1d5e6f708", (true, false)),
            (compose, &["services", "web", "environment", "MODE"], "hunter2", (true, false)),
            (compose, &["services", "web", "environment", "MODE"], "${MODE}", (true, true)),
            (compose, &["services", "web", "environment", "MODE"], "${MODE:-hunter2}", (true, false)),
            (compose, &["services", "web", "environment", "my hunter2"], "", (false, false)),
            (compose, &["services", "web", "labels", "a.b/c"], "hunter2", (true, false)),
            (compose, &["services", "web", "command"], "hunter2", (true, false)),
            (compose, &["services", "web", "healthcheck", "test"], "hunter2", (true, false)),
            (compose, &["services", "web", "healthcheck", "interval"], "30s", (true, true)),
            (compose, &["services", "web", "build", "args", "A"], "hunter2", (true, false)),
            (compose, &["services", "web", "build", "context"], "https://u:hunter2@h/x", (true, false)),
            (compose, &["services", "web", "logging", "options", "splunk-token"], "hunter2", (true, false)),
            (compose, &["volumes", "a", "driver_opts", "o"], "username=a,password=hunter2", (true, false)),
            (compose, &["services", "web", "x"], "hunter2", (true, false)),
            (nginx, &["http", "server 443 a.example.com", "location /", "proxy_pass"], "http://a:8000", (true, true)),
            (nginx, &["http", "server 443 a.example.com", "location /", "proxy_pass"], "http://u:p@a", (true, false)),
            (nginx, &["http", "proxy_set_header Authorization"], "Basic hunter2", (true, false)),
            (nginx, &["http", "proxy_set_header X-User"], "$remote_user", (true, true)),
            (nginx, &["http", "add_header X-Frame-Options"], "DENY", (true, true)),
            (nginx, &["http", "map $http_authorization $ok", "hunter2"], "1", (false, false)),
            (nginx, &["http", "if ($http_x = hunter2)", "return"], "403", (false, true)),
            (nginx, &["http", "return"], "301 https://a.example.com/$uri", (true, true)),
            (nginx, &["http", "return"], "200 hunter2", (true, false)),
            (nginx, &["http", "set $token"], "hunter2", (true, false)),
            (nginx, &["env A=hunter2"], "", (false, false)),
            ("odoo/odoo.conf", &["options", "workers"], "4", (true, true)),
            ("odoo/odoo.conf", &["options", "admin_passwd"], "hunter2", (true, false)),
            ("odoo/odoo.conf", &["options", "db_password"], "hunter2", (true, false)),
            ("odoo/odoo.conf", &["options", "pin"], "1234", (true, false)),
            ("certbot/cli.ini", &["email"], "admin@example.com", (true, true)),
            ("certbot/x.service", &["Service", "ExecStart"], "hunter2", (true, false)),
            (".env", &["MODE"], "x", (true, false)),
            ("firewall/nftables.conf", &[], "0123456789abcdef", (true, false)),
            ("odoo/start.sh", &["curl -u a:hunter2"], "", (false, false)),
            ("firewall/nftables.conf", &["tcp dport 8069 accept"], "", (true, true)),
            ("firewall/nftables.conf", &["x comment \"hunter2\""], "", (false, true)),
        ] {
            let (steps, value) = open(file, path, text);
            // An empty value is decided elsewhere.
            assert_eq!((steps, value || text.is_empty() && expected.1), expected, "{file} {path:?} {text}");
        }
    }
}
