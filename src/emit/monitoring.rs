//! Monitoring: what Prometheus asks and when it alerts, how Alertmanager tells people, what Grafana shows, and the script
//! by which the server says how its containers are.

mod dashboard;
mod probes;
mod rules;

use minijinja::{Value as Context, context};

use super::certbot::{deploy_directory, rendered};
use super::{Artifact, header};
use crate::finding::Finding;
use crate::format::value::{Map, Value, flow, list, print_json};
use crate::format::yaml_print::print;
use crate::manifest::Encryption;
use crate::stack::{Alerts, Monitoring, Stack, Target, secret_path};

/// Writes the files, when the stack is monitored.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Some(monitoring) = &stack.monitoring else { return Vec::new() };
    let yaml = |path: &str, value: Map| Artifact::file(path, print(&Value::Map(value), &header(stack)));
    let mut artifacts = vec![
        yaml("prometheus/prometheus.yml", prometheus(stack, monitoring)),
        yaml("prometheus/rules.yml", rules::file(stack, monitoring)),
        yaml("blackbox-exporter/blackbox.yml", probes::modules(stack, monitoring)),
        yaml("alertmanager/alertmanager.yml", alertmanager(stack, &monitoring.alerts)),
        yaml("grafana/provisioning/datasources/prometheus.yml", datasource()),
        yaml("grafana/provisioning/dashboards/stack.yml", dashboards()),
        Artifact::file("grafana/dashboards/stack.json", print_json(&dashboard::json(stack, monitoring))),
    ];
    artifacts.extend(of_server(stack, monitoring, out));
    artifacts
}

/// How often everything is asked, and how often rules are looked at.
const INTERVAL: &str = "30s";

fn prometheus(stack: &Stack, monitoring: &Monitoring) -> Map {
    let mut jobs: Vec<Value> = monitoring.targets.iter().map(|target| job(target).into()).collect();
    jobs.extend(probes::job(stack, monitoring).map(Value::Map));
    Map::new()
        .set(
            "global",
            Map::new()
                .set("scrape_interval", INTERVAL)
                .set("scrape_timeout", "10s")
                .set("evaluation_interval", INTERVAL)
                .set("external_labels", Map::new().set("stack", &stack.name)),
        )
        .gap()
        .set("rule_files", list(["rules.yml"]))
        .gap()
        .set(
            "alerting",
            Map::new().set("alertmanagers", list([targets(&["alertmanager:9093".to_string()], Map::new())])),
        )
        .gap()
        .set("scrape_configs", jobs)
}

/// One service that answers with measurements.
fn job(target: &Target) -> Map {
    // The job is the service; a label `service` would rename that of what is measured.
    let labels = Map::new().set_some("database", target.database.as_ref());
    let address = [format!("{}:{}", target.service, target.port)];
    let Value::Map(targets) = targets(&address, labels) else { return Map::new() };
    let mut job = Map::new()
        .set("job_name", &target.service)
        .set_some("metrics_path", (target.path != "/metrics").then_some(&target.path));
    for (key, entry) in targets.iter() {
        job.insert(key.to_string(), entry.value.clone());
    }
    job
}

fn targets(addresses: &[String], labels: Map) -> Value {
    let addresses = flow(addresses.iter().cloned());
    let config = Map::new().set("targets", addresses).set_filled("labels", labels);
    Map::new().set("static_configs", list([config])).into()
}

fn alertmanager(stack: &Stack, alerts: &Alerts) -> Map {
    let mail = alerts.mail.as_ref().and_then(|name| stack.mail.iter().find(|m| m.name == *name));
    let mut global = Map::new();
    if let Some(mail) = mail {
        global = global
            .set("smtp_smarthost", format!("{}:{}", mail.host, mail.port))
            .set_some("smtp_from", mail.from.as_ref())
            .set_some("smtp_auth_username", mail.user.as_ref())
            .set_some("smtp_auth_password_file", mail.password.as_ref().map(|name| secret_path(name)))
            .set("smtp_require_tls", mail.encryption == Encryption::Starttls)
            .set_some("smtp_force_implicit_tls", (mail.encryption == Encryption::Tls).then_some(true));
    }
    let global = global.set_some("slack_api_url_file", alerts.webhook.as_ref().map(|name| secret_path(name)));
    let emails = mail.map(|_| {
        let to = alerts.to.join(", ");
        list([Map::new().set("to", to).set("send_resolved", true)])
    });
    // Mattermost takes what is meant for Slack.
    let webhooks = alerts.webhook.as_ref().map(|_| {
        let title = "{{ .Status | toUpper }} {{ .CommonLabels.alertname }} ({{ .Alerts | len }})";
        let text = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}";
        list([Map::new().set("send_resolved", true).set("title", title).set("text", text)])
    });
    let matchers = |list: &[&'static str]| Value::List(list.iter().map(|m| Value::from(*m)).collect());
    let inhibit = |source: &[&'static str], target: &[&'static str], equal: &[&'static str]| {
        Value::Map(
            Map::new()
                .set("source_matchers", matchers(source))
                .set("target_matchers", matchers(target))
                .set_filled("equal", flow(equal.iter().copied())),
        )
    };
    Map::new()
        .set("global", global)
        .gap()
        .note("All that is wrong in one way is one message: forty routes behind one nginx are not forty.")
        .set(
            "route",
            Map::new()
                .set("receiver", "people")
                .set("group_by", flow(["alertname"]))
                .set("group_wait", "30s")
                .set("group_interval", "5m")
                .set("repeat_interval", "24h")
                .set(
                    "routes",
                    list([Map::new()
                        .set("matchers", matchers(&["severity=\"critical\""]))
                        .set("receiver", "people")
                        .set("repeat_interval", "4h")]),
                ),
        )
        .gap()
        .set(
            "receivers",
            list([Map::new()
                .set("name", "people")
                .set_some("email_configs", emails)
                .set_some("slack_configs", webhooks)]),
        )
        .gap()
        .note("What follows from something else that is told is not told as well.")
        .set(
            "inhibit_rules",
            Value::List(vec![
                inhibit(
                    &["severity=\"critical\""],
                    &["severity=\"warning\""],
                    &["alertname", "site", "mountpoint", "database"],
                ),
                inhibit(&["alertname=\"RouteDown\""], &["alertname=~\"RouteWrong|RouteSlow\""], &["site"]),
                inhibit(
                    &["alertname=\"TargetDown\"", "job=\"node-exporter\""],
                    &["alertname=~\"ContainersUnknown|BackupUnknown\""],
                    &[],
                ),
            ]),
        )
}

/// Grafana's data source: Prometheus on their common network.
fn datasource() -> Map {
    let source = Map::new()
        .set("name", "Prometheus")
        .set("uid", dashboard::DATASOURCE)
        .set("type", "prometheus")
        .set("access", "proxy")
        .set("url", "http://prometheus:9090")
        .set("isDefault", true)
        .set("editable", false)
        .set("jsonData", Map::new().set("timeInterval", INTERVAL).set("httpMethod", "POST"));
    Map::new().set("apiVersion", 1).set("datasources", list([source]))
}

/// Where Grafana finds the dashboard.
fn dashboards() -> Map {
    let provider = Map::new()
        .set("name", "stackgen")
        .set("type", "file")
        .set("disableDeletion", true)
        .set("allowUiUpdates", false)
        .set("options", Map::new().set("path", "/etc/grafana/stackgen/dashboards"));
    Map::new().set("apiVersion", 1).set("providers", list([provider]))
}

/// What runs on the server itself: how the containers are is known to Docker alone.
fn of_server(stack: &Stack, monitoring: &Monitoring, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let directory = format!("{}/node-exporter", deploy_directory(stack));
    let services: Vec<String> =
        stack.services.iter().filter(|s| s.role.stays()).map(|s| s.name.clone()).collect();
    let databases: Vec<Context> = stack
        .databases
        .iter()
        .filter_map(|d| d.connections.map(|n| context! { name => d.name.as_str(), connections => n }))
        .collect();
    let context = context! {
        header => Context::from_safe_string(header(stack)),
        stack => stack.name.as_str(),
        project => stack.project.as_str(),
        script => format!("{directory}/containers.sh"),
        textfile => format!("{directory}/textfile"),
        directory,
        services,
        databases,
    };
    [
        ("containers.sh", true),
        ("stackgen-containers.service", false),
        ("stackgen-containers.timer", false),
        ("textfile/stack.prom", false),
    ]
    .into_iter()
    .filter_map(|(name, executable)| {
        let path = format!("node-exporter/{name}");
        let template = format!("monitoring/{}.j2", name.trim_start_matches("textfile/"));
        let text = rendered(&path, &template, &context, &monitoring.place, out)?;
        Some(Artifact { path, text, executable })
    })
    .collect()
}
