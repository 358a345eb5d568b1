//! odoo.conf as settings of the service that reads it.

use super::{Entry, Folder, Reader, below};
use crate::finding::{Document, Path, Place, Step};
use crate::format::ini;
use crate::format::tree::{Entry as TreeEntry, Kind as Node, Tree};
use crate::kinds::Kinds;
use crate::stack::{MountSource, Origin, Service, Setting, SettingGroup, Stack};
use crate::text::{SourceId, Span};

/// Where an odoo.conf lies that no container is seen to mount.
const USUAL: &[&str] = &[
    "odoo.conf",
    "config/odoo.conf",
    "conf/odoo.conf",
    "etc/odoo.conf",
    "odoo/odoo.conf",
    "odoo/config/odoo.conf",
];

/// What every supported version of Odoo takes where its file says nothing. Source: `odoo/tools/config.py`.
const DEFAULTS: &[(&str, &str)] = &[
    ("admin_passwd", "admin"),
    ("gevent_port", "8072"),
    ("http_port", "8069"),
    ("limit_memory_soft", "2147483648"),
    ("limit_time_real", "120"),
    ("list_db", "True"),
    ("max_cron_threads", "2"),
    ("proxy_mode", "False"),
    ("workers", "0"),
];
/// Older names that still mean the same.
const ALIASES: &[(&str, &str)] = &[("xmlrpc_port", "http_port"), ("longpolling_port", "gevent_port")];

/// Where an odoo.conf lies by custom.
pub(super) fn candidates(folder: &dyn Folder) -> impl Iterator<Item = &'static str> {
    USUAL.iter().copied().filter(move |p| {
        folder.entry(p) == Entry::File && folder.read(p).is_some_and(|t| t.contains("[options]"))
    })
}

/// The configuration in a directory that is mounted as /etc/odoo.
pub(super) fn in_folder(folder: &dyn Folder, dir: &str) -> Option<String> {
    let exact = below(dir, "odoo.conf")?;
    if folder.entry(&exact) == Entry::File {
        return Some(exact);
    }
    let mut names = folder.list(dir).into_iter().filter(|n| n.ends_with(".conf"));
    let (first, None) = (names.next()?, names.next()) else { return None };
    let path = below(dir, &first)?;
    folder.read(&path).is_some_and(|t| t.contains("[options]")).then_some(path)
}

/// Reads the settings of every Odoo; whether there were any.
pub(super) fn read(reader: &mut Reader<'_>, kinds: &mut Kinds, stack: &mut Stack) -> bool {
    if stack.services.is_empty()
        && let Some(path) = candidates(reader.folder).next()
        && let Some(service) = bare(kinds, reader)
    {
        stack.services.push(service);
        let service = stack.services.last_mut();
        return service.is_some_and(|s| settings(s, path, reader));
    }
    let mut seen = false;
    for service in stack.services.iter_mut().filter(|s| s.kind == "odoo") {
        let mounted = service.mounts.iter().find_map(|m| {
            let MountSource::Host(source) = &m.source else { return None };
            let path = below("", source)?;
            match m.target.trim_end_matches('/') {
                "/etc/odoo" => Some(in_folder(reader.folder, &path)),
                "/etc/odoo/odoo.conf" => Some(Some(path)),
                _ => None,
            }
        });
        let path = match mounted {
            Some(path) => path,
            // One that is copied into an image lies beside its Dockerfile.
            None => candidates(reader.folder).next().filter(|_| service.build.is_some()).map(str::to_string),
        };
        let Some(path) = path else { continue };
        seen |= settings(service, &path, reader);
    }
    seen
}

/// An Odoo of which nothing but its settings is known.
fn bare(kinds: &mut Kinds, reader: &mut Reader<'_>) -> Option<Service> {
    let product = super::products::of_kind("odoo", kinds, reader.sources, reader.out)?;
    Some(super::services::unseen("odoo", &product))
}

fn settings(service: &mut Service, path: &str, reader: &mut Reader<'_>) -> bool {
    let Some((id, text)) = reader.text(path) else { return false };
    let sections = match ini::read(id, &text) {
        Ok(sections) => sections,
        Err(fault) => {
            let end = text[fault.offset..].find('\n').map_or(text.len(), |i| fault.offset + i);
            // A value may be a password.
            let message = fault.message.split(", found").next().unwrap_or_default().to_string();
            reader.fault(
                "schema-mismatch",
                Span::new(id, fault.offset, end),
                message,
                "Odoo does not start with this file",
            );
            return false;
        }
    };
    let Some(options) = sections.iter().find(|s| s.name == "options") else { return false };
    let document = Document::File(reader.folder.shown(path));
    reader.documents.insert(document.clone(), tree(id, &text, options));
    let place =
        |key: &str| Place::value(document.clone(), Path(vec![Step::from("options"), Step::from(key)]));
    let mut list: Vec<Setting> = options
        .entries
        .iter()
        .map(|e| Setting {
            name: e.key.clone(),
            value: e.value.clone(),
            origin: Origin::Manifest(place(&e.key)),
        })
        .collect();
    on_command_line(service, &mut list);
    let mut defaults = Vec::new();
    let major: u16 = service.version.split('.').next().and_then(|v| v.parse().ok()).unwrap_or(0);
    for (old, new) in ALIASES {
        let ignored = *old == "longpolling_port" && major >= 18;
        if let Some(setting) = list.iter().find(|s| s.name == *old)
            && !list.iter().any(|s| s.name == *new)
            && !ignored
        {
            defaults.push(Setting { name: (*new).into(), ..setting.clone() });
        }
    }
    // The environment reaches what it does not set only with an image's own script.
    let own = service.found.as_ref().is_some_and(|f| !f.known);
    let scripted = !service.entrypoint.is_empty()
        || own && service.found.as_ref().is_some_and(|f| !f.env_files.is_empty());
    let known = list.iter().chain(&defaults).map(|s| s.name.clone()).collect::<Vec<_>>();
    let missing = DEFAULTS.iter().filter(|(name, _)| !scripted && !known.iter().any(|k| k == name));
    defaults.extend(missing.map(|(name, value)| Setting {
        name: (*name).to_string(),
        value: (*value).to_string(),
        origin: Origin::Default,
    }));
    if !known.iter().any(|k| k == "data_dir") && !scripted && !own {
        let value = "/var/lib/odoo".to_string();
        defaults.push(Setting { name: "data_dir".into(), value, origin: Origin::Default });
    }
    service.settings = vec![
        SettingGroup { about: "Written".into(), settings: list },
        SettingGroup { about: "Defaults".into(), settings: defaults },
    ];
    // Its files are judged by the setting, which may lead elsewhere.
    if let Some(found) = &mut service.found {
        found.state.clear();
    }
    true
}

/// Options on the command line win over the file.
fn on_command_line(service: &Service, list: &mut Vec<Setting>) {
    let mut words = service.command.iter().peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (option, words.peek().filter(|w| !w.starts_with('-')).map(|w| (*w).clone())),
        };
        let name = match name {
            "no-database-list" => "list_db",
            name => name,
        };
        let value = if name == "list_db" { Some("False".into()) } else { value };
        let name = name.replace('-', "_");
        let origin = Origin::Manifest(service.place.join("command"));
        // Without a value it is a switch that is on.
        let setting = Setting { name: name.clone(), value: value.unwrap_or_else(|| "True".into()), origin };
        list.retain(|s| s.name != name);
        list.push(setting);
    }
}

/// The file as a tree, so that findings have a path in it.
fn tree(id: SourceId, text: &str, options: &ini::Section) -> Tree {
    let mut tree = Tree::default();
    let mut entries = Vec::new();
    for entry in &options.entries {
        let range = entry.span.range();
        let line = text.get(range.clone()).unwrap_or_default();
        let split = line.find(['=', ':']).unwrap_or(line.len());
        let key = line[..split].trim_end();
        let rest = line.get(split + 1..).unwrap_or_default();
        let start = range.end - rest.trim_start().len();
        let value = tree.push(Span::new(id, start, range.end), Node::Str(entry.value.as_str().into()));
        let key_span = Span::new(id, range.start, range.start + key.len());
        entries.push(TreeEntry { key: entry.key.as_str().into(), key_span, value });
    }
    let map = tree.push(options.span, Node::Map(entries.into()));
    let root = vec![TreeEntry { key: "options".into(), key_span: options.span, value: map }];
    let root = tree.push(options.span, Node::Map(root.into()));
    tree.set_root(root);
    tree
}
