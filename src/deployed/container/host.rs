//! What a container may use and do, and how its health is asked for.

use serde_json::{Map, Value as Json, json};

use super::{Reader, Service, list, text};

impl Reader<'_> {
    pub(super) fn healthcheck(&self, image: &Json, out: &mut Service) {
        let (own, inherited) = (&self.config["Healthcheck"], &image["Healthcheck"]);
        let test: Vec<&Json> = list(own, "Test").collect();
        if test.first().is_some_and(|t| *t == "NONE") {
            return out.set("healthcheck", json!({ "disable": true }));
        }
        let mut check = Service(Map::new());
        if own["Test"] != inherited["Test"] {
            check.set("test", own["Test"].clone());
        }
        for (key, field) in [
            ("interval", "Interval"),
            ("timeout", "Timeout"),
            ("start_period", "StartPeriod"),
            ("start_interval", "StartInterval"),
        ] {
            if let Some(time @ 1..) = own[field].as_u64().filter(|_| own[field] != inherited[field]) {
                check.set(key, format!("{time}ns").into());
            }
        }
        if own["Retries"] != inherited["Retries"] {
            check.set("retries", own["Retries"].clone());
        }
        out.set("healthcheck", check.0.into());
    }

    /// Memory, processors, processes. Compose has two ways to say each; the manifest's is taken.
    pub(super) fn limits(&self, out: &mut Service) {
        let host = self.host;
        let (mut limits, mut reservations) = (Service(Map::new()), Service(Map::new()));
        let says = |key: &str| (self.around.says)(&[key]);
        let memory = host["Memory"].as_i64().unwrap_or_default();
        let cpus = host["NanoCpus"].as_f64().unwrap_or_default() / 1e9;
        for (key, short, value) in [
            ("memory", "mem_limit", json!(memory)),
            ("pids", "pids_limit", host["PidsLimit"].clone()),
            ("cpus", "cpus", json!(cpus)),
            ("memory", "mem_reservation", host["MemoryReservation"].clone()),
        ] {
            let into = if short == "mem_reservation" { &mut reservations } else { &mut limits };
            match value {
                // As Compose writes an unlimited number.
                Json::Number(n) if n.as_i64() == Some(-1) => {}
                Json::Number(n) if says(short) => out.set(short, json!(number(&n))),
                Json::Number(n) if n.as_f64() != Some(0.0) => into.set(key, json!(number(&n))),
                _ => {}
            }
        }
        let mut resources = Service(Map::new());
        resources.set("limits", limits.0.into());
        resources.set("reservations", reservations.0.into());
        if !resources.0.is_empty() {
            out.set("deploy", json!({ "resources": resources.0 }));
        }
        // The engine takes twice the memory where nothing is said.
        let swap = host["MemorySwap"].as_i64().unwrap_or_default();
        if self.full || swap != 2 * memory && !(memory == 0 && swap == -1) {
            out.set("memswap_limit", json!(swap));
        }
        if host["ShmSize"] != json!(64 << 20) {
            out.set("shm_size", host["ShmSize"].clone());
        }
        for (key, field) in [
            ("cpu_shares", "CpuShares"),
            ("cpu_quota", "CpuQuota"),
            ("cpu_period", "CpuPeriod"),
            ("cpuset", "CpusetCpus"),
            ("oom_score_adj", "OomScoreAdj"),
            ("oom_kill_disable", "OomKillDisable"),
        ] {
            out.set(key, host[field].clone());
        }
        let mut ulimits = Map::new();
        for limit in list(host, "Ulimits") {
            let (soft, hard) = (&limit["Soft"], &limit["Hard"]);
            let value = if soft == hard { soft.clone() } else { json!({ "soft": soft, "hard": hard }) };
            ulimits.insert(text(limit, "Name").into(), value);
        }
        out.set("ulimits", ulimits.into());
    }

    pub(super) fn rights(&self, out: &mut Service) {
        let host = self.host;
        for (key, field) in [("cap_add", "CapAdd"), ("cap_drop", "CapDrop")] {
            let names = list(host, field).filter_map(Json::as_str);
            out.set(key, names.map(|n| Json::from(n.strip_prefix("CAP_").unwrap_or(n))).collect());
        }
        for (key, field) in [
            ("privileged", "Privileged"),
            ("read_only", "ReadonlyRootfs"),
            ("group_add", "GroupAdd"),
            ("sysctls", "Sysctls"),
            ("dns", "Dns"),
            ("dns_search", "DnsSearch"),
            ("dns_opt", "DnsOptions"),
            ("extra_hosts", "ExtraHosts"),
            ("uts", "UTSMode"),
            ("userns_mode", "UsernsMode"),
            ("cgroup_parent", "CgroupParent"),
        ] {
            out.set(key, host[field].clone());
        }
        out.set("pid", self.shared(text(host, "PidMode")).into());
        for (key, field, default) in [("ipc", "IpcMode", "private"), ("runtime", "Runtime", "runc")] {
            if self.full || text(host, field) != default {
                out.set(key, self.shared(text(host, field)).into());
            }
        }
        // The engine adds the label where the container shares processes with the host.
        let options = list(host, "SecurityOpt").filter(|o| self.full || *o != "label=disable");
        out.set("security_opt", options.cloned().collect());
        let from = list(host, "VolumesFrom").filter_map(Json::as_str).map(|from| {
            let (id, mode) = from.split_once(':').unwrap_or((from, "rw"));
            let name = (self.around.services)(id).unwrap_or_else(|| format!("container:{id}"));
            Json::from(if mode == "ro" { format!("{name}:ro") } else { name })
        });
        out.set("volumes_from", from.collect());
        let devices = list(host, "Devices").map(|d| {
            let [from, to, rights] =
                ["PathOnHost", "PathInContainer", "CgroupPermissions"].map(|field| text(d, field));
            Json::from(format!("{from}:{to}:{rights}"))
        });
        out.set("devices", devices.collect());
    }
}

/// A whole number where it is one, as people write it.
fn number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(n) if n.fract() == 0.0 && n.abs() < 1e18 => (n as i64).to_string(),
        _ => number.to_string(),
    }
}
