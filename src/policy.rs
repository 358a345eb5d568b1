//! What a team asks of all its stacks: how bad the findings of each rule are, and rules of its own, as data.
//!
//! Read from `stackgen-policy.yaml` at the root of a repository. Its expressions see the model and nothing else, and no
//! value that may be a secret; each may do a bounded amount of work.

pub mod view;

use std::collections::HashSet;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::expr::{Expander, Fault};
use crate::finding::{Document, Finding, Fix, Level, Path, Place, intern};
use crate::format::{decode, read, tree::Tree};
use crate::manifest::{FormatVersion, short};
use crate::rules::{self, Check, RULES};
use crate::scalar::{Line, Name};
use crate::stack::Stack;
use crate::text::{SourceId, Sources, Span, is_slip, nearest, one_of};

/// Findings that one rule may have in one stack: what is wrong everywhere needs no longer list.
const MOST: usize = 1000;

/// What a team asks of all its stacks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct PolicyFile {
    /// Version of the format; always 1.
    pub stackgen: FormatVersion,
    /// How bad the findings of a rule are, by its name or id.
    #[serde(default)]
    pub severity: IndexMap<String, Severity>,
    /// Rules of the team.
    #[serde(default)]
    pub rules: Vec<TeamRule>,
}

/// How bad the findings of a rule are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Severity|level")]
#[schemars(rename = "Severity", transform = |s: &mut Schema| short(s, "level"))]
pub struct Severity {
    /// How bad, or `ignore`.
    pub level: SeverityLevel,
    /// Why; needed with `ignore`.
    pub reason: Option<Line>,
}

/// How bad a finding is. Not `off`, which is a boolean to half of the readers of YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityLevel {
    /// Nothing is built while one of these stands.
    Error,
    /// Built, but somebody will regret it.
    Warning,
    /// Worth knowing; does not change the exit status.
    Info,
    /// Not said.
    Ignore,
}

impl SeverityLevel {
    fn level(self) -> Option<Level> {
        match self {
            SeverityLevel::Error => Some(Level::Error),
            SeverityLevel::Warning => Some(Level::Warning),
            SeverityLevel::Info => Some(Level::Info),
            SeverityLevel::Ignore => None,
        }
    }
}

/// A rule of the team: what must hold for each thing of a kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct TeamRule {
    /// Name, as findings and `allow` have it.
    pub name: Name,
    /// How bad its findings are. Default: warning.
    pub level: Option<SeverityLevel>,
    /// What it looks at, one by one; expressions call it by this word.
    pub each: Each,
    /// Which of them: an expression, such as `service.kind == "odoo"`. Default: all.
    #[serde(rename = "where")]
    pub only: Option<Line>,
    /// What must hold: an expression, such as `service.memory and service.memory >= gib(2)`.
    pub require: Line,
    /// What is said where it does not hold; may hold `{{ expressions }}`.
    pub message: Line,
    /// What to do; may hold `{{ expressions }}`.
    pub help: Option<Line>,
    /// The key below the thing that findings point at: `memory`. Default: the thing.
    pub at: Option<Line>,
    /// Why the team wants it; shown by `stackgen explain`.
    pub about: Option<String>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// The whole stack.
    Stack,
    /// A container.
    Service,
    /// A public name; `service` is what answers it.
    Site,
    /// A route; `site` is the one it belongs to.
    Route,
    /// A port published on the server; `service` is whose.
    Port,
    /// A volume.
    Volume,
    /// A database server.
    Database,
    /// A secret: a name, never a value.
    Secret,
    /// A certificate.
    Certificate,
}

impl Each {
    /// The word expressions call it by.
    pub fn word(self) -> &'static str {
        match self {
            Each::Stack => "stack",
            Each::Service => "service",
            Each::Site => "site",
            Each::Route => "route",
            Each::Port => "port",
            Each::Volume => "volume",
            Each::Database => "database",
            Each::Secret => "secret",
            Each::Certificate => "certificate",
        }
    }

    /// What else they may name.
    fn beside(self) -> &'static [&'static str] {
        match self {
            Each::Stack => &[],
            Each::Site | Each::Port => &["service", "stack"],
            Each::Route => &["site", "service", "stack"],
            _ => &["stack"],
        }
    }
}

/// A policy that can be used.
pub struct Policy {
    file: PolicyFile,
    /// The rules that can be evaluated, by position.
    sound: Vec<usize>,
}

/// What it takes to judge the expressions of a policy.
struct Judge<'a> {
    source: SourceId,
    tree: &'a Tree,
    sources: &'a Sources,
    expander: Expander,
}

impl Policy {
    /// Reads a policy and tells what is wrong with it.
    pub fn read(source: SourceId, sources: &Sources, out: &mut Vec<Finding>) -> (Option<Self>, Option<Tree>) {
        let text = sources.get(source);
        let Some(tree) = read(&text.path, source, &text.text, out) else { return (None, None) };
        let root = tree.root();
        let file: Option<PolicyFile> = decode::decode(&tree, root, Document::Policy, Path::default(), out);
        let Some(file) = file else { return (None, Some(tree)) };
        let mut policy = Self { file, sound: Vec::new() };
        policy.judge_levels(&tree, out);
        let judge = Judge { source, tree: &tree, sources, expander: Expander::default() };
        let mut seen = HashSet::new();
        for (i, rule) in policy.file.rules.iter().enumerate() {
            let place = at(["rules"]).join(i);
            let before = out.len();
            let name = rule.name.as_str();
            if rules::find(name).is_some() || !seen.insert(name) {
                let message = format!("there is already a rule `{name}`");
                out.push(
                    Finding::error("duplicate-key", place.join("name"), message)
                        .help("give it a name of its own"),
                );
            }
            if rule.level == Some(SeverityLevel::Ignore) {
                let message = "expected error, warning or info, found ignore";
                out.push(
                    Finding::error("schema-mismatch", place.join("level"), message).help("remove the rule"),
                );
            }
            if rule.at.as_ref().is_some_and(|at| rules::path(at.as_str()).is_none()) {
                let message = "expected a path such as `memory` or `hardening.read_only`";
                out.push(Finding::error("schema-mismatch", place.join("at"), message).help("correct it"));
            }
            let expressions = [("where", rule.only.as_ref()), ("require", Some(&rule.require))];
            for (key, text) in expressions.into_iter().filter_map(|(k, t)| Some((k, t?.as_str()))) {
                judge.judge(rule.each, text, 0, &place.join(key), out);
            }
            let texts = [("message", Some(&rule.message)), ("help", rule.help.as_ref())];
            for (key, text) in texts.into_iter().filter_map(|(k, t)| Some((k, t?.as_str()))) {
                let mut from = 0;
                while let Some(start) = text[from..].find("{{").map(|i| from + i + 2) {
                    let end = text[start..].find("}}").map_or(text.len(), |i| start + i);
                    judge.judge(rule.each, &text[start..end], start, &place.join(key), out);
                    from = end;
                }
            }
            if out.len() == before {
                policy.sound.push(i);
            }
        }
        (Some(policy), Some(tree))
    }

    /// Names of the team's rules.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.file.rules.iter().map(|r| r.name.as_str())
    }

    /// The rule of that name.
    pub fn rule(&self, name: &str) -> Option<&TeamRule> {
        self.file.rules.iter().find(|r| r.name.as_str() == name)
    }

    fn judge_levels(&mut self, tree: &Tree, out: &mut Vec<Finding>) {
        let mut seen = HashSet::new();
        self.file.severity.retain(|name, severity| {
            let place = at(["severity"]).join(name.as_str());
            let Some(rule) = rules::find(name) else {
                let known = || RULES.iter().flat_map(|r| [r.name, r.id]);
                let near = nearest(name, known());
                let own = self.file.rules.iter().any(|r| r.name.as_str() == name);
                let help = match near {
                    _ if own => "set `level` of the rule itself".to_string(),
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`stackgen explain` lists the rules".to_string(),
                };
                let fix = near.filter(|_| !own).map(|near| {
                    Fix::new(is_slip(name, known()), format!("write `{near}`")).rename(place.on_key(), near)
                });
                let message = format!("there is no rule {}", crate::text::shown(name));
                out.push(Finding::error("unknown-rule-id", place.on_key(), message).help(help).fix(fix));
                return false;
            };
            let found = tree.find(&Path(vec!["severity".into(), name.into(), "level".into()]));
            let level = if found.exact { place.join("level") } else { place.clone() };
            if matches!(rule.check, Check::Earlier)
                && rule.level == Level::Error
                && severity.level != SeverityLevel::Error
            {
                let message = format!("expected error: nothing can be made of what `{}` finds", rule.name);
                out.push(Finding::error("schema-mismatch", level, message).help("remove this line"));
                return false;
            }
            let reason = severity.reason.as_ref().map(Line::as_str);
            if severity.level == SeverityLevel::Ignore && reason.is_none_or(rules::no_reason) {
                let (place, found) = match reason {
                    Some(reason) => (place.join("reason"), crate::text::shown(reason)),
                    None => (level, "nothing".to_string()),
                };
                let message = format!("expected why `{}` is ignored, found {found}", rule.name);
                out.push(Finding::error("suppression-without-reason", place, message).help(
                    "write `{ level: ignore, reason: ... }` and say what makes its findings harmless here",
                ));
                return false;
            }
            if !seen.insert(rule.name) {
                let message = format!("the level of `{}` is set twice, by name and by id", rule.name);
                out.push(
                    Finding::error("duplicate-key", place.on_key(), message).help("remove one of the two"),
                );
                return false;
            }
            true
        });
    }

    /// Runs the team's rules.
    pub fn check(&self, stack: &Stack, out: &mut Vec<Finding>) {
        if self.sound.is_empty() {
            return;
        }
        let (things, expander) = (view::Things::new(stack), Expander::default());
        for i in &self.sound {
            let Some(rule) = self.file.rules.get(*i) else { continue };
            if let Err((key, error)) = Self::run(rule, &things, &expander, out) {
                let message = format!("the expression cannot be evaluated: {error}");
                let help = format!("test what may be missing first: `{0}.x and {0}.x > 1`", rule.each.word());
                out.push(
                    Finding::error("schema-mismatch", at(["rules"]).join(*i).join(key), message).help(help),
                );
            }
        }
    }

    /// Runs one rule; the error names the key whose expression is at fault.
    fn run(
        rule: &TeamRule,
        things: &view::Things,
        expander: &Expander,
        out: &mut Vec<Finding>,
    ) -> Result<(), (&'static str, String)> {
        let level = rule.level.and_then(SeverityLevel::level).unwrap_or(Level::Warning);
        let mut found = 0;
        for (place, scope) in things.each(rule.each) {
            let holds =
                |key: &'static str, text: &Line| expander.holds(text.as_str(), &scope).map_err(|e| (key, e));
            if let Some(only) = &rule.only
                && !holds("where", only)?
            {
                continue;
            }
            if holds("require", &rule.require)? {
                continue;
            }
            let fill = |key: &'static str, text: &Line| {
                expander.text(text.as_str(), &scope).map(|t| t.to_string()).map_err(|e| (key, e))
            };
            let steps = rule.at.as_ref().and_then(|at| rules::path(at.as_str()));
            let place = match steps {
                Some(path) => path.0.into_iter().fold(place, |place, step| place.join(step)),
                None => place.on_key(),
            };
            let mut finding =
                Finding::new(level, intern(rule.name.as_str()), place, fill("message", &rule.message)?);
            if let Some(help) = &rule.help {
                finding = finding.help(fill("help", help)?);
            }
            out.push(finding);
            found += 1;
            if found == MOST {
                break;
            }
        }
        Ok(())
    }

    /// Gives findings the levels that the team wants, and drops those it does not want.
    pub fn set_levels(&self, findings: &mut Vec<Finding>) {
        let wanted: Vec<_> = self
            .file
            .severity
            .iter()
            .filter_map(|(name, severity)| Some((rules::find(name)?.name, severity.level.level())))
            .collect();
        findings.retain_mut(|finding| {
            match wanted.iter().find(|(name, _)| *name == finding.rule) {
                Some((_, Some(level))) => finding.level = *level,
                Some((_, None)) => return false,
                None => {}
            }
            true
        });
    }
}

impl Judge<'_> {
    /// Tells what is wrong with an expression that stands `offset` bytes into a value.
    fn judge(&self, each: Each, expression: &str, offset: usize, place: &Place, out: &mut Vec<Finding>) {
        let lead = offset + expression.len() - expression.trim_start().len();
        let mut say = |range: Option<std::ops::Range<usize>>, message: String, help: String| {
            let range = range.map(|r| lead + r.start..lead + r.end);
            let place = self.exact(place, range).unwrap_or_else(|| place.clone());
            out.push(Finding::error("schema-mismatch", place, message).help(help));
        };
        let names = match self.expander.names(expression) {
            Ok(names) => names,
            Err(Fault { message, range }) => {
                let message = format!("the expression cannot be read: {message}");
                return say(range, message, format!("expressions know {}", words(each)));
            }
        };
        for name in names {
            if let Err((wrong, known)) = view::find(each, &name) {
                let at = expression.trim_start().find(&name);
                let range = at.map(|at| at + name.len() - wrong.len()..at + name.len());
                let parent = name[..name.len() - wrong.len()].trim_end_matches('.');
                let what = if parent.is_empty() { String::new() } else { format!(" of `{parent}`") };
                let message = format!("expected a known name{what}, found `{wrong}`");
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let help = match nearest(&wrong, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known: {}", one_of(known)),
                };
                say(range, message, help);
            }
        }
    }

    /// The very bytes of a value that a range means, where the value is written as it reads.
    fn exact(&self, place: &Place, range: Option<std::ops::Range<usize>>) -> Option<Place> {
        let (Place::At { path, .. }, Some(range)) = (place, range) else { return None };
        let span = self.tree.find(path).value;
        let written = self.sources.slice(span);
        let quote = usize::from(written.starts_with(['"', '\'']));
        let inner = written.get(quote..written.len().checked_sub(quote)?)?;
        let plain = !inner.contains(['\\', '\n']) && !inner.contains("''");
        let start = span.start as usize + quote;
        let end = (start + range.end).min(span.end as usize - quote);
        (plain && start + range.start < end)
            .then(|| Place::Text(Span::new(self.source, start + range.start, end)))
    }
}

fn at<const N: usize>(steps: [&str; N]) -> Place {
    Place::value(Document::Policy, Path(steps.into_iter().map(Into::into).collect()))
}

/// What an expression may name.
fn words(each: Each) -> String {
    std::iter::once(each.word()).chain(each.beside().iter().copied()).collect::<Vec<_>>().join(", ")
}
