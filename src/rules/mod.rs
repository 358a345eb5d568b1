//! The rules: one file each. A rule's header is its documentation and its test.
//!
//! A rule sees the stack and nothing else; it cannot fail, and says nothing where it cannot know.

mod acme_challenge_shadowed;
mod addons_path_mismatch;
mod admin_path_public;
mod admin_ui_public;
mod allowances;
mod ambiguous_scalar;
mod backup_missing;
mod backup_on_same_host;
mod backup_without_retention;
mod bind_source_missing;
mod blocked_mail_port;
mod body_limit_mismatch;
mod certificate_lists_dead_domain;
mod certificate_path_mismatch;
mod challenge_unreachable;
mod claims;
mod client_address_lost;
mod common;
mod compose_too_old;
mod connection_budget_exceeded;
mod container_name_blocks_replicas;
mod container_name_claimed_twice;
mod container_name_collision;
mod critical_volume_not_backed_up;
mod database_manager_open;
mod database_and_files_out_of_step;
mod dbfilter_mismatch;
mod dead_local_database;
mod dead_route;
mod default_admin_password;
mod dependency_cycle;
mod dependency_not_awaited;
mod deprecated_directive;
mod deprecated_option;
mod directive_without_effect;
mod directory_claimed_twice;
mod domain_claimed_twice;
mod domain_not_covered;
mod driver_missing;
mod duplicate_key;
mod duplicate_route;
mod duplicate_server_name;
mod edge_port_conflict;
mod elsewhere;
mod encryption_key_missing;
mod env_file_overshared;
mod env_not_read_by_image;
mod env_overridden_by_config;
mod env_value_invalid;
mod external_resource_never_created;
mod filestore_not_persistent;
mod first_start_deadlock;
mod flat_network;
mod healthcheck_tool_missing;
mod healthcheck_wrong_target;
mod host_capacity_exceeded;
mod host_port_collision;
mod host_privilege;
mod hsts_unsafe;
mod image_not_digest_pinned;
mod inline_comment_in_value;
mod invalid_domain;
mod local_image_without_build;
mod log_file_in_container;
mod mail_tls_unsupported;
mod mail_without_tls;
mod missing_hardening;
mod missing_healthcheck;
mod moving_image_tag;
mod no_log_rotation;
mod no_memory_limit;
mod no_restart_policy;
mod open_port_without_listener;
mod override_does_not_reset;
mod override_replaces_list;
mod partial_letsencrypt_mount;
mod placeholder_secret;
mod plain_http_served;
mod pooler_mode_incompatible;
mod port_claimed_twice;
mod port_outside_firewall_policy;
mod project_claimed_twice;
mod proxy_headers_dropped;
mod proxy_mode_mismatch;
mod proxy_timeout_too_short;
mod public_url_mismatch;
mod published_on_all_interfaces;
mod removed_without_date;
mod renewal_missing;
mod renewal_without_reload;
mod required_port_closed;
mod schema_mismatch;
mod secret_fallback_default;
mod secret_file_exposed;
mod secret_literal;
mod secret_not_provided;
mod secret_not_required;
mod secret_on_command_line;
mod security_headers_dropped;
mod sensitive_host_mount;
mod setting_value_invalid;
mod shared_superuser;
mod sqlite_fallback;
mod stale_baseline_entry;
mod stale_upstream_address;
mod stateful_without_volume;
mod stop_grace_too_short;
mod streaming_route_buffered;
mod suppression_expired;
mod suppression_without_reason;
mod tls_not_enforced;
mod tls_unverified;
mod too_many_networks;
mod undefined_reference;
mod unexpanded_variable;
mod unknown_compose_key;
mod unknown_key;
mod unknown_option;
mod unknown_rule_id;
mod unrouted_service;
mod unsafe_raw_snippet;
mod unsupported_version;
mod unused_declaration;
mod unused_suppression;
mod unwritable_value;
mod upstream_not_listening;
mod upstream_not_resolvable;
mod volume_claimed_twice;
mod weak_tls;
mod websocket_upgrade_missing;
mod websocket_without_workers;
mod worker_memory_over_limit;
mod workers_without_websocket_route;

pub use allowances::{accepts, apply_allowances, no_reason, path};
pub use claims::{Claims, Clash, claims};
pub use secret_literal::may_be_secret;

use crate::finding::{Finding, Level};
use crate::stack::{Aspect, Stack};

/// A rule.
pub struct Rule {
    /// Short id: `NX003`.
    pub id: &'static str,
    /// Name, as findings carry it.
    pub name: &'static str,
    /// How bad its worst finding is.
    pub level: Level,
    /// Its whole file; the header is the documentation.
    pub source: &'static str,
    /// What looks for it: a function of the stack, or the stage that finds it by itself.
    pub check: Check,
}

/// Who looks for a fault.
pub enum Check {
    /// This function, given the whole stack.
    Stack(fn(&Stack, &mut Vec<Finding>)),
    /// This function, given the whole stack, but only where it is asked for: what it finds is a matter of taste.
    Asked(fn(&Stack, &mut Vec<Finding>)),
    /// This function, given what the stacks of one host take of it.
    Host(fn(&[&Claims], &mut Vec<Clash>)),
    /// Reading, resolving or writing, which cannot go on without it; or what judges `allow`. Only these findings cannot
    /// be accepted.
    Earlier,
}

macro_rules! rule {
    ($id:ident, $level:ident, $name:literal, $file:ident) => {
        rule!($id, $level, $name, $file, Check::Stack($file::check))
    };
    ($id:ident, $level:ident, $name:literal, $file:ident, asked) => {
        rule!($id, $level, $name, $file, Check::Asked($file::check))
    };
    ($id:ident, $level:ident, $name:literal, $file:ident, earlier) => {
        rule!($id, $level, $name, $file, Check::Earlier)
    };
    ($id:ident, $level:ident, $name:literal, $file:ident, host) => {
        rule!($id, $level, $name, $file, Check::Host($file::check))
    };
    ($id:ident, $level:ident, $name:literal, $file:ident, $check:expr) => {
        Rule {
            id: stringify!($id),
            name: $name,
            level: Level::$level,
            source: include_str!(concat!(stringify!($file), ".rs")),
            check: $check,
        }
    };
}

/// Every rule, by id.
pub const RULES: &[Rule] = &[
    rule!(CE001, Error, "certificate-path-mismatch", certificate_path_mismatch),
    rule!(CE002, Error, "domain-not-covered", domain_not_covered),
    rule!(CE003, Warning, "certificate-lists-dead-domain", certificate_lists_dead_domain),
    rule!(CE004, Warning, "renewal-missing", renewal_missing),
    rule!(CE005, Warning, "renewal-without-reload", renewal_without_reload),
    rule!(CE006, Error, "challenge-unreachable", challenge_unreachable),
    rule!(CE007, Warning, "first-start-deadlock", first_start_deadlock),
    rule!(CE008, Error, "partial-letsencrypt-mount", partial_letsencrypt_mount),
    rule!(CO001, Warning, "moving-image-tag", moving_image_tag),
    rule!(CO002, Info, "image-not-digest-pinned", image_not_digest_pinned, asked),
    rule!(CO003, Warning, "local-image-without-build", local_image_without_build),
    rule!(CO004, Error, "container-name-collision", container_name_collision),
    rule!(CO005, Error, "host-port-collision", host_port_collision),
    rule!(CO006, Warning, "missing-healthcheck", missing_healthcheck),
    rule!(CO007, Error, "healthcheck-tool-missing", healthcheck_tool_missing),
    rule!(CO008, Error, "healthcheck-wrong-target", healthcheck_wrong_target),
    rule!(CO009, Warning, "dependency-not-awaited", dependency_not_awaited),
    rule!(CO010, Warning, "no-restart-policy", no_restart_policy),
    rule!(CO011, Warning, "no-memory-limit", no_memory_limit),
    rule!(CO012, Warning, "no-log-rotation", no_log_rotation),
    rule!(CO013, Error, "env-not-read-by-image", env_not_read_by_image),
    rule!(CO015, Error, "env-value-invalid", env_value_invalid),
    rule!(CO016, Error, "env-overridden-by-config", env_overridden_by_config),
    rule!(CO017, Error, "override-does-not-reset", override_does_not_reset),
    rule!(CO018, Warning, "external-resource-never-created", external_resource_never_created),
    rule!(CO019, Error, "bind-source-missing", bind_source_missing),
    rule!(CO020, Error, "host-privilege", host_privilege),
    rule!(CO021, Error, "sensitive-host-mount", sensitive_host_mount),
    rule!(CO022, Info, "missing-hardening", missing_hardening, asked),
    rule!(CO023, Error, "compose-too-old", compose_too_old),
    rule!(CO024, Error, "container-name-blocks-replicas", container_name_blocks_replicas),
    rule!(CO025, Warning, "too-many-networks", too_many_networks),
    rule!(CO026, Error, "unknown-compose-key", unknown_compose_key),
    rule!(CO027, Warning, "stop-grace-too-short", stop_grace_too_short),
    rule!(CO028, Error, "override-replaces-list", override_replaces_list),
    rule!(DB001, Error, "tls-not-enforced", tls_not_enforced),
    rule!(DB002, Info, "tls-unverified", tls_unverified),
    rule!(DB003, Warning, "shared-superuser", shared_superuser),
    rule!(DB004, Error, "connection-budget-exceeded", connection_budget_exceeded),
    rule!(DB005, Warning, "dead-local-database", dead_local_database),
    rule!(DB007, Error, "pooler-mode-incompatible", pooler_mode_incompatible),
    rule!(DB008, Error, "sqlite-fallback", sqlite_fallback),
    rule!(DB009, Error, "driver-missing", driver_missing),
    rule!(FW001, Error, "published-on-all-interfaces", published_on_all_interfaces),
    rule!(FW002, Error, "port-outside-firewall-policy", port_outside_firewall_policy),
    rule!(FW003, Warning, "open-port-without-listener", open_port_without_listener),
    rule!(FW004, Error, "required-port-closed", required_port_closed),
    rule!(FW005, Error, "edge-port-conflict", edge_port_conflict),
    rule!(FW007, Warning, "flat-network", flat_network),
    rule!(FW008, Warning, "admin-ui-public", admin_ui_public),
    rule!(FW010, Warning, "blocked-mail-port", blocked_mail_port),
    rule!(HO001, Error, "port-claimed-twice", port_claimed_twice, host),
    rule!(HO002, Error, "container-name-claimed-twice", container_name_claimed_twice, host),
    rule!(HO003, Error, "volume-claimed-twice", volume_claimed_twice, host),
    rule!(HO004, Error, "project-claimed-twice", project_claimed_twice, host),
    rule!(HO005, Error, "domain-claimed-twice", domain_claimed_twice, host),
    rule!(HO006, Error, "directory-claimed-twice", directory_claimed_twice, host),
    rule!(LN001, Warning, "unused-suppression", unused_suppression, earlier),
    rule!(LN002, Error, "unknown-rule-id", unknown_rule_id, earlier),
    rule!(LN003, Error, "suppression-without-reason", suppression_without_reason, earlier),
    rule!(LN004, Error, "suppression-expired", suppression_expired, earlier),
    rule!(LN005, Info, "stale-baseline-entry", stale_baseline_entry, earlier),
    rule!(MF001, Error, "schema-mismatch", schema_mismatch, earlier),
    rule!(MF002, Error, "unknown-key", unknown_key, earlier),
    rule!(MF003, Error, "duplicate-key", duplicate_key, earlier),
    rule!(MF004, Warning, "ambiguous-scalar", ambiguous_scalar, earlier),
    rule!(MF005, Error, "undefined-reference", undefined_reference, earlier),
    rule!(MF006, Info, "unused-declaration", unused_declaration),
    rule!(MF007, Error, "dependency-cycle", dependency_cycle),
    rule!(MF008, Error, "duplicate-route", duplicate_route, earlier),
    rule!(MF009, Error, "invalid-domain", invalid_domain),
    rule!(MF011, Warning, "unsupported-version", unsupported_version),
    rule!(MF012, Warning, "host-capacity-exceeded", host_capacity_exceeded),
    rule!(MF013, Error, "unwritable-value", unwritable_value, earlier),
    rule!(NX001, Error, "upstream-not-listening", upstream_not_listening),
    rule!(NX002, Error, "upstream-not-resolvable", upstream_not_resolvable),
    rule!(NX003, Error, "proxy-headers-dropped", proxy_headers_dropped),
    rule!(NX004, Warning, "security-headers-dropped", security_headers_dropped),
    rule!(NX005, Warning, "websocket-upgrade-missing", websocket_upgrade_missing),
    rule!(NX006, Warning, "dead-route", dead_route),
    rule!(NX007, Warning, "stale-upstream-address", stale_upstream_address),
    rule!(NX008, Warning, "proxy-timeout-too-short", proxy_timeout_too_short),
    rule!(NX009, Warning, "body-limit-mismatch", body_limit_mismatch),
    rule!(NX010, Warning, "weak-tls", weak_tls),
    rule!(NX011, Warning, "hsts-unsafe", hsts_unsafe),
    rule!(NX012, Warning, "plain-http-served", plain_http_served),
    rule!(NX013, Error, "acme-challenge-shadowed", acme_challenge_shadowed),
    rule!(NX014, Error, "duplicate-server-name", duplicate_server_name),
    rule!(NX015, Warning, "streaming-route-buffered", streaming_route_buffered),
    rule!(NX016, Warning, "directive-without-effect", directive_without_effect),
    rule!(NX017, Warning, "admin-path-public", admin_path_public),
    rule!(NX018, Error, "client-address-lost", client_address_lost, earlier),
    rule!(NX019, Warning, "deprecated-directive", deprecated_directive),
    rule!(NX020, Error, "unsafe-raw-snippet", unsafe_raw_snippet),
    rule!(NX021, Warning, "unrouted-service", unrouted_service),
    rule!(NX022, Warning, "public-url-mismatch", public_url_mismatch),
    rule!(OD001, Error, "unexpanded-variable", unexpanded_variable),
    rule!(OD002, Error, "unknown-option", unknown_option),
    rule!(OD003, Error, "deprecated-option", deprecated_option),
    rule!(OD004, Error, "websocket-without-workers", websocket_without_workers),
    rule!(OD005, Error, "workers-without-websocket-route", workers_without_websocket_route),
    rule!(OD006, Warning, "worker-memory-over-limit", worker_memory_over_limit),
    rule!(OD007, Error, "proxy-mode-mismatch", proxy_mode_mismatch),
    rule!(OD008, Warning, "database-manager-open", database_manager_open),
    rule!(OD009, Error, "default-admin-password", default_admin_password),
    rule!(OD010, Error, "addons-path-mismatch", addons_path_mismatch),
    rule!(OD011, Error, "filestore-not-persistent", filestore_not_persistent),
    rule!(OD012, Warning, "dbfilter-mismatch", dbfilter_mismatch),
    rule!(OD013, Warning, "log-file-in-container", log_file_in_container),
    rule!(OD014, Error, "inline-comment-in-value", inline_comment_in_value),
    rule!(OD015, Warning, "mail-without-tls", mail_without_tls),
    rule!(OD016, Error, "mail-tls-unsupported", mail_tls_unsupported),
    rule!(OD017, Error, "setting-value-invalid", setting_value_invalid),
    rule!(SE001, Error, "secret-literal", secret_literal),
    rule!(SE002, Error, "placeholder-secret", placeholder_secret),
    rule!(SE003, Error, "secret-fallback-default", secret_fallback_default),
    rule!(SE004, Warning, "secret-not-required", secret_not_required),
    rule!(SE006, Error, "secret-not-provided", secret_not_provided),
    rule!(SE007, Error, "encryption-key-missing", encryption_key_missing),
    rule!(SE008, Warning, "env-file-overshared", env_file_overshared),
    rule!(SE009, Error, "secret-file-exposed", secret_file_exposed),
    rule!(SE010, Error, "secret-on-command-line", secret_on_command_line),
    rule!(VO001, Error, "stateful-without-volume", stateful_without_volume),
    rule!(VO002, Error, "critical-volume-not-backed-up", critical_volume_not_backed_up),
    rule!(VO003, Warning, "database-and-files-out-of-step", database_and_files_out_of_step),
    rule!(VO004, Warning, "backup-on-same-host", backup_on_same_host),
    rule!(VO005, Warning, "backup-without-retention", backup_without_retention),
    rule!(VO008, Warning, "removed-without-date", removed_without_date),
    rule!(VO009, Info, "backup-missing", backup_missing, asked),
];

/// The rule of that id or name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.name.eq_ignore_ascii_case(name) || r.id.eq_ignore_ascii_case(name))
}

/// Whether a finding of that name comes from reading, resolving or writing, or judges `allow`.
pub fn is_earlier(name: &str) -> bool {
    find(name).is_some_and(|rule| matches!(rule.check, Check::Earlier))
}

/// Whether a finding is an error that nothing can accept: something could not be read, or `allow` itself is wrong.
pub fn is_final(finding: &Finding) -> bool {
    finding.level == Level::Error && is_earlier(finding.rule)
}

/// The page about a rule: the header of its file, as Markdown.
pub fn header(source: &str) -> String {
    source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

/// Runs every rule that sees enough, those of taste only if they are asked for.
pub fn check(stack: &Stack, pedantic: bool) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in RULES {
        let check = match rule.check {
            Check::Stack(check) => Some(check),
            Check::Asked(check) => Some(check).filter(|_| pedantic),
            Check::Host(_) | Check::Earlier => None,
        };
        if let Some(check) = check
            && elsewhere::needed(rule.name).is_none_or(|aspect| stack.sees(aspect))
        {
            check(stack, &mut out);
        }
    }
    if stack.foreign.is_some() {
        for finding in &mut out {
            // What a fix changes is a manifest.
            finding.fix = None;
            if let Some(help) = elsewhere::advice(finding.rule) {
                finding.help = Some(help.into());
            }
        }
    }
    out
}

/// How many rules have to see this before they judge.
pub fn needing(aspect: Aspect) -> usize {
    elsewhere::count(aspect)
}

/// Runs the rules across stacks on those of one host.
pub fn check_host(stacks: &[&Claims]) -> Vec<Clash> {
    let mut out = Vec::new();
    for rule in RULES {
        if let Check::Host(check) = rule.check {
            check(stacks, &mut out);
        }
    }
    out
}
