"""What makes each alert fire, and what is just short of it: unit tests for promtool, made from one table.

Values are promtool's: `0x30` is 0 at each of 31 minutes, `0+1x30` counts up. The clock starts at 0. What takes a day is
looked at every five minutes only, the longest that Prometheus bridges.
"""

PROBE = 'probe_success{job="probes",instance="https://a.example/",site="a.example",expects="%s"}'
STATUS = 'probe_http_status_code{job="probes",instance="https://a.example/",site="a.example",expects="%s"}'
CERTIFICATE = 'probe_ssl_earliest_cert_expiry{job="probes",instance="https://a.example/",site="a.example",certificate="%s"}'
AVAILABLE = 'node_filesystem_avail_bytes{mountpoint="/",device="overlay"}'
SIZE = 'node_filesystem_size_bytes{mountpoint="/",device="overlay"}'
BACKENDS = 'pg_stat_database_numbackends{database="main",datname="%s"}'
BACKUP = 'stackgen_backup_last_success_timestamp_seconds{item="%s"}'
NOTIFIED = 'alertmanager_notifications_failed_total{integration="email"}'
DAY = 24 * 60


def route(success, status, expects):
    return {PROBE % expects: success, STATUS % expects: status}


def disk(available):
    return {AVAILABLE: available, SIZE: "100x2000"}


# alert, severity, series, minute it is looked at, whether it fires then
CASES = [
    ("RouteDown", "critical", route("0x9", "0x9", "200"), 4, True),
    ("RouteDown", "critical", route("0x9", "0x9", "200"), 1, False),
    ("RouteDown", "critical", route("0x9", "502x9", "200"), 9, False),
    ("RouteWrong", "critical", route("0x9", "502x9", "any"), 5, True),
    ("RouteWrong", "critical", route("0x9", "200x9", "403"), 5, True),
    ("RouteWrong", "critical", route("0x9", "0x9", "any"), 9, False),
    ("RouteWrong", "critical", route("1x9", "200x9", "200"), 9, False),
    ("RouteWrong", "critical", route("0x20", "200x20", "503"), 19, False),
    ("RouteWrong", "warning", route("0x20", "200x20", "503"), 15, True),
    ("RouteWrong", "warning", route("0x20", "200x20", "503"), 5, False),
    ("RouteWrong", "warning", route("0x20", "200x20", "200"), 15, False),
    ("RouteSlow", "warning", {'probe_duration_seconds{job="probes",site="a.example"}': "4x40"}, 30, True),
    ("RouteSlow", "warning", {'probe_duration_seconds{job="probes",site="a.example"}': "2x40"}, 30, False),
    ("CertificateExpires", "critical", {CERTIFICATE % "a": "%dx60" % (2 * 86400)}, 30, True),
    ("CertificateExpires", "critical", {CERTIFICATE % "a": "%dx60" % (4 * 86400)}, 30, False),
    ("CertificateExpires", "warning", {CERTIFICATE % "a": "%dx90" % (13 * 86400)}, 80, True),
    # Renewed in time: 30 days are left when Let's Encrypt's are due.
    ("CertificateExpires", "warning", {CERTIFICATE % "a": "%dx90" % (29 * 86400)}, 80, False),
    # A planned name has none that must be there.
    ("CertificateExpires", "warning", {CERTIFICATE % "": "%dx90" % (1 * 86400)}, 80, False),
    ("DiskFull", "critical", disk("4x30"), 20, True),
    ("DiskFull", "critical", disk("6x30"), 20, False),
    ("DiskFull", "warning", disk("14x30"), 20, True),
    ("DiskFull", "warning", disk("16x30"), 20, False),
    ("DiskFilling", "warning", disk("40-0.05x400"), 390, True),
    ("DiskFilling", "warning", disk("30x400"), 390, False),
    ("DiskFilling", "warning", disk("95-0.05x400"), 390, False),
    ("InodesFull", "warning", {'node_filesystem_files_free{mountpoint="/"}': "4x30", 'node_filesystem_files{mountpoint="/"}': "100x30"}, 20, True),
    ("InodesFull", "warning", {'node_filesystem_files_free{mountpoint="/"}': "6x30", 'node_filesystem_files{mountpoint="/"}': "100x30"}, 20, False),
    ("MemoryLow", "warning", {"node_memory_MemAvailable_bytes": "7x30", "node_memory_MemTotal_bytes": "100x30"}, 15, True),
    ("MemoryLow", "warning", {"node_memory_MemAvailable_bytes": "9x30", "node_memory_MemTotal_bytes": "100x30"}, 15, False),
    ("OutOfMemory", "warning", {"node_vmstat_oom_kill": "0x5 1x20"}, 10, True),
    ("OutOfMemory", "warning", {"node_vmstat_oom_kill": "7x30"}, 10, False),
    ("ContainerDown", "critical", {'stackgen_container_running{service="n8n"}': "0x20"}, 10, True),
    ("ContainerDown", "critical", {'stackgen_container_running{service="n8n"}': "1x20"}, 10, False),
    ("ContainerRestarting", "critical", {'stackgen_container_restarts_total{service="n8n"}': "0+1x20"}, 18, True),
    # One restart is none too many; a container that was made anew counts from 0.
    ("ContainerRestarting", "critical", {'stackgen_container_restarts_total{service="n8n"}': "0x5 1x15"}, 18, False),
    ("ContainerRestarting", "critical", {'stackgen_container_restarts_total{service="n8n"}': "9x5 0x15"}, 18, False),
    ("ContainerUnhealthy", "warning", {'stackgen_container_healthy{service="n8n"}': "0x20"}, 15, True),
    ("ContainerUnhealthy", "warning", {'stackgen_container_healthy{service="n8n"}': "1x20"}, 15, False),
    ("ContainerMemory", "warning", {'stackgen_container_memory_ratio{service="n8n"}': "0.97x30"}, 20, True),
    ("ContainerMemory", "warning", {'stackgen_container_memory_ratio{service="n8n"}': "0.90x30"}, 20, False),
    ("ContainersUnknown", "warning", {"stackgen_containers_seen_timestamp_seconds": "0x60"}, 40, True),
    ("ContainersUnknown", "warning", {"up": "1x60"}, 40, True),
    ("ContainersUnknown", "warning", {"stackgen_containers_seen_timestamp_seconds": "0+60x60"}, 40, False),
    ("DatabaseDown", "critical", {'pg_up{database="main"}': "0x20"}, 5, True),
    ("DatabaseDown", "critical", {'pg_up{database="main"}': "1x20"}, 5, False),
    # 97 connections: 95 % are 92, 80 % are 77.
    ("DatabaseConnections", "critical", {BACKENDS % "odoo": "60x20", BACKENDS % "n8n": "33x20"}, 5, True),
    ("DatabaseConnections", "critical", {BACKENDS % "odoo": "60x20", BACKENDS % "n8n": "32x20"}, 5, False),
    ("DatabaseConnections", "warning", {BACKENDS % "odoo": "78x20"}, 15, True),
    ("DatabaseConnections", "warning", {BACKENDS % "odoo": "77x20"}, 15, False),
    ("TargetDown", "warning", {'up{job="node-exporter",service="node-exporter"}': "0x20"}, 10, True),
    ("TargetDown", "warning", {'up{job="node-exporter",service="node-exporter"}': "1x20"}, 10, False),
    ("AlertsNotSent", "critical", {NOTIFIED: "0+1x30"}, 20, True),
    ("AlertsNotSent", "critical", {NOTIFIED: "5x30"}, 20, False),
    ("AlertmanagerNotReached", "critical", {"prometheus_notifications_alertmanagers_discovered": "0x20"}, 10, True),
    ("AlertmanagerNotReached", "critical", {"prometheus_notifications_errors_total": "0+1x20"}, 15, True),
    ("AlertmanagerNotReached", "critical", {"prometheus_notifications_alertmanagers_discovered": "1x20", "prometheus_notifications_errors_total": "3x20"}, 15, False),
    ("ConfigurationRefused", "warning", {'prometheus_config_last_reload_successful{job="prometheus"}': "0x20"}, 10, True),
    ("ConfigurationRefused", "warning", {'alertmanager_config_last_reload_successful{job="alertmanager"}': "0x20"}, 10, True),
    ("ConfigurationRefused", "warning", {'prometheus_config_last_reload_successful{job="prometheus"}': "1x20"}, 10, False),
    ("RulesFail", "warning", {'prometheus_rule_evaluation_failures_total{rule_group="r"}': "0x5 2x20"}, 10, True),
    ("RulesFail", "warning", {'prometheus_rule_evaluation_failures_total{rule_group="r"}': "2x30"}, 10, False),
    ("ReportUnreadable", "warning", {"node_textfile_scrape_error": "1x30"}, 15, True),
    ("ReportUnreadable", "warning", {"node_textfile_scrape_error": "0x30"}, 15, False),
]

# The same, by steps of five minutes.
SLOW = [
    # odoo-web-data is saved daily, superset-data weekly, whatever has another name daily.
    ("BackupTooOld", "critical", {BACKUP % "odoo-web-data": "0x500"}, 37 * 60, True),
    ("BackupTooOld", "critical", {BACKUP % "odoo-web-data": "0x500"}, 35 * 60, False),
    ("BackupTooOld", "critical", {BACKUP % "superset-data": "0x2800"}, 37 * 60, False),
    ("BackupTooOld", "critical", {BACKUP % "superset-data": "0x2800"}, 9 * DAY + 70, True),
    ("BackupTooOld", "critical", {BACKUP % "database n8n": "0x500"}, 37 * 60, True),
    ("BackupTooOld", "critical", {BACKUP % "database n8n": "0x280 86400x200"}, 37 * 60, False),
    ("BackupUnknown", "critical", {"up": "1x320"}, DAY + 10, True),
    ("BackupUnknown", "critical", {BACKUP % "odoo-web-data": "0x320"}, DAY + 10, False),
]


def unit_tests(rules, cases, interval):
    """A table as the input of `promtool test rules`: each case alone, with nothing else in sight."""
    tests = []
    for alert, severity, series, minute, fires in cases:
        firing = f'count(ALERTS{{alertname="{alert}",severity="{severity}",alertstate="firing"}})'
        tests.append({
            "interval": interval,
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{
                "expr": firing,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }],
        })
    return {"rule_files": [rules], "evaluation_interval": interval, "tests": tests}
