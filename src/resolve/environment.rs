//! What a program is told: its environment, its secret files, the keys of its configuration file.

use minijinja::Value;

use super::containers::Part;
use super::{Resolver, at, in_kind};
use crate::expr::Secret;
use crate::finding::Finding;
use crate::scalar::Raw;
use crate::stack::{Env, File, Origin, Piece, Setting, SettingGroup, Text};
use crate::table::Lookup;

impl Resolver<'_> {
    /// The secrets that are handed over as files.
    pub(super) fn secret_files(&mut self, part: &Part<'_, '_>) -> Vec<String> {
        let mut names = Vec::new();
        for file in part.shared().into_iter().flat_map(|c| &c.secret_files) {
            let wanted = file.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &part.scope));
            let found = match wanted {
                Ok(false) => continue,
                Err(error) => Err(error),
                Ok(true) => {
                    self.expander.value(&file.secret, &part.scope).and_then(|value| secrets_in(&value))
                }
            };
            match found {
                Ok(found) => found.into_iter().for_each(|name| add_once(&mut names, name)),
                Err(error) => {
                    let place = in_kind(part.kind.kind.as_str(), &["service", "secret_files"]);
                    self.bad_expression(place, &file.secret, &error);
                }
            }
        }
        names
    }

    /// The environment: the kind's groups that hold, then what the manifest says.
    pub(super) fn env(&mut self, part: &Part<'_, '_>, secret_files: &mut Vec<String>) -> Vec<Env> {
        let mut env: Vec<Env> = Vec::new();
        let mut set = |name: &str, value: Text, origin: Origin| {
            let new = Env { name: name.to_string(), value, origin };
            match env.iter_mut().find(|e| e.name == name) {
                Some(old) => *old = new,
                None => env.push(new),
            }
        };
        let place = in_kind(part.kind.kind.as_str(), &["service", "env"]);
        for group in part.shared().into_iter().flat_map(|c| &c.env) {
            match group.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &part.scope)) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) => {
                    self.bad_expression(place.clone(), group.when.as_deref().unwrap_or(""), &error);
                    continue;
                }
            }
            for (name, value) in &group.set {
                match self.expander.text(&value.0, &part.scope) {
                    Ok(text) => set(name.as_str(), text, part.origin()),
                    Err(error) => {
                        self.bad_expression(place.join("set").join(name.as_str()), &value.0, &error)
                    }
                }
            }
        }
        let table = self.kinds.table(&format!("{}.variables", part.kind.kind));
        for (name, value) in part.draft.service.env.iter().filter(|_| part.as_written()) {
            let place = at(["services", part.draft.name, "env", name.as_str()]);
            let origin = Origin::Manifest(place.clone());
            match (&value.value, &value.secret) {
                (Some(value), None) => match self.expander.text(&value.0, &part.scope) {
                    Ok(text) => {
                        for piece in &text.0 {
                            if let Piece::SecretFile(name) = piece {
                                add_once(secret_files, name.clone());
                            }
                        }
                        set(name.as_str(), text, origin);
                    }
                    Err(error) => self.bad_expression(place, &value.0, &error),
                },
                (None, Some(secret)) => {
                    // A file is visible to the program alone; a variable also to `docker inspect`.
                    let by_file = table
                        .as_ref()
                        .is_some_and(|t| matches!(t.find(name.as_str()), Lookup::Known(row) if row.file));
                    if by_file {
                        add_once(secret_files, secret.to_string());
                        let text = Text(vec![Piece::SecretFile(secret.to_string())]);
                        set(&format!("{name}_FILE"), text, origin);
                    } else {
                        set(name.as_str(), Text(vec![Piece::Secret(secret.to_string())]), origin);
                    }
                }
                _ => self.out.push(
                    Finding::error("schema-mismatch", place, "expected either `value` or `secret`")
                        .help("write the value itself, or { secret: NAME }"),
                ),
            }
        }
        env
    }

    pub(super) fn files(&mut self, part: &Part<'_, '_>) -> Vec<File> {
        let mut files = Vec::new();
        for file in &part.container.files {
            let place = in_kind(part.kind.kind.as_str(), &["service", "files"]);
            match file.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &part.scope)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.bad_expression(place, file.when.as_deref().unwrap_or(""), &error);
                    continue;
                }
            }
            files.push(File {
                name: file.name.0.clone(),
                template: file.template.0.clone(),
                template_text: self.kinds.template(&file.template.0),
                executable: file.executable,
            });
        }
        files
    }

    /// The keys of the product's configuration file: the kind's groups that hold, with the manifest's over them.
    pub(super) fn settings(&mut self, part: &Part<'_, '_>) -> Vec<SettingGroup> {
        let mut groups: Vec<SettingGroup> = Vec::new();
        let written = &part.draft.service.settings;
        let mut left: Vec<&String> = written.keys().collect();
        self.check_case(part);
        for group in &part.container.settings {
            let place = in_kind(part.kind.kind.as_str(), &["service", "settings"]);
            match group.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &part.scope)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.bad_expression(place, group.when.as_deref().unwrap_or(""), &error);
                    continue;
                }
            }
            let mut settings = Vec::new();
            for (name, value) in &group.set {
                left.retain(|key| *key != name);
                settings.extend(self.setting(part, name, written.get(name), Some(value)));
            }
            groups.push(SettingGroup { about: group.about.to_string(), settings });
        }
        let own: Vec<_> =
            left.into_iter().filter_map(|name| self.setting(part, name, written.get(name), None)).collect();
        if !own.is_empty() {
            groups.push(SettingGroup { about: "From the manifest".into(), settings: own });
        }
        groups
    }

    /// Keys that differ in case only are one key to the readers of most configuration files, and a fatal fault there.
    fn check_case(&mut self, part: &Part<'_, '_>) {
        let of_kind = part.container.settings.iter().flat_map(|g| g.set.keys());
        let mut seen: std::collections::HashMap<String, &String> =
            of_kind.map(|key| (key.to_lowercase(), key)).collect();
        for key in part.draft.service.settings.keys() {
            if let Some(other) = seen.insert(key.to_lowercase(), key).filter(|other| *other != key) {
                let place = at(["services", part.draft.name, "settings", key.as_str()]).on_key();
                let message = format!("{} is the same key as `{other}`", crate::scalar::shown(key));
                self.out.push(
                    Finding::error("duplicate-key", place, message).help("write it once, in the latter form"),
                );
            }
        }
    }

    fn setting(
        &mut self,
        part: &Part<'_, '_>,
        name: &str,
        written: Option<&Raw>,
        of_kind: Option<&Raw>,
    ) -> Option<Setting> {
        let place = at(["services", part.draft.name, "settings", name]);
        let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !name_ok {
            let message =
                format!("expected a name of letters, digits and `_`, found {}", crate::scalar::shown(name));
            self.out.push(Finding::error("schema-mismatch", place.on_key(), message));
            return None;
        }
        let (raw, origin) = match (written, of_kind) {
            (Some(raw), _) => (raw, Origin::Manifest(place.clone())),
            (None, Some(raw)) => (raw, part.origin()),
            (None, None) => return None,
        };
        match self.expander.text(&raw.0, &part.scope).map(|t| t.plain()) {
            Ok(Some(value)) => Some(Setting { name: name.to_string(), value, origin }),
            Ok(None) => {
                self.bad_expression(place, &raw.0, "a secret cannot stand in this file");
                None
            }
            Err(error) => {
                self.bad_expression(place, &raw.0, &error);
                None
            }
        }
    }
}

/// The secret a value is, or those in a list.
fn secrets_in(value: &Value) -> Result<Vec<String>, String> {
    if let Some(secret) = value.downcast_object_ref::<Secret>() {
        return Ok(vec![secret.0.clone()]);
    }
    let items = value.try_iter().map_err(|_| "expected a secret or a list of them".to_string())?;
    items
        .map(|item| {
            item.downcast_object_ref::<Secret>()
                .map(|s| s.0.clone())
                .ok_or("expected a list of secrets".to_string())
        })
        .collect()
}

fn add_once(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}
