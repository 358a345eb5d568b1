//! What a team decides for all its stacks: `stackgen.yaml` (or .toml) at the root of a repository.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::{Document, Finding, Level, Path, Place, Step};
use crate::format::{decode, read, tree::Tree};
use crate::manifest::{FormatVersion, Map};
use crate::rules::{self, RULES};
use crate::scalar::Line;
use crate::text::{SourceId, Sources, nearest, shown};

/// What the file is called.
pub const FILES: [&str; 2] = ["stackgen.yaml", "stackgen.toml"];

/// What a team decides for all the stacks of a repository.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct PolicyFile {
    /// Version of the format; always 1.
    #[allow(dead_code, reason = "checked when it is read")]
    pub stackgen: FormatVersion,
    /// How bad the findings of a rule are here, by name or id of the rule.
    #[serde(default)]
    pub rules: Map<String, Ruling>,
}

/// How bad the findings of a rule are here.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Ruling {
    /// Level of all its findings; `none` drops them.
    pub level: RuleLevel,
    /// Why.
    pub reason: Line,
}

/// A level that a team can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// Nothing is built while one of these stands.
    Error,
    /// Built, but somebody will regret it.
    Warning,
    /// Worth knowing; does not change the exit status.
    Info,
    /// Not told at all.
    None,
}

/// Levels by rule; cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Policy(Arc<HashMap<&'static str, Option<Level>>>);

impl Policy {
    /// Sets the levels of findings, and drops those of rules without one. What keeps a manifest from being read stays
    /// an error.
    pub fn apply(&self, findings: &mut Vec<Finding>) {
        if self.0.is_empty() {
            return;
        }
        findings.retain_mut(|finding| {
            let Some(level) = self.0.get(finding.rule) else { return true };
            if rules::is_final(finding) {
                return true;
            }
            finding.level = level.unwrap_or(finding.level);
            level.is_some()
        });
    }
}

/// Reads a policy; what is wrong with it is in `out`, at places of [`Document::Policy`] in the tree.
pub fn parse(id: SourceId, sources: &Sources, out: &mut Vec<Finding>) -> (Policy, Option<Tree>) {
    let source = sources.get(id);
    let Some(tree) = read(&source.path, id, &source.text, out) else { return (Policy::default(), None) };
    let file: Option<PolicyFile> = decode::decode(&tree, tree.root(), Document::Policy, Path::default(), out);
    let mut levels = HashMap::new();
    for (name, ruling) in file.iter().flat_map(|f| &f.rules) {
        let place = Place::value(Document::Policy, Path(vec![Step::from("rules"), Step::from(name)]));
        let Some(rule) = rules::find(name) else {
            let finding = Finding::error(
                "unknown-rule-id",
                place.on_key(),
                format!("there is no rule {}", shown(name)),
            );
            out.push(match nearest(name, RULES.iter().flat_map(|r| [r.name, r.id])) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("see `stackgen explain`, or the name or id that a finding shows"),
            });
            continue;
        };
        if rules::is_earlier(rule.name) && rule.level == Level::Error {
            let message =
                format!("the level of `{}` cannot be set: nothing can be made of such a manifest", rule.name);
            out.push(
                Finding::warning("unused-suppression", place.on_key(), message).help("remove this entry"),
            );
            continue;
        }
        if rules::no_reason(&ruling.reason.to_string()) {
            let message = format!(
                "expected why the level of `{}` is set, found {}",
                rule.name,
                shown(&ruling.reason.to_string())
            );
            out.push(
                Finding::warning("suppression-without-reason", place.join("reason"), message)
                    .help("say what makes it so here, for whoever reads this next"),
            );
        }
        let level = match ruling.level {
            RuleLevel::Error => Some(Level::Error),
            RuleLevel::Warning => Some(Level::Warning),
            RuleLevel::Info => Some(Level::Info),
            RuleLevel::None => None,
        };
        if levels.insert(rule.name, level).is_some() {
            let message = format!("the level of `{}` is set twice, by name and by id", rule.name);
            out.push(Finding::error("duplicate-key", place.on_key(), message).help("remove one of the two"));
        }
    }
    (Policy(Arc::new(levels)), Some(tree))
}
