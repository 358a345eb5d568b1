//! The dashboard, as Grafana's JSON: only what the stack has.

use crate::format::value::{Map, Value, list};
use crate::stack::{Monitoring, Stack};

/// Identity of the data source, in its file and in every panel.
pub(super) const DATASOURCE: &str = "prometheus";
/// Columns of Grafana's grid.
const WIDTH: i64 = 24;

/// A panel that is not placed yet.
struct Panel {
    kind: &'static str,
    title: &'static str,
    width: i64,
    height: i64,
    unit: &'static str,
    queries: Vec<(String, &'static str)>,
    thresholds: &'static [(&'static str, Option<i64>)],
}

/// Green up to a value, red above it.
const ABOVE_0: &[(&str, Option<i64>)] = &[("green", None), ("red", Some(1))];
const NONE: &[(&str, Option<i64>)] = &[("green", None)];
const DAYS: &[(&str, Option<i64>)] = &[("red", None), ("orange", Some(3)), ("green", Some(14))];
const UP: &[(&str, Option<i64>)] = &[("red", None), ("green", Some(1))];
const FREE: &[(&str, Option<i64>)] = &[("red", None), ("orange", Some(5)), ("green", Some(15))];

impl Panel {
    fn stat(
        title: &'static str,
        expr: &str,
        unit: &'static str,
        thresholds: &'static [(&'static str, Option<i64>)],
    ) -> Self {
        Self { kind: "stat", title, width: 6, height: 4, unit, queries: vec![(expr.into(), "")], thresholds }
    }

    fn series(title: &'static str, unit: &'static str, queries: &[(&str, &'static str)]) -> Self {
        let queries = queries.iter().map(|(expr, legend)| ((*expr).to_string(), *legend)).collect();
        Self { kind: "timeseries", title, width: 12, height: 8, unit, queries, thresholds: NONE }
    }
}

/// The whole dashboard.
pub(super) fn json(stack: &Stack, monitoring: &Monitoring) -> Value {
    let (mut x, mut y, mut row) = (0, 0, 0);
    let panels: Vec<Value> = panels(monitoring)
        .into_iter()
        .zip(1i64..)
        .map(|(panel, id)| {
            if x + panel.width > WIDTH {
                (x, y, row) = (0, y + row, 0);
            }
            let place = Map::new().set("x", x).set("y", y).set("w", panel.width).set("h", panel.height);
            x += panel.width;
            row = row.max(panel.height);
            written(panel, id, place).into()
        })
        .collect();
    let title = stack.title.as_ref().map_or_else(|| stack.name.clone(), |t| format!("{}: {t}", stack.name));
    Map::new()
        .set("uid", "stackgen")
        .set("title", title)
        .set("tags", list(["stackgen"]))
        .set("timezone", stack.timezone.clone().unwrap_or_else(|| "browser".into()))
        .set("editable", false)
        .set("schemaVersion", 39)
        .set("version", 1)
        .set("refresh", "1m")
        .set("time", Map::new().set("from", "now-24h").set("to", "now"))
        .set("panels", panels)
        .into()
}

fn panels(monitoring: &Monitoring) -> Vec<Panel> {
    let probed = !monitoring.probes.is_empty();
    let covered = monitoring.probes.iter().any(|p| p.certificate.is_some());
    let databases = monitoring.targets.iter().any(|t| t.database.is_some());
    let routes = Panel {
        kind: "state-timeline",
        thresholds: UP,
        ..Panel::series(
            "Sites that answer as they should",
            "short",
            &[("min by (site) (probe_success{job=\"probes\"})", "{{site}}")],
        )
    };
    let list = [
        (true, Panel::stat("Alerts", "count(ALERTS{alertstate=\"firing\"}) or vector(0)", "short", ABOVE_0)),
        (
            probed,
            Panel::stat(
                "Routes that are wrong",
                "count(probe_success{job=\"probes\"} == 0) or vector(0)",
                "short",
                ABOVE_0,
            ),
        ),
        (
            covered,
            Panel::stat(
                "Days of the shortest certificate",
                "(min(probe_ssl_earliest_cert_expiry{job=\"probes\",certificate!=\"\"}) - time()) / 86400",
                "short",
                DAYS,
            ),
        ),
        (
            true,
            Panel::stat(
                "Free disk, %",
                "100 * min(node_filesystem_avail_bytes / node_filesystem_size_bytes)",
                "percent",
                FREE,
            ),
        ),
        (probed, routes),
        (
            probed,
            Panel::series(
                "Time of the slowest route",
                "s",
                &[("max by (site) (probe_duration_seconds{job=\"probes\"})", "{{site}}")],
            ),
        ),
        (
            covered,
            Panel::series(
                "Days of certificates",
                "short",
                &[(
                    "(min by (site) (probe_ssl_earliest_cert_expiry{job=\"probes\",certificate!=\"\"}) - time()) / 86400",
                    "{{site}}",
                )],
            ),
        ),
        (
            true,
            Panel::series(
                "Memory",
                "bytes",
                &[
                    ("node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes", "taken"),
                    ("node_memory_MemTotal_bytes", "all"),
                ],
            ),
        ),
        (true, Panel::series("Disk, free", "bytes", &[("node_filesystem_avail_bytes", "{{mountpoint}}")])),
        (
            true,
            Panel::series(
                "Load",
                "short",
                &[
                    ("node_load5", "5 minutes"),
                    ("count(node_cpu_seconds_total{mode=\"idle\"})", "processors"),
                ],
            ),
        ),
        (
            true,
            Panel::series(
                "Memory of containers, share of their limit",
                "percentunit",
                &[("stackgen_container_memory_ratio", "{{service}}")],
            ),
        ),
        (
            true,
            Panel::series(
                "Restarts within an hour",
                "short",
                &[("increase(stackgen_container_restarts_total[1h])", "{{service}}")],
            ),
        ),
        (
            databases,
            Panel::series(
                "Database connections",
                "short",
                &[
                    ("sum by (database) (pg_stat_database_numbackends)", "{{database}}"),
                    ("stackgen_database_connections_max", "{{database}}: all there are"),
                ],
            ),
        ),
        (
            monitoring.backups,
            Panel::series(
                "Age of the last backup",
                "s",
                &[("time() - stackgen_backup_last_success_timestamp_seconds", "{{item}}")],
            ),
        ),
    ];
    list.into_iter().filter(|(there, _)| *there).map(|(_, panel)| panel).collect()
}

fn written(panel: Panel, id: i64, place: Map) -> Map {
    let source = || Map::new().set("type", "prometheus").set("uid", DATASOURCE);
    let targets: Vec<Value> = panel
        .queries
        .into_iter()
        .zip('A'..)
        .map(|((expr, legend), letter)| {
            Map::new()
                .set("refId", letter.to_string())
                .set("datasource", source())
                .set("expr", expr)
                .set_filled("legendFormat", legend)
                .set_some("instant", (panel.kind == "stat").then_some(true))
                .into()
        })
        .collect();
    let steps: Vec<Value> = panel
        .thresholds
        .iter()
        .map(|(color, value)| {
            Map::new().set("color", *color).set("value", value.map_or(Value::Null, Value::Int)).into()
        })
        .collect();
    let defaults = Map::new()
        .set("unit", panel.unit)
        .set(
            "color",
            Map::new().set("mode", if panel.kind == "timeseries" { "palette-classic" } else { "thresholds" }),
        )
        .set("thresholds", Map::new().set("mode", "absolute").set("steps", steps));
    Map::new()
        .set("id", id)
        .set("type", panel.kind)
        .set("title", panel.title)
        .set("datasource", source())
        .set("gridPos", place)
        .set("fieldConfig", Map::new().set("defaults", defaults).set("overrides", Value::List(Vec::new())))
        .set("targets", targets)
}
