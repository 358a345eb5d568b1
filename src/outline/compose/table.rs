//! What the keys of a Compose file hold, where that decides how a value is compared.

use crate::outline::quantity::{duration, number, size};

/// How what stands behind a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Not at all.
    Ignored,
    /// Names with values, as map or list.
    Pairs,
    /// A list without order; one item may stand for a list of one.
    Set,
    /// A list whose order counts; one item may stand for a list of one.
    List,
    /// A command, as text or list.
    Words,
    /// A length of time.
    Duration,
    /// A number of bytes.
    Size,
    /// A number.
    Number,
    /// A yes or no; no is the same as nothing.
    Flag,
    /// A yes or no; yes is the same as nothing.
    FlagOn,
    /// A yes or no that may also be left to somebody else.
    Choice,
    /// Permission bits.
    Mode,
    /// How many; all is -1.
    Count,
    /// A text that is the same as nothing when it is this.
    Unless(&'static str),
    /// By what it is.
    Other,
}

/// The form of a key, by the keys on the way to it without names of services and items.
pub(super) fn form(keys: &[&str]) -> Form {
    match keys {
        [.., key] if key.starts_with("x-") => Form::Ignored,
        [.., "labels" | "annotations" | "sysctls" | "driver_opts" | "storage_opt"] => Form::Pairs,
        ["services", "environment"] | ["services", "logging" | "ipam", "options"] => Form::Pairs,
        ["services", "build", "args" | "additional_contexts"] | ["networks", "ipam", "options"] => {
            Form::Pairs
        }
        ["services", "extra_hosts"] | ["services", "build", "extra_hosts"] => Form::Pairs,
        ["services", "dns" | "dns_search" | "dns_opt" | "env_file" | "label_file"] => Form::List,
        ["services", "command" | "entrypoint"] => Form::Words,
        [
            "services",
            "cap_add"
            | "cap_drop"
            | "security_opt"
            | "group_add"
            | "profiles"
            | "expose"
            | "links"
            | "external_links"
            | "volumes_from"
            | "device_cgroup_rules",
        ]
        | ["services", "build", "tags" | "platforms" | "entitlements"]
        | ["services", "networks", "*", "aliases" | "link_local_ips"]
        | ["services", "deploy", "placement", "constraints"] => Form::Set,
        ["services", "healthcheck", "interval" | "timeout" | "start_period" | "start_interval"]
        | ["services", "stop_grace_period"]
        | ["services", "deploy", "update_config" | "rollback_config", "delay" | "monitor"]
        | ["services", "deploy", "restart_policy", "delay" | "window"] => Form::Duration,
        ["services", "mem_limit" | "mem_reservation" | "memswap_limit" | "shm_size"]
        | ["services", "build", "shm_size"]
        | ["services", "deploy", "resources", _, "memory"]
        | ["services", "volumes", "*", "tmpfs", "size"]
        | ["services", "blkio_config", "device_read_bps" | "device_write_bps", "rate"] => Form::Size,
        ["services", "cpus" | "cpu_percent"] | ["services", "deploy", "resources", _, "cpus"] => Form::Number,
        [
            "services",
            "privileged" | "read_only" | "stdin_open" | "tty" | "oom_kill_disable" | "use_api_socket",
        ]
        | ["services", "healthcheck", "disable"]
        | ["services", "volumes", "*", "read_only"]
        | ["services", "volumes", "*", "volume", "nocopy"]
        | ["services", "volumes", "*", "bind", "create_host_path"]
        | ["services", "depends_on", "*", "restart"]
        | ["services", "build", "no_cache" | "pull" | "privileged"]
        | ["networks", "internal" | "attachable"] => Form::Flag,
        ["services", "depends_on", "*", "required"] | ["services", "env_file", "required"] => Form::FlagOn,
        ["services", "init"] | ["networks", "enable_ipv4" | "enable_ipv6"] => Form::Choice,
        ["services", "secrets" | "configs", "*", "mode"] | ["services", "volumes", "*", "tmpfs", "mode"] => {
            Form::Mode
        }
        ["services", "gpus", "count"]
        | ["services", "deploy", "resources", "reservations", "devices", "count"] => Form::Count,
        ["services", "build", "dockerfile"] => Form::Unless("Dockerfile"),
        ["services", "ports", "*", "mode"] => Form::Unless("ingress"),
        _ => Form::Other,
    }
}

/// Whether the keys of a map are names of things, each of which is an entry by itself.
pub(super) fn has_names(keys: &[&str]) -> bool {
    matches!(
        keys,
        [
            "services",
            "networks"
                | "volumes"
                | "ports"
                | "secrets"
                | "configs"
                | "depends_on"
                | "devices"
                | "tmpfs"
                | "models"
        ]
    )
}

/// A scalar in one form; `None` when it says no more than leaving it out.
pub(super) fn canonical(form: Form, text: &str) -> Option<String> {
    // What a variable will say is not known.
    if text.contains("${") {
        return Some(text.to_string());
    }
    let zero = |text: &String| !matches!(text.as_str(), "" | "0");
    match form {
        Form::Duration => Some(duration(text)).filter(|t| !t.is_empty()),
        Form::Size => Some(size(text)).filter(zero),
        Form::Number => Some(number(text)).filter(zero),
        Form::Flag => truth(text).then(|| "true".to_string()),
        Form::FlagOn => (!truth(text)).then(|| "false".to_string()),
        Form::Choice => Some(truth(text).to_string()),
        Form::Mode => Some(mode(text)),
        Form::Count => Some(if text == "all" { "-1" } else { text }.to_string()),
        Form::Unless(default) => Some(text.to_string()).filter(|t| !t.is_empty() && t != default),
        _ => Some(text.to_string()).filter(|t| !t.is_empty()),
    }
}

/// A yes or no as Compose takes it: with the words of YAML 1.1.
pub(super) fn truth(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "y" | "on" | "1" | "t")
}

/// Permission bits in octal. A number has come here in decimal, a text in octal.
fn mode(text: &str) -> String {
    let number = if text.starts_with('0') { u32::from_str_radix(text, 8) } else { text.parse() };
    number.map_or_else(|_| text.to_string(), |n| format!("0{n:o}"))
}
