//! Names in the DNS: a zone file for each domain, a table for people, and a script for the provider that is known.

use minijinja::{Value, context};

use super::{Artifact, certbot::rendered};
use crate::finding::Finding;
use crate::manifest::Provider;
use crate::stack::{Dns, Record, RecordData, Stack, Zone};

/// Writes the files when they are asked for.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Some(dns) = &stack.dns else { return Vec::new() };
    let zones: Vec<Value> = dns.zones.iter().map(|zone| of_zone(stack, dns, zone)).collect();
    let edge = stack.proxy.as_ref().and_then(|p| p.edge.as_ref()).map(|e| e.name.as_str());
    let header = || Value::from_safe_string(super::header(stack));
    let mut files: Vec<(String, &str, Value, bool)> = dns
        .zones
        .iter()
        .zip(&zones)
        .map(|(zone, context)| {
            let context = context! { header => header(), edge, ttl => dns.ttl, zone => context };
            (format!("dns/{}.zone", zone.name), "dns/zone.j2", context, false)
        })
        .collect();
    let all = context! { header => header(), edge, ttl => dns.ttl, zones };
    files.push(("dns/records.md".into(), "dns/records.md.j2", all.clone(), false));
    if dns.provider == Some(Provider::Digitalocean) {
        files.push(("dns/doctl.sh".into(), "dns/doctl.sh.j2", all, true));
    }
    files
        .into_iter()
        .filter_map(|(path, template, context, executable)| {
            let text = rendered(&path, template, &context, &dns.place, out)?;
            Some(Artifact { path, text, executable })
        })
        .collect()
}

/// A zone as the templates see it.
fn of_zone(stack: &Stack, dns: &Dns, zone: &Zone) -> Value {
    let width = zone.records.iter().map(|r| r.name.len()).max().unwrap_or_default();
    let records: Vec<Value> = zone.records.iter().map(|record| of_record(dns, zone, record, width)).collect();
    let is_in = |name: &str| name == zone.name || name.ends_with(&format!(".{}", zone.name));
    let unsigned: Vec<String> =
        dns.mail.iter().filter(|m| !m.signed && is_in(&m.name)).map(|m| m.name.clone()).collect();
    let own = stack.domain.as_ref() == Some(&zone.name);
    context! { name => zone.name.as_str(), guessed => zone.guessed && !own, records, unsigned }
}

fn of_record(dns: &Dns, zone: &Zone, record: &Record, width: usize) -> Value {
    let (priority, tag) = match &record.data {
        RecordData::Mx(priority, _) => (Some(*priority), None),
        RecordData::Caa(tag, _) => (None, Some(*tag)),
        _ => (None, None),
    };
    let is_address = matches!(record.data, RecordData::A(_) | RecordData::Aaaa(_));
    let version = |data: &RecordData| match data {
        RecordData::Txt(text) => text.split([';', ' ']).next().map(str::to_string),
        _ => None,
    };
    let rival = |r: &Record| {
        r.name == record.name
            && r.data.kind() == record.data.kind()
            && version(&r.data) == version(&record.data)
    };
    context! {
        name => record.name.as_str(),
        only => zone.records.iter().filter(|r| rival(r)).count() == 1,
        padding => Value::from_safe_string(" ".repeat(width.saturating_sub(record.name.len()))),
        ttl => record.ttl,
        seconds => record.ttl.unwrap_or(dns.ttl),
        kind => record.data.kind(),
        is_address,
        value => record.data.text(),
        priority,
        tag,
        note => record.note.as_str(),
        planned => record.planned,
    }
}
