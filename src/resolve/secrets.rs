//! Every secret of the stack, gathered from where it is used.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{Resolver, at};
use crate::finding::Place;
use crate::stack::{Secret, Service, Store};

/// What a secret is for, and the command that makes a new one.
type Known = (String, Option<String>);

impl Resolver<'_> {
    /// Lists the secrets in the order of their first use, those only declared last.
    pub(super) fn secrets(&mut self) {
        let mut found: IndexMap<String, Secret> = IndexMap::new();
        let manifest = self.manifest;
        let of_kinds = self.of_kinds();
        let mut use_secret =
            |name: &str, by: &str, place: &Place, description: String, generate: Option<String>| {
                let declared = manifest.secrets.get_key_value(name_key(name).as_ref()?);
                let entry = found.entry(name.to_string()).or_insert_with(|| {
                    let line = |t: Option<&crate::scalar::Line>| t.map(ToString::to_string);
                    let known = declared.map(|(_, d)| d);
                    Secret {
                        name: name.to_string(),
                        description: line(known.and_then(|d| d.description.as_ref())).unwrap_or(description),
                        generate: line(known.and_then(|d| d.generate.as_ref()))
                            .or_else(|| generate.filter(|_| known.is_none_or(|d| d.source.is_none()))),
                        source: line(known.and_then(|d| d.source.as_ref())),
                        used_by: Vec::new(),
                        place: if declared.is_some() { at(["secrets", name]) } else { place.clone() },
                    }
                });
                if !by.is_empty() && !entry.used_by.iter().any(|u| u == by) {
                    entry.used_by.push(by.to_string());
                }
                Some(())
            };
        for service in &self.stack.services {
            for name in names(service) {
                let (description, generate) = self.known(service, name, &of_kinds);
                use_secret(name, &service.owner, &service.place, description, generate);
            }
        }
        for database in &self.stack.databases {
            if let Some(name) = &database.admin_password {
                let what = format!("administrator of the database server {}", database.name);
                use_secret(name, "", &database.place, what, None);
            }
        }
        for name in self.manifest.secrets.keys() {
            use_secret(name.as_str(), "", &at(["secrets", name.as_str()]), "not described".into(), None);
        }
        self.stack.secrets = found.into_values().collect();
    }

    /// What kinds say about the secrets they need, by full name.
    fn of_kinds(&self) -> HashMap<String, Known> {
        let mut known = HashMap::new();
        for service in self.stack.services.iter().filter(|s| !s.facts.secrets.is_empty()) {
            let Some(kind) = self.kinds.known(&service.kind) else { continue };
            for (key, name) in &service.facts.secrets {
                if let Some((_, secret)) = kind.secrets.iter().find(|(k, _)| k.as_str() == key) {
                    let generate = secret.generate.as_ref().map(ToString::to_string);
                    known.insert(name.clone(), (secret.description.to_string(), generate));
                }
            }
        }
        known
    }

    /// What is known of the secrets of the backups.
    fn of_backup(&self, name: &str) -> Option<Known> {
        let backups = self.stack.backup.as_ref()?;
        if name == backups.password {
            let what = "encrypts the backups; whoever loses it loses them all: keep it elsewhere too";
            return Some((what.into(), Some("openssl rand -hex 32".into())));
        }
        match &backups.store {
            Store::Bucket { access_key, .. } if name == access_key => {
                Some(("id of the key that may write to the store of the backups".into(), None))
            }
            Store::Bucket { secret_key, .. } if name == secret_key => {
                Some(("key that may write to the store of the backups".into(), None))
            }
            _ => None,
        }
    }

    /// What is known of a secret from where it is used.
    fn known(&self, service: &Service, name: &str, of_kinds: &HashMap<String, Known>) -> Known {
        let random = || Some("openssl rand -hex 32".to_string());
        if let Some(database) = service.database.as_ref().filter(|d| d.password == name) {
            let what =
                format!("password of the role {} on the database server {}", database.user, database.server);
            return (what, random());
        }
        if let Some(known) = self.of_backup(name) {
            return known;
        }
        if let Some(mail) = self.stack.mail.iter().find(|m| m.password.as_deref() == Some(name)) {
            return (format!("password of the mail transport {}", mail.name), None);
        }
        if let Some(known) = of_kinds.get(name) {
            return known.clone();
        }
        (format!("used by {}", service.owner), random())
    }
}

/// The name as the manifest's map knows it.
fn name_key(name: &str) -> Option<crate::scalar::SecretName> {
    crate::scalar::SecretName::try_from(name.to_string()).ok()
}

/// Names of the secrets a service uses, each once.
fn names(service: &Service) -> Vec<&str> {
    let mut list: Vec<&str> = Vec::new();
    let all = service
        .secret_files
        .iter()
        .map(String::as_str)
        .chain(service.env.iter().flat_map(|e| e.value.secrets()));
    for name in all {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}
