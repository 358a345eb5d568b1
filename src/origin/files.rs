//! Where the entries of the files of the kinds and of certbot come from, and those of .env.example.

use super::{Candidates, Origin, base, compose, firewall, keys, of_kind};
use crate::finding::{Document, Path, Place};
use crate::stack::{Service, Stack};

pub(super) fn origin(stack: &Stack, file: &str, path: &Path) -> Option<Origin> {
    let (folder, name) = file.split_once('/').unwrap_or(("", file));
    match (folder, name) {
        ("", ".env.example") => keys(path).first().map(|name| compose::secret(stack, None, name)),
        ("", "deploy.sh") => {
            let rule = "deploy.sh is made for every stack, from what its services are and need";
            Some(Candidates::new().made(None, rule.to_string()))
        }
        ("certbot", _) => Some(certbot(stack, name, path)),
        ("backup", _) if stack.backup.is_some() => Some(backup(stack, name, path)),
        ("firewall", _) => Some(firewall::origin(stack, name, &keys(path))),
        _ => {
            let service = stack.service(folder).filter(|s| s.files.iter().any(|f| f.name == name))?;
            Some(of_service(stack, service, name, path))
        }
    }
}

/// The text of a line, as the outline of a script has it.
fn line(path: &Path) -> String {
    keys(path).last().map(|key| (*key).to_string()).unwrap_or_default()
}

/// A file of a kind.
fn of_service(stack: &Stack, s: &Service, name: &str, path: &Path) -> Origin {
    let mut new = Candidates::new();
    let list = Path(vec!["service".into(), "settings".into()]);
    if let [_, key] = keys(path).as_slice() {
        let settings = s.settings.iter().flat_map(|group| &group.settings);
        if let Some(setting) = settings.into_iter().find(|setting| setting.name == *key) {
            new = new.of(&setting.origin).at(base(s, &["settings", key])).group(&s.kind, list, key);
        }
    }
    let line = line(path);
    for (text, place) in literals(stack, s) {
        let text = text.as_str();
        // As a word of its own: `odoo` is not meant in `odoo.conf`.
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let hit = line
            .match_indices(text)
            .any(|(i, _)| !line[..i].ends_with(is_part) && !line[i + text.len()..].starts_with(is_part));
        if hit && !text.is_empty() {
            new = new.at(place);
        }
    }
    let file = s.files.iter().position(|f| f.name == name).unwrap_or_default();
    let list = of_kind(s, &["files"]).join(file);
    let template = s.files.iter().find(|f| f.name == name).map(|f| f.template.as_str()).unwrap_or_default();
    new.at(list).made(Some(s), format!("the template {template} of the kind {}", s.kind))
}

/// Texts that a template has from the manifest, the most telling first, and where they are written.
fn literals(stack: &Stack, s: &Service) -> Vec<(String, Place)> {
    let mut list = Vec::new();
    if let Some(used) = &s.database {
        if let Some(server) = stack.database(&used.server) {
            list.push((server.host.clone(), server.place.join("host")));
            list.push((server.port.to_string(), server.place.join("port")));
        }
        list.push((used.password.clone(), base(s, &["database", "password"])));
        list.push((used.password.clone(), base(s, &["database"])));
    }
    for mail in stack.mail.iter().filter(|m| m.used_by.contains(&s.owner)) {
        list.push((mail.host.clone(), mail.place.join("host")));
        list.extend(mail.password.iter().map(|p| (p.clone(), mail.place.join("password"))));
        list.extend(mail.user.iter().map(|u| (u.clone(), mail.place.join("user"))));
    }
    for (key, full) in &s.facts.secrets {
        let kind = Document::Kind(s.kind.clone());
        list.push((full.clone(), Place::value(kind, Path(vec!["secrets".into(), key.as_str().into()]))));
    }
    for (key, value) in &s.facts.options {
        let text = value.as_str().map_or_else(|| value.to_string(), ToString::to_string);
        if text.len() > 3 {
            list.push((text, base(s, &["options", key])));
        }
    }
    if let Some(base_image) = s.build.as_ref().and_then(|b| b.base.as_ref()) {
        list.push((base_image.clone(), base(s, &["version"])));
        list.push((
            base_image.clone(),
            Place::value(Document::Kind(s.kind.clone()), Path(vec!["version".into()])),
        ));
    }
    if let Some(used) = &s.database {
        // The name is often that of the product as well, which is all over its scripts.
        for (name, key) in [(&used.name, "name"), (&used.user, "user")] {
            for text in [format!("\"{name}\""), format!("-U {name}"), format!("database {name}")] {
                list.push((text.clone(), base(s, &["database", key])));
                list.push((text, base(s, &["database"])));
            }
        }
        let server = stack.database(&used.server).map(|d| d.place.clone());
        let mode = s.facts.database.as_ref().map(|d| d.sslmode.clone());
        list.extend(mode.zip(server.map(|place| place.join("sslmode"))));
    }
    list
}

/// A file of the backups: what is saved follows from volumes and databases, when from `backup`.
fn backup(stack: &Stack, name: &str, path: &Path) -> Origin {
    let at = |key: &str| Place::manifest(["backup", key]);
    let mut new = Candidates::new();
    let line = line(path);
    if name.ends_with(".timer") {
        return new.at(at("at")).made(None, "daily at 02:15, unless `backup.at` says otherwise");
    }
    if stack.host.directory.as_deref().is_some_and(|d| !d.is_empty() && line.contains(d)) {
        return new
            .at(Place::manifest(["host", "directory"]))
            .made(None, "where the output lies on the server");
    }
    if line.starts_with("keep=") {
        return new.at(at("keep")).made(None, "how many are kept follows from the class of the volumes");
    }
    let items = stack.backup.iter().flat_map(|b| &b.items);
    let volumes: Vec<&String> = items.flat_map(|i| &i.volumes).collect();
    for volume in stack.volumes.iter().filter(|v| volumes.contains(&&v.key) && line.contains(&v.key)) {
        new = new.at(volume.place.clone());
    }
    for used in stack.services.iter().filter_map(|s| s.database.as_ref()) {
        if line.contains(&used.password) {
            new = new.at(used.place.clone());
        }
    }
    new.at(Place::manifest(["backup"])).made(None, "the backup target writes this for every stack")
}

fn certbot(stack: &Stack, name: &str, path: &Path) -> Origin {
    let at = |key: &str| Place::manifest(["certificates", key]);
    let new = Candidates::new();
    let line = line(path);
    match (name, line.as_str()) {
        ("cli.ini", "server") => new
            .at(at("issuer"))
            .made(None, "Let's Encrypt issues, unless `certificates.issuer` says otherwise"),
        ("cli.ini", "email" | "no-eff-email" | "register-unsafely-without-email") => new
            .at(at("email"))
            .made(None, "an account without an address, unless `certificates.email` says one"),
        ("cli.ini", "key-type" | "elliptic-curve" | "rsa-key-size") => {
            new.at(at("key")).made(None, "ECDSA keys, unless `certificates.key` says otherwise")
        }
        ("cli.ini", _) => new.made(None, "the certbot target writes this for every stack"),
        ("certificates.txt", _) => {
            let name = line.split(' ').next().unwrap_or_default();
            match stack.certificates.iter().find(|c| c.name == name) {
                Some(certificate) => new.at(certificate.place.clone()),
                None => new,
            }
            .made(None, "one certificate for all active names, one of its own for each planned name")
        }
        (_, line) if stack.host.directory.as_deref().is_some_and(|d| !d.is_empty() && line.contains(d)) => {
            new.at(Place::manifest(["host", "directory"])).made(None, "where the output lies on the server")
        }
        _ => new.at(at("groups")).made(None, "the certbot target writes this for every stack"),
    }
}
