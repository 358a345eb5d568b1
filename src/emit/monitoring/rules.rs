//! `rules.yml`: when somebody is told. Each rule follows from something that the stack has.

use crate::format::value::{Map, Value};
use crate::manifest::Backup;
use crate::stack::{Monitoring, Stack};

/// One rule.
struct Rule {
    alert: &'static str,
    severity: &'static str,
    expr: String,
    /// How long it has to hold.
    lasts: &'static str,
    summary: String,
    /// What to do about it.
    help: &'static str,
}

/// Makes a rule of one severity: name, condition, how long it has to hold, what is told, what to do.
type Make = fn(&'static str, String, &'static str, String, &'static str) -> Rule;

fn critical(
    alert: &'static str,
    expr: impl Into<String>,
    lasts: &'static str,
    summary: impl Into<String>,
    help: &'static str,
) -> Rule {
    Rule { alert, severity: "critical", expr: expr.into(), lasts, summary: summary.into(), help }
}

fn warning(
    alert: &'static str,
    expr: impl Into<String>,
    lasts: &'static str,
    summary: impl Into<String>,
    help: &'static str,
) -> Rule {
    Rule { severity: "warning", ..critical(alert, expr, lasts, summary, help) }
}

/// The whole file.
pub(super) fn file(stack: &Stack, monitoring: &Monitoring) -> Map {
    let groups: Vec<Value> = [
        ("routes", if monitoring.probes.is_empty() { Vec::new() } else { routes() }),
        (
            "certificates",
            if monitoring.probes.iter().any(|p| p.certificate.is_some()) {
                certificates()
            } else {
                Vec::new()
            },
        ),
        ("server", server()),
        ("containers", containers()),
        ("databases", databases(stack, monitoring)),
        ("backups", if monitoring.backups { backups(stack) } else { Vec::new() }),
        ("monitoring", itself()),
    ]
    .into_iter()
    .filter(|(_, rules)| !rules.is_empty())
    .map(|(name, rules)| {
        let rules: Vec<Value> = rules.into_iter().map(|rule| written(rule).into()).collect();
        Map::new().set("name", name).set("rules", rules).into()
    })
    .collect();
    Map::new().set("groups", groups)
}

fn written(rule: Rule) -> Map {
    Map::new()
        .set("alert", rule.alert)
        .set("expr", rule.expr)
        .set("for", rule.lasts)
        .set("labels", Map::new().set("severity", rule.severity))
        .set("annotations", Map::new().set("summary", rule.summary).set("description", rule.help))
}

fn routes() -> Vec<Rule> {
    // No status at all: no connection, no TLS, or no answer in time.
    let wrong = |expects: &str| {
        format!(
            "probe_success{{job=\"probes\",expects{expects}}} == 0 and probe_http_status_code{{job=\"probes\"}} != 0"
        )
    };
    let told = "{{ $labels.instance }} does not answer with {{ $labels.expects }}";
    vec![
        critical(
            "RouteDown",
            "probe_success{job=\"probes\"} == 0 and probe_http_status_code{job=\"probes\"} == 0",
            "2m",
            "{{ $labels.instance }} gives no answer",
            "see docker compose ps nginx and its log; a certificate that is not valid is no answer either",
        ),
        // A path that is closed and answers otherwise is open.
        critical(
            "RouteWrong",
            wrong("=~\"200|403|any\""),
            "3m",
            told,
            "see the log of nginx, which names the service it asked and what came back",
        ),
        warning(
            "RouteWrong",
            wrong("!~\"200|403|any\""),
            "10m",
            told,
            "nginx.conf on the server may not be the one of the last build: stackgen diff",
        ),
        warning(
            "RouteSlow",
            "avg_over_time(probe_duration_seconds{job=\"probes\"}[10m]) > 3",
            "10m",
            "{{ $labels.instance }} takes {{ $value | humanizeDuration }}",
            "see memory and processors of the server, and the connections of the database",
        ),
    ]
}

/// Let's Encrypt's are renewed when a third of their time is left, 30 days of 90; so 14 days mean that it went wrong
/// for two weeks.
fn certificates() -> Vec<Rule> {
    let left = "min by (site, certificate) (probe_ssl_earliest_cert_expiry{job=\"probes\",certificate!=\"\"}) - time()";
    let told = "the certificate {{ $labels.certificate }} for {{ $labels.site }} ends in {{ $value | humanizeDuration }}";
    let help = "see docker compose logs certbot; an own certificate has to be replaced by hand";
    vec![
        critical("CertificateExpires", format!("{left} < 3 * 86400"), "10m", told, help),
        warning("CertificateExpires", format!("{left} < 14 * 86400"), "1h", told, help),
    ]
}

fn server() -> Vec<Rule> {
    let free = "node_filesystem_avail_bytes / node_filesystem_size_bytes";
    let told = "{{ $value | humanizePercentage }} of the disk at {{ $labels.mountpoint }} is free";
    let help = "docker system df shows what takes it; / is the disk with the data of Docker";
    vec![
        critical("DiskFull", format!("{free} < 0.05"), "5m", told, help),
        warning("DiskFull", format!("{free} < 0.15"), "15m", told, help),
        warning(
            "DiskFilling",
            format!("predict_linear(node_filesystem_avail_bytes[6h], 86400) < 0 and {free} < 0.4"),
            "1h",
            "the disk at {{ $labels.mountpoint }} will be full within a day",
            help,
        ),
        warning(
            "InodesFull",
            "node_filesystem_files_free / node_filesystem_files < 0.05",
            "15m",
            "{{ $value | humanizePercentage }} of the inodes at {{ $labels.mountpoint }} are free",
            "many small files: docker system df, sessions, caches",
        ),
        warning(
            "MemoryLow",
            "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.08",
            "10m",
            "{{ $value | humanizePercentage }} of the memory is left",
            "docker stats shows who takes it",
        ),
        warning(
            "OutOfMemory",
            "increase(node_vmstat_oom_kill[10m]) > 0",
            "0m",
            "the kernel ended a process for want of memory",
            "dmesg names it; raise memory of its service, or give it less to do",
        ),
    ]
}

/// What the script on the server reports.
fn containers() -> Vec<Rule> {
    vec![
        critical(
            "ContainerDown",
            "stackgen_container_running == 0",
            "5m",
            "{{ $labels.service }} does not run",
            "docker compose up -d starts what is missing; docker compose logs says why it ended",
        ),
        critical(
            "ContainerRestarting",
            "increase(stackgen_container_restarts_total[15m]) > 2",
            "0m",
            "{{ $labels.service }} is started again and again",
            "docker compose logs says why it ends",
        ),
        warning(
            "ContainerUnhealthy",
            "stackgen_container_healthy == 0",
            "10m",
            "{{ $labels.service }} runs and is not well",
            "docker inspect shows what its health check said",
        ),
        warning(
            "ContainerMemory",
            "stackgen_container_memory_ratio > 0.95",
            "15m",
            "{{ $labels.service }} has {{ $value | humanizePercentage }} of the memory it may have",
            "it will be ended at 100 %; raise its memory, or give it less to do",
        ),
        warning(
            "ContainersUnknown",
            "time() - stackgen_containers_seen_timestamp_seconds > 600 or absent(stackgen_containers_seen_timestamp_seconds)",
            "10m",
            "nobody reports how the containers are",
            "the timer stackgen-containers does not run: see the head of node-exporter/stackgen-containers.service",
        ),
    ]
}

fn databases(stack: &Stack, monitoring: &Monitoring) -> Vec<Rule> {
    let watched: Vec<_> =
        monitoring.targets.iter().filter_map(|t| stack.database(t.database.as_deref()?)).collect();
    if watched.is_empty() {
        return Vec::new();
    }
    let mut rules = vec![critical(
        "DatabaseDown",
        "pg_up == 0",
        "3m",
        "the database server {{ $labels.database }} cannot be reached",
        "see the provider; or the role that watches is missing, or its password is another one",
    )];
    let help = "who holds them: select usename, count(*) from pg_stat_activity group by 1";
    for (make, percent, lasts) in [(critical as Make, 95, "2m"), (warning as Make, 80, "10m")] {
        let above: Vec<String> = watched
            .iter()
            .filter_map(|database| {
                let used = format!(
                    "sum by (database) (pg_stat_database_numbackends{{database=\"{}\"}})",
                    database.name
                );
                let limit = u64::from(database.connections?) * percent / 100;
                Some(format!("{used} > {limit}"))
            })
            .collect();
        if !above.is_empty() {
            let told = format!(
                "{{{{ $value }}}} connections to {{{{ $labels.database }}}} are taken, more than {percent} % of all"
            );
            rules.push(make("DatabaseConnections", above.join(" or "), lasts, told, help));
        }
    }
    rules
}

/// How old the last backup may be: twice its period and a bit for how long it takes, at most a few days.
fn backups(stack: &Stack) -> Vec<Rule> {
    let age = |selector: &str| format!("time() - stackgen_backup_last_success_timestamp_seconds{selector}");
    let told = "the last backup of {{ $labels.item }} is {{ $value | humanizeDuration }} old";
    let help = "see the log of the backup";
    let mut old = Vec::new();
    let mut known = Vec::new();
    for (backup, hours) in [(Backup::Hourly, 3), (Backup::Daily, 36), (Backup::Weekly, 9 * 24)] {
        let items: Vec<&str> =
            stack.volumes.iter().filter(|v| v.backup == backup).map(|v| v.key.as_str()).collect();
        if !items.is_empty() {
            old.push(format!("{} > {hours} * 3600", age(&format!("{{item=~\"{}\"}}", items.join("|")))));
        }
        known.extend(items);
    }
    // Databases and whatever else is saved: daily.
    let others = if known.is_empty() { String::new() } else { format!("{{item!~\"{}\"}}", known.join("|")) };
    old.push(format!("{} > 36 * 3600", age(&others)));
    let mut rules = vec![critical("BackupTooOld", old.join(" or "), "15m", told, help)];
    rules.push(critical(
        "BackupUnknown",
        "absent(stackgen_backup_last_success_timestamp_seconds)",
        "1d",
        "no backup has reported",
        "nothing is in the directory of monitoring.backup_status: see the log of the backup",
    ));
    rules
}

/// Who watches does so itself too.
fn itself() -> Vec<Rule> {
    vec![
        warning(
            "TargetDown",
            "up == 0",
            "5m",
            "{{ $labels.job }} gives no measurements",
            "docker compose ps shows whether it runs; what it measures is not watched",
        ),
        critical(
            "AlertsNotSent",
            "rate(alertmanager_notifications_failed_total[5m]) > 0",
            "10m",
            "alerts cannot be sent by {{ $labels.integration }}",
            "docker compose logs alertmanager says what the other side answered",
        ),
        critical(
            "AlertmanagerNotReached",
            "rate(prometheus_notifications_errors_total[5m]) > 0 or prometheus_notifications_alertmanagers_discovered < 1",
            "5m",
            "Prometheus does not reach Alertmanager",
            "docker compose ps alertmanager",
        ),
        warning(
            "ConfigurationRefused",
            "prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0",
            "5m",
            "{{ $labels.job }} goes on with its former configuration",
            "its log says what it does not understand",
        ),
        warning(
            "RulesFail",
            "increase(prometheus_rule_evaluation_failures_total[10m]) > 0",
            "0m",
            "a rule of {{ $labels.rule_group }} cannot be evaluated",
            "the log of Prometheus says why",
        ),
        warning(
            "ReportUnreadable",
            "node_textfile_scrape_error == 1",
            "10m",
            "a report of the server's scripts cannot be read",
            "the log of node-exporter names the file",
        ),
    ]
}
