//! Where the entries of the files of the kinds and of certbot come from, and those of .env.example.

use super::{Candidates, Origin, base, compose, databases, firewall, keys, of_kind};
use crate::finding::{Document, Path, Place};
use crate::stack::{Security, Service, Stack};

pub(super) fn origin(stack: &Stack, file: &str, path: &Path) -> Option<Origin> {
    let (folder, name) = file.split_once('/').unwrap_or(("", file));
    match (folder, name) {
        ("", ".env.example") => keys(path).first().map(|name| compose::secret(stack, None, name)),
        ("", "deploy.sh") => {
            let rule = "deploy.sh is made for every stack, from what its services are and need";
            Some(Candidates::new().made(None, rule.to_string()))
        }
        ("certbot", _) => Some(certbot(stack, name, path)),
        ("", crate::emit::probe::FILE) => Some(outside(stack, &line(path))),
        ("dns", _) => Some(dns(stack, &line(path))),
        ("backup", _) if stack.backup.is_some() => Some(backup(stack, name, path)),
        ("databases", _) => Some(databases::origin(stack, name, &keys(path))),
        ("nginx", rules) => waf(stack, rules, path),
        ("host", _) if stack.security != Security::default() => Some(host(stack, name, path)),
        ("firewall", _) => Some(firewall::origin(stack, name, &keys(path))),
        ("alertmanager" | "blackbox-exporter" | "grafana" | "node-exporter" | "prometheus", _)
            if stack.monitoring.is_some() =>
        {
            Some(super::monitoring::origin(stack, folder, &line(path)))
        }
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

/// A line of the script that asks from outside: the site or port it asks, or what the block says.
fn outside(stack: &Stack, line: &str) -> Origin {
    let mut new = Candidates::new();
    let words: Vec<&str> = line.split_whitespace().collect();
    let site =
        stack.sites.iter().find(|s| words.iter().any(|w| *w == s.host || s.aliases.iter().any(|a| a == w)));
    if let Some(site) = site {
        new = new.at(site.place.clone());
    }
    new = match line.split('=').next() {
        Some("days") => new.at(Place::manifest(["probe", "certificate_days"])),
        Some("hsts") => new.at(Place::manifest(["proxy", "hsts", "max_age"])),
        Some("edge") => new.at(Place::manifest(["proxy", "edge"])),
        Some("address") => new.at(Place::manifest(["host", "address"])),
        _ => new,
    };
    new.at(Place::manifest(["probe"]))
        .made(None, "the probe target asks every stack the same of a site of its sort")
}

/// A line of a zone file, the table or the script: the record whose name and value stand in it.
fn dns(stack: &Stack, line: &str) -> Origin {
    let mut new = Candidates::new();
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || c == '`' || c == '|' || c == ';').collect();
    let records = stack.dns.iter().flat_map(|dns| dns.zones.iter().flat_map(|zone| &zone.records));
    let said = |r: &&crate::stack::Record| words.contains(&r.name.as_str()) && words.contains(&r.data.kind());
    let mut found: Vec<_> = records.filter(said).collect();
    // Several of one name and type differ in what is said only.
    found.sort_by_key(|r| !line.contains(&r.data.text()));
    for record in found {
        new = new.at(record.place.clone());
    }
    new.at(Place::manifest(["dns"])).made(None, "the dns target writes this for every stack")
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

/// Rules of the web application firewall: the core's, or those of a site, which follow from the kinds behind it.
fn waf(stack: &Stack, file: &str, path: &Path) -> Option<Origin> {
    let name = file.strip_prefix("waf/")?.strip_suffix(".rules")?;
    let block = Place::manifest(["security", "waf"]);
    let Some((site, waf)) =
        stack.sites.iter().find_map(|s| s.guard.waf.as_ref().filter(|_| s.service == name).map(|w| (s, w)))
    else {
        let rule = "the same for every web application firewall: templates/security/core.rules.j2";
        return stack.security.waf.is_some().then(|| Candidates::new().at(block).made(None, rule));
    };
    let line = line(path);
    let service = stack.service(&site.service);
    let mut new = Candidates::new();
    if line.starts_with("SecRuleEngine ") {
        new = new.at(waf.place.join("mode")).at(waf.place.clone());
    } else if let Some(service) = service {
        let at = |key: &str| of_kind_at(service, &["waf", key]);
        new = if line.starts_with("SecRule REQUEST_FILENAME") {
            let number = waf
                .exclusions
                .iter()
                .position(|e| line.contains(&format!("\"@rx ^{}(", e.path.trim_end_matches('/'))));
            match number {
                Some(i) => new.at(at("exclusions").join(i)),
                None => new.at(at("exclusions")),
            }
        } else if line.contains("tx.allowed_methods") {
            new.at(at("methods"))
        } else if line.contains("tx.allowed_request_content_type") {
            new.at(at("content_types"))
        } else if line.contains("ctl:ruleRemoveTargetByTag") {
            new.at(at("secrets"))
        } else {
            new.at(at("read_limit"))
        };
    }
    Some(
        new.at(block)
            .made(service, "the web application firewall of a site, as `security.waf` and the kind say"),
    )
}

/// A place in the data of a service's kind.
fn of_kind_at(service: &Service, steps: &[&str]) -> Place {
    let path = Path(steps.iter().map(|s| (*s).into()).collect());
    Place::value(Document::Kind(service.kind.clone()), path)
}

/// What hardens the server itself.
fn host(stack: &Stack, name: &str, path: &Path) -> Origin {
    let at = |key: &str| Place::manifest(["security", key]);
    let new = Candidates::new();
    let port = keys(path).iter().any(|key| key.to_ascii_lowercase().starts_with("port"));
    let block = match name.split('/').next() {
        _ if port => {
            return new
                .at(Place::manifest(["firewall", "ssh", "port"]))
                .at(at("ssh"))
                .made(None, "the port of SSH, 22 unless `firewall.ssh.port` says otherwise");
        }
        Some("ssh") => at("ssh"),
        Some("apt") => at("upgrades"),
        Some("fail2ban") => at("logins"),
        _ if stack.host.ssh.is_some() && line(path).starts_with("user=") => Place::manifest(["host", "ssh"]),
        _ => Place::manifest(["security"]),
    };
    new.at(block).made(None, "the security target writes this where `security` asks for it")
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
