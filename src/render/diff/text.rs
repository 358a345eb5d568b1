//! Differences for people: what can lose data first, then thing by thing, then what to do.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::{at, count, counts, entry, groups, position, sign, some, value};
use crate::compile::Compiled;
use crate::diff::{Change, Consequence, Diff, Status, What};
use crate::finding::Level;
use crate::outline::Value;
use crate::render::{BOLD, HELP, clean, style};

/// Most lines of a text that are shown of either side.
const LINES: usize = 12;

const RED: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
const GREEN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
const DIM: Style = Style::new().dimmed();

/// Everything that differs.
pub fn diff(compiled: &Compiled, diff: &Diff) -> String {
    let mut out = String::new();
    risks(compiled, diff, &mut out);
    for (subject, changes) in groups(diff) {
        let _ = writeln!(out, "{BOLD}{} {}{BOLD:#}", subject.kind.word(), clean(&subject.name));
        let mut rest = changes.as_slice();
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|c| alike(first, c)).count().max(1);
            let (block, further) = rest.split_at(alike);
            self::block(compiled, block, &mut out);
            rest = further;
        }
        out.push('\n');
    }
    steps(compiled, diff, &mut out);
    unseen(diff, &mut out);
    out.push_str(&summary(diff));
    out
}

/// Whether two changes have the same to be said of them.
fn alike(a: &Change, b: &Change) -> bool {
    a.status == b.status
        && a.consequence == b.consequence
        && a.why == b.why
        && a.place == b.place
        && a.file == b.file
        && a.affected == b.affected
        && a.references == b.references
}

fn color(consequence: Consequence) -> Style {
    match consequence {
        Consequence::DataLoss | Consequence::Exposure => style(Level::Error),
        Consequence::Outage | Consequence::Recreate | Consequence::Restart => style(Level::Warning),
        Consequence::Certificate | Consequence::Reload => style(Level::Info),
        Consequence::Nothing => DIM,
    }
}

/// One line for each thing that can do harm.
fn risks(compiled: &Compiled, diff: &Diff, out: &mut String) {
    let mut any = false;
    for change in diff.changes.iter().filter(|c| c.destructive || c.consequence >= Consequence::Outage) {
        let c = color(change.consequence);
        let word = if change.destructive && change.consequence != Consequence::DataLoss {
            format!("destructive, {}", change.consequence.word())
        } else {
            change.consequence.word().to_string()
        };
        let place = match change.place.as_ref().and_then(|p| position(compiled, p)) {
            Some((path, line, _)) => format!("{}:{line}", clean(&path)),
            None => "not in the manifest".into(),
        };
        let subject = format!("{} {}", change.subject.kind.word(), clean(&change.subject.name));
        let _ = writeln!(out, "{c}{word}{c:#}{BOLD}: {subject}: {}{BOLD:#} ({place})", clean(&change.why));
        any = true;
    }
    if any {
        out.push('\n');
    }
}

/// Changes of which the same is to be said.
fn block(compiled: &Compiled, changes: &[&Change], out: &mut String) {
    for change in changes {
        line(change, out);
    }
    let Some(first) = changes.first() else { return };
    let c = color(first.consequence);
    let mut says =
        format!("{}, {c}{}{c:#}: {}", first.status.word(), first.consequence.word(), clean(&first.why));
    if first.status != Status::Undeclared {
        match first.place.as_ref().and_then(|p| position(compiled, p)) {
            Some((path, line, column)) => {
                let _ = write!(says, " {DIM}({}:{line}:{column}){DIM:#}", clean(&path));
            }
            None => says.push_str(" (not in the manifest)"),
        }
    }
    let _ = writeln!(out, "      {says}");
    let shown = at(first);
    if !shown.is_empty() {
        let also = if first.running { ", and what runs" } else { "" };
        let _ = writeln!(out, "      {DIM}in {shown}{also}{DIM:#}");
    }
    if !first.references.is_empty() {
        let _ = writeln!(out, "      referred to by:");
        for reference in &first.references {
            let _ = writeln!(out, "        {}", clean(reference));
        }
    }
    if !first.affected.is_empty() {
        let names: Vec<String> = first.affected.iter().map(|a| format!("{} ({})", a.name, a.why)).collect();
        let _ = writeln!(out, "      goes down too: {}", some(&names, 8));
    }
}

/// One entry with its values.
fn line(change: &Change, out: &mut String) {
    let sign = sign(change);
    let entry = entry(change);
    let text = |v: &Option<Value>| match v {
        Some(Value::Plain(t)) => t.contains('\n'),
        _ => false,
    };
    let says = match &change.file_says {
        Some(v) => format!(" {DIM}(the file on the server says {}){DIM:#}", value(v)),
        None => String::new(),
    };
    if text(&change.before) || text(&change.after) {
        let _ = writeln!(out, "  {sign} {entry}{says}");
        for (sign, style, side) in [('-', RED, &change.before), ('+', GREEN, &change.after)] {
            let Some(Value::Plain(text)) = side else { continue };
            for line in text.lines().take(LINES) {
                let _ = writeln!(out, "      {style}{sign} {}{style:#}", clean(line));
            }
            if text.lines().count() > LINES {
                let _ = writeln!(out, "        ... and {} more lines", text.lines().count() - LINES);
            }
        }
        return;
    }
    let empty = |v: &Value| matches!(v, Value::Plain(t) if t.is_empty());
    let _ = match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let (before, after) = inline(&value(before), &value(after));
            let arrow = if change.what == What::State { ", expected" } else { " ->" };
            writeln!(out, "  {sign} {entry}: {before}{arrow} {after}{says}")
        }
        (Some(one), None) | (None, Some(one)) if !empty(one) => {
            writeln!(out, "  {sign} {entry}: {}{says}", value(one))
        }
        _ => writeln!(out, "  {sign} {entry}{says}"),
    };
}

/// Two values with what differs in colour.
fn inline(before: &str, after: &str) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    for change in TextDiff::from_words(before, after).iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                old.push_str(text);
                new.push_str(text);
            }
            ChangeTag::Delete => drop(write!(old, "{RED}{text}{RED:#}")),
            ChangeTag::Insert => drop(write!(new, "{GREEN}{text}{GREEN:#}")),
        }
    }
    (old, new)
}

/// What to do.
fn steps(compiled: &Compiled, diff: &Diff, out: &mut String) {
    if diff.steps.is_empty() {
        return;
    }
    let host = compiled.stack.as_ref().map(|s| &s.host);
    let directory =
        host.and_then(|h| h.directory.as_deref()).map(|d| format!(", in {}", clean(d))).unwrap_or_default();
    let _ = writeln!(out, "{HELP}to apply{HELP:#}{directory}");
    for (i, step) in diff.steps.iter().enumerate() {
        let c = color(step.consequence);
        let cost = if step.consequence == Consequence::Nothing {
            String::new()
        } else {
            format!(" {c}[{}]{c:#}", step.consequence.word())
        };
        let number = i + 1;
        match &step.command {
            Some(command) => {
                let _ = writeln!(out, "{number:>3}. {BOLD}{}{BOLD:#}{cost}", clean(command));
                let _ = writeln!(out, "     {}: {}", clean(&step.what), some(&step.covers, 8));
            }
            None => {
                let _ = writeln!(out, "{number:>3}. {}{cost}", clean(&step.what));
                let _ = writeln!(out, "     {}", some(&step.covers, 8));
            }
        }
    }
    out.push('\n');
}

/// What could not be seen: it may differ or not.
fn unseen(diff: &Diff, out: &mut String) {
    let yellow = style(Level::Warning);
    for source in &diff.sources {
        for fault in &source.faults {
            let _ = writeln!(out, "{yellow}not seen{yellow:#}: {}: {}", clean(&source.source), clean(fault));
        }
    }
}

/// The last line.
pub fn summary(diff: &Diff) -> String {
    let sources: Vec<String> = diff.sources.iter().map(|s| s.source.clone()).collect();
    let against = if sources.is_empty() { String::new() } else { format!(" against {}", some(&sources, 4)) };
    let partial = if diff.partial { "; not everything could be seen" } else { "" };
    if diff.changes.is_empty() {
        let word = if diff.partial { "no difference seen" } else { "in sync" };
        return format!("{word}: {}{against}{partial}\n", clean(&diff.stack));
    }
    let known = diff.changes.iter().any(|c| c.status == Status::Unknown);
    let hint = if known { "; without a stackgen.lock there nobody can say which side moved" } else { "" };
    format!(
        "{}: {}{against}: {}{hint}{partial}\n",
        clean(&diff.stack),
        count(diff.changes.len(), "difference"),
        counts(diff)
    )
}
