//! Files of the kinds: odoo.conf, superset_config.py, start scripts; each from the template its kind names.

use minijinja::{Value, context};

use super::{Artifact, header, template};
use crate::expr;
use crate::finding::Finding;
use crate::format::ini;
use crate::stack::{Origin, Service, Stack};

/// Writes the files of every service, below a directory of its name.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    for service in stack.services.iter().filter(|s| !s.files.is_empty()) {
        let context = context(stack, service, out);
        for file in &service.files {
            let rendered = match &file.template_text {
                Some(text) => template::render_text(&file.template, text, context.clone()),
                None => template::render(&file.template, context.clone()),
            };
            match rendered {
                Ok(text) => artifacts.push(Artifact {
                    path: format!("{}/{}", service.name, file.name),
                    text,
                    executable: file.executable,
                }),
                Err(error) => {
                    let message = format!("`{}/{}` cannot be written: {error}", service.name, file.name);
                    out.push(Finding::error("unwritable-value", service.place.clone(), message));
                }
            }
        }
    }
    artifacts
}

/// What a template may use: everything an expression knows, and the settings.
fn context(stack: &Stack, service: &Service, out: &mut Vec<Finding>) -> Value {
    let mut groups = Vec::new();
    for group in &service.settings {
        let mut settings = Vec::new();
        for setting in &group.settings {
            // Checked here for every syntax alike: a line break would start another setting.
            if let Err(refused) = ini::value(&setting.value) {
                let place = match &setting.origin {
                    Origin::Manifest(place) => place.clone(),
                    Origin::Kind(_) | Origin::Default => service.place.clone(),
                };
                let message = format!("`{}` cannot be written: {refused}", setting.name);
                out.push(
                    Finding::error("unwritable-value", place, message)
                        .help("write the value on one line, without blanks around it"),
                );
                continue;
            }
            settings.push(context! { name => setting.name.as_str(), value => setting.value.as_str() });
        }
        groups.push(context! { about => group.about.as_str(), settings => settings });
    }
    context! {
        header => Value::from_safe_string(header(stack)),
        settings => groups,
        image => service.build.as_ref().and_then(|b| b.base.as_deref()),
        ..expr::scope(&service.facts, &Value::UNDEFINED)
    }
}
