//! Which certificates there are, and which site uses which.
//!
//! One certificate covers the names of all active sites. A planned name has one of its own, so that failing to get it
//! (it may not be in the DNS yet) never breaks the others.

use std::collections::HashMap;

use super::{Resolver, at};
use crate::finding::Finding;
use crate::manifest::Status;
use crate::stack::{Answer, Certificate, Site};

/// Names one certificate may hold. Source: Let's Encrypt, profile classic.
const NAMES_PER_CERTIFICATE: usize = 100;

impl Resolver<'_> {
    /// Computes the certificates from the sites.
    pub(super) fn certificates(&mut self) {
        let written = &self.manifest.certificates;
        let mut list: Vec<Certificate> = Vec::new();
        let mut grouped: HashMap<String, String> = HashMap::new();
        for (name, group) in &written.groups {
            let place = at(["certificates", "groups", name.as_str()]);
            let files = match (&group.certificate, &group.key) {
                (Some(certificate), Some(key)) => Some((certificate.0.clone(), key.0.clone())),
                (None, None) => None,
                _ => {
                    self.out.push(
                        Finding::error(
                            "schema-mismatch",
                            place.clone(),
                            "expected both `certificate` and `key`, found one",
                        )
                        .help("name both files, or neither and let certbot get the certificate"),
                    );
                    continue;
                }
            };
            for host in &group.names {
                if let Some(other) = grouped.insert(host.to_string(), name.to_string()) {
                    let other = at(["certificates", "groups", other.as_str()]);
                    self.out.push(
                        Finding::error(
                            "duplicate-key",
                            place.clone(),
                            format!("`{host}` is on two certificates"),
                        )
                        .related(other, "the other one")
                        .help("remove it from one of them"),
                    );
                }
            }
            list.push(Certificate {
                name: name.to_string(),
                names: group.names.iter().map(ToString::to_string).collect(),
                optional: false,
                files,
                place,
            });
        }
        let planned = |site: &Site| site.answer == Answer::Placeholder { status: Status::Planned };
        let names = |site: &Site| -> Vec<String> {
            std::iter::once(&site.host)
                .chain(&site.aliases)
                .filter(|n| !grouped.contains_key(*n))
                .cloned()
                .collect()
        };
        let https = || self.stack.sites.iter().filter(|s| s.https);
        let mut together: Vec<String> = https().filter(|s| !planned(s)).flat_map(names).collect();
        let split = together.len() > NAMES_PER_CERTIFICATE;
        let mut own: HashMap<String, String> = HashMap::new();
        for site in https().filter(|s| planned(s) || split) {
            let names = names(site);
            if let Some(first) = names.first().cloned() {
                own.extend(names.iter().map(|n| (n.clone(), first.clone())));
                list.push(Certificate {
                    name: first,
                    names,
                    optional: planned(site),
                    files: None,
                    place: site.place.clone(),
                });
            }
        }
        let mut main = None;
        if !together.is_empty() && !split {
            let name = written.name.as_ref().map_or_else(|| together[0].clone(), ToString::to_string);
            // The main name first, as certbot and people read it.
            if let Some(i) = together.iter().position(|n| *n == name) {
                let first = together.remove(i);
                together.insert(0, first);
            }
            let place = written.name.as_ref().map_or_else(
                || {
                    self.stack
                        .sites
                        .iter()
                        .find(|s| s.https)
                        .map_or_else(|| at(["certificates"]), |s| s.place.clone())
                },
                |_| at(["certificates", "name"]),
            );
            main = Some(name.clone());
            list.insert(0, Certificate { name, names: together, optional: false, files: None, place });
        }
        for site in self.stack.sites.iter_mut().filter(|s| s.https) {
            site.certificate =
                grouped.get(&site.host).or_else(|| own.get(&site.host)).cloned().or_else(|| main.clone());
        }
        self.stack.certificates = list;
    }
}
