//! Requests to the proxy: blackbox_exporter's modules, by what has to be answered, and Prometheus' job that asks.

use std::collections::BTreeSet;

use crate::format::value::{Map, Value, flow, list};
use crate::manifest::{Issuer, RunsIn};
use crate::stack::{Expectation, Monitoring, PublicProbe, Stack};

/// Name of the job; rules and dashboard refer to it.
pub(super) const JOB: &str = "probes";
/// Name and port of the exporter.
const EXPORTER: &str = "blackbox-exporter:9115";

/// What any service may say. Not 502, 503 and 504: those are nginx's when it reaches none.
const ANSWERS: [u16; 21] =
    [200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 411, 415, 422, 426];

/// What is expected, as rules and people read it.
pub(super) fn expects(expectation: Expectation) -> String {
    match expectation {
        Expectation::Status(status) => status.to_string(),
        Expectation::Https => "https".into(),
        Expectation::Answer => "any".into(),
    }
}

/// Whether the certificate has to be one that browsers take.
fn verified(stack: &Stack, probe: &PublicProbe) -> bool {
    probe.certificate.is_some() && stack.acme.issuer != Issuer::LetsencryptStaging
}

/// The module that asks a probe.
fn module(stack: &Stack, probe: &PublicProbe) -> String {
    let unverified = probe.https && !verified(stack, probe);
    let name = match probe.expects {
        Expectation::Status(status) => format!("status_{status}"),
        Expectation::Https => "redirects_to_https".into(),
        Expectation::Answer => "answers".into(),
    };
    if unverified { format!("{name}_unverified") } else { name }
}

/// `blackbox.yml`: one module for each kind of answer that is expected of anything.
pub(super) fn modules(stack: &Stack, monitoring: &Monitoring) -> Map {
    let mut seen = BTreeSet::new();
    let mut modules = Map::new();
    let mut probes: Vec<_> = monitoring
        .probes
        .iter()
        .filter(|p| seen.insert(module(stack, p)))
        .map(|p| (module(stack, p), p))
        .collect();
    probes.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, probe) in probes {
        let statuses = match probe.expects {
            Expectation::Status(status) => flow([status]),
            Expectation::Https => flow([301u16]),
            Expectation::Answer => flow(ANSWERS),
        };
        let location = (probe.expects == Expectation::Https).then(|| {
            let header = Map::new().set("header", "Location").set("regexp", "^https://");
            list([header])
        });
        let tls = name.ends_with("_unverified").then(|| Map::new().set("insecure_skip_verify", true));
        let http = Map::new()
            .set("valid_status_codes", statuses)
            .set("follow_redirects", false)
            .set("preferred_ip_protocol", "ip4")
            .set_some("fail_if_header_not_matches", location)
            .set_some("tls_config", tls);
        modules.insert(name, Map::new().set("prober", "http").set("timeout", "9s").set("http", http));
    }
    Map::new().set("modules", modules)
}

/// The job that asks, unless there is no site.
pub(super) fn job(stack: &Stack, monitoring: &Monitoring) -> Option<Map> {
    let proxy = stack.proxy.as_ref().filter(|_| !monitoring.probes.is_empty())?;
    let configs: Vec<Value> = monitoring
        .probes
        .iter()
        .map(|probe| {
            let scheme = if probe.https { "https" } else { "http" };
            let url = format!("{scheme}://{}{}", probe.host, probe.path);
            // nginx by its own name, and who is meant in Host and in the TLS handshake.
            let (target, hostname) = match (&proxy.service, proxy.runs_in) {
                (Some(service), RunsIn::Container) => {
                    (format!("{scheme}://{service}{}", probe.path), Some(&probe.host))
                }
                _ => (url.clone(), None),
            };
            let labels = Map::new()
                .set("__param_module", module(stack, probe))
                .set("__param_target", target)
                .set_some("__param_hostname", hostname)
                .set("site", &probe.site)
                .set("expects", expects(probe.expects))
                .set_some("certificate", probe.certificate.as_ref());
            Map::new().set("targets", flow([url])).set("labels", labels).into()
        })
        .collect();
    let relabel: Vec<Value> = vec![
        Map::new().set("source_labels", flow(["__address__"])).set("target_label", "instance").into(),
        Map::new().set("target_label", "__address__").set("replacement", EXPORTER).into(),
    ];
    Some(
        Map::new()
            .set("job_name", JOB)
            .set("metrics_path", "/probe")
            .set("scrape_interval", "60s")
            .set("static_configs", configs)
            .set("relabel_configs", relabel),
    )
}
