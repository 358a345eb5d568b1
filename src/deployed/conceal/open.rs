//! Where nobody puts a secret: the places whose values are kept as they are although no artifact says them. Everything
//! else is concealed, so a place that is missing here costs a word in a comparison, and no secret.

mod nginx;

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
    let keys = keys(path);
    if syntax == Syntax::Compose && matches!(keys.as_slice(), ["services", _, "image"]) {
        return is_reference(text) || is_image(text);
    }
    if !is_harmless(text) {
        return false;
    }
    match syntax {
        Syntax::Compose => is_reference(text) || compose(&keys),
        Syntax::Nginx => nginx::is_value(&keys, text),
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
        Syntax::Nginx => nginx::is_step(before, key),
        Syntax::Ini | Syntax::Dotenv => is_name(key),
        Syntax::Json => is_firewall(file) || is_name(key),
        Syntax::Text => line(file, key),
    }
}

/// Whether a reference to an image is kept: tags and digests that are hashes are none that look like secrets.
pub(super) fn is_image(text: &str) -> bool {
    let (name, digest) = text.split_once("@sha256:").unwrap_or((text, ""));
    let (name, tag) = name.rsplit_once(':').unwrap_or((name, ""));
    let is_hash = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let part = |text: &str| is_name(text) && !looks_secret(text);
    is_hash(digest) && name.split(':').all(part) && (is_hash(tag) || part(tag))
}

fn keys(path: &Path) -> Vec<&str> {
    path.0.iter().map(|step| if let Step::Key(key) = step { key } else { "" }).collect()
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

/// Whether a word is in a list of words.
fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
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

/// Keys of a service below which there is no place for a secret.
const SERVICE: &str = "\
    image container_name hostname domainname restart user working_dir init read_only privileged tty \
    stdin_open network_mode pid ipc uts userns_mode cgroup cgroup_parent runtime platform isolation shm_size \
    stop_signal stop_grace_period ports expose networks links mac_address dns dns_search dns_opt extra_hosts \
    volumes volumes_from tmpfs devices gpus depends_on secrets configs env_file cap_add cap_drop \
    security_opt group_add sysctls ulimits mem_limit mem_reservation memswap_limit mem_swappiness \
    oom_kill_disable oom_score_adj cpus cpu_shares cpu_quota cpu_period cpuset pids_limit scale profiles \
    pull_policy";

/// What stands below a service. Not: environment, labels, commands, tests, arguments of builds, hooks.
fn service(keys: &[&str]) -> bool {
    match keys {
        ["healthcheck", key] => *key != "test",
        ["logging", "driver"] | ["logging", "options", "max-size" | "max-file" | "compress" | "mode"] => true,
        ["build", key] => matches!(*key, "context" | "dockerfile" | "target" | "network"),
        ["build", "platforms" | "tags", ..] => true,
        ["networks", _, key, ..] => *key != "driver_opts",
        ["volumes", _, key, ..] => {
            matches!(*key, "type" | "source" | "read_only" | "bind" | "volume" | "tmpfs")
        }
        ["deploy", key, ..] => *key != "labels",
        [key, ..] => is_in(SERVICE, key),
        [] => false,
    }
}

/// Keys of certbot's cli.ini and of systemd units that are no secret.
const INI: &str = "\
    agree-tos authenticator config-dir deploy-hook domains elliptic-curve email key-type keep-until-expiring \
    logs-dir max-log-backups no-eff-email non-interactive preferred-chain renew-hook rsa-key-size server \
    staple-ocsp text webroot-path work-dir After Before Conflicts Description Documentation Requires Wants \
    PartOf RequiresMountsFor Type RemainAfterExit Restart RestartSec User Group WorkingDirectory \
    TimeoutStartSec OnCalendar OnBootSec OnUnitActiveSec Persistent RandomizedDelaySec Unit WantedBy \
    RequiredBy";

/// Every option Odoo has, and whether it is a secret.
static ODOO: LazyLock<Option<Arc<Table>>> = LazyLock::new(|| Kinds::default().table("odoo.settings"));

fn ini(file: &str, keys: &[&str], text: &str) -> bool {
    let Some(key) = keys.last().filter(|k| !may_name_a_secret(k)) else { return false };
    if file.ends_with("odoo.conf") {
        let row = ODOO.as_ref().map(|table| table.find(key));
        return matches!(row, Some(Lookup::Known(row)) if !row.secret && row.value.check(text).is_ok());
    }
    is_in(INI, key)
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
            (compose, &["services", "web", "image"], "x/y:c4n4ry7f3b2a9c1d5e6f", (true, false)),
            (
                compose,
                &["services", "web", "image"],
                "x/y:9fceb02d0ae598e95dc970b74767f19372d61af8",
                (true, true),
            ),
            (
                compose,
                &["services", "web", "image"],
                "localhost:5000/x/y@sha256:9fceb02d0ae598e95dc9",
                (true, true),
            ),
            (compose, &["services", "web", "image"], "u:p@x/y", (true, false)),
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
            (
                nginx,
                &["http", "server 443 a.example.com", "location /", "proxy_pass"],
                "http://a:8000",
                (true, true),
            ),
            (
                nginx,
                &["http", "server 443 a.example.com", "location /", "proxy_pass"],
                "http://u:p@a",
                (true, false),
            ),
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
            ("odoo/start.sh", &["curl -u a:hunter2"], "", (false, true)),
            ("firewall/nftables.conf", &["tcp dport 8069 accept"], "", (true, true)),
            ("firewall/nftables.conf", &["x comment \"hunter2\""], "", (false, true)),
        ] {
            let (steps, value) = open(file, path, text);
            assert_eq!((steps, value), expected, "{file} {path:?} {text}");
        }
    }
}
