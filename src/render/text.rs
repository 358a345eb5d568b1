//! Findings for people, as compilers show them.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::Style;

use crate::compile::Compiled;
use crate::finding::{Finding, Level, Place};
use crate::rules;
use crate::text::SourceId;

use super::snippet::{Mark, Shown};
use super::{BOLD, HELP, clean, count, style};

/// How many findings of each level there were, over all stacks of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// The rest.
    pub infos: usize,
    /// How many have a safe fix.
    pub fixable: usize,
    /// How many have one that somebody has to look at.
    pub unsafe_fixes: usize,
    /// The first rule that `stackgen explain` can say something about.
    pub explained: Option<&'static str>,
}

impl Tally {
    /// Counts the findings of one stack.
    pub fn add(&mut self, findings: &[Finding]) {
        for finding in findings {
            match finding.level {
                Level::Error => self.errors += 1,
                Level::Warning => self.warnings += 1,
                Level::Info => self.infos += 1,
            }
            match &finding.fix {
                Some(fix) if fix.safe => self.fixable += 1,
                Some(_) => self.unsafe_fixes += 1,
                None => {}
            }
            self.explained = self.explained.or_else(|| rules::find(finding.rule).map(|r| r.id));
        }
    }

    /// `2 errors, 1 warning`; empty when there was nothing.
    pub fn words(&self) -> String {
        [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "note")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| count(n, what))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The counts, what can be mended, and where to read more.
    pub fn summary(&self) -> String {
        let mut out = self.words();
        let _ = match (self.fixable, self.unsafe_fixes) {
            (0, 0) => Ok(()),
            (0, n) => write!(out, "; {n} fixable with `stackgen lint --fix --unsafe-fixes`"),
            (n, 0) => write!(out, "; {n} fixable with `stackgen lint --fix`"),
            (n, more) => {
                write!(out, "; {n} fixable with `stackgen lint --fix`, {more} more with `--unsafe-fixes`")
            }
        };
        if let Some(id) = self.explained {
            let _ = write!(out, "; read more with `stackgen explain {id}`");
        }
        out.push('\n');
        out
    }
}

/// Every finding with the lines it speaks of, a blank line after each.
pub fn findings(compiled: &Compiled) -> String {
    let mut view = View { compiled, shown: BTreeMap::new() };
    let mut out = String::new();
    for finding in &compiled.findings {
        view.finding(finding, &mut out);
        out.push('\n');
    }
    out
}

/// How often each rule found something.
pub fn statistics(stacks: &[Compiled]) -> String {
    let counts = super::run::counts(stacks);
    let width = counts.iter().map(|(.., n)| n.to_string().len()).max().unwrap_or_default();
    let mut out = String::new();
    for (level, id, rule, number) in counts {
        let color = style(level);
        let _ = writeln!(out, "{number:>width$} {color}{level}[{id}]{color:#} {rule}");
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The lines of a place, with what stands there; nothing for a place that is not written.
pub fn place(compiled: &Compiled, place: &Place, label: &str) -> String {
    let Some(span) = compiled.span(place) else { return String::new() };
    let source = compiled.sources.get(span.source);
    let shown = Shown::new(source, &secrets(compiled, &source.path));
    shown.draw(Level::Info, &[Mark { range: span.range(), label: label.to_string(), primary: true }])
}

/// Ranges of a file that are not shown.
pub fn secrets(compiled: &Compiled, path: &str) -> Vec<std::ops::Range<usize>> {
    let spans = compiled.hidden.iter().filter(|s| compiled.sources.get(s.source).path == path);
    spans.map(|s| s.range()).collect()
}

/// The texts as they are shown, each made ready once.
struct View<'a> {
    compiled: &'a Compiled,
    shown: BTreeMap<SourceId, Shown<'a>>,
}

impl View<'_> {
    fn finding(&mut self, finding: &Finding, out: &mut String) {
        let level = style(finding.level);
        let name = match rules::find(finding.rule) {
            Some(rule) => format!("{}[{}]", finding.level, rule.id),
            None => finding.level.to_string(),
        };
        let message = clean(&finding.message);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{level}{name}{level:#}{BOLD} {}: {message}{BOLD:#}", finding.rule);
        let primary = (&finding.place, finding.label.as_str(), true);
        let related = finding.related.iter().map(|r| (&r.place, r.text.as_str(), false));
        let mut files: Vec<(SourceId, Vec<Mark>)> = Vec::new();
        let mut nowhere = Vec::new();
        for (place, label, primary) in std::iter::once(primary).chain(related) {
            let Some(span) = self.compiled.span(place) else {
                nowhere.push((place, label));
                continue;
            };
            let mark = Mark { range: span.range(), label: label.to_string(), primary };
            match files.iter_mut().find(|(id, _)| *id == span.source) {
                Some((_, marks)) => marks.push(mark),
                None => files.push((span.source, vec![mark])),
            }
        }
        for (id, marks) in &files {
            let source = self.compiled.sources.get(*id);
            let shown = self
                .shown
                .entry(*id)
                .or_insert_with(|| Shown::new(source, &secrets(self.compiled, &source.path)));
            out.push_str(&shown.draw(finding.level, marks));
        }
        for (place, label) in nowhere {
            let at = match place {
                Place::At { path, .. } => path.to_string(),
                Place::Text(_) => String::new(),
            };
            let words: Vec<&str> = [&at, label].into_iter().filter(|t| !t.is_empty()).collect();
            note(out, HELP, "at", &words.join(": "));
        }
        if let Some(help) = &finding.help {
            note(out, HELP, "help", help);
        }
        if let Some(fix) = &finding.fix {
            let flags = if fix.safe { "--fix" } else { "--fix --unsafe-fixes" };
            note(out, HELP, "fix", &format!("{} ({flags})", fix.title));
        }
    }
}

/// A line below a finding; the further lines of a text stand below its first.
fn note(out: &mut String, style: Style, what: &str, text: &str) {
    let indent = " ".repeat(what.len() + 4);
    for (i, line) in text.lines().enumerate() {
        let line = clean(line);
        let _ = match i {
            0 => writeln!(out, "  {style}{what}:{style:#} {line}"),
            _ => writeln!(out, "{indent}{line}"),
        };
    }
}

/// A failure: what could not be done, and what to do.
pub fn failure(failure: &crate::write::Failure) -> String {
    let mut out = String::new();
    let level = style(Level::Error);
    let _ = writeln!(out, "{level}error{level:#}{BOLD}: {}{BOLD:#}", clean(&failure.message));
    if let Some(help) = &failure.help {
        note(&mut out, HELP, "help", help);
    }
    out
}
