//! Differences as a comment on a pull request: one line that says it all, then what can be opened, the worst first.

use std::fmt::Write;

use super::{at, count, counts, entry, groups, position, sign, value};
use crate::compile::Compiled;
use crate::diff::{Change, Consequence, Diff, Status};
use crate::outline::Value;
use crate::render::clean;

/// Most bytes; GitHub takes 65,536 characters of a comment.
const MOST: usize = 60_000;

/// Kept free for the end.
const RESERVED: usize = 2_000;

/// Lines of a text that are shown of either side.
const LINES: usize = 20;

/// Everything that differs, or as much of it as there is room for.
pub fn diff(compiled: &Compiled, diff: &Diff) -> String {
    let mut out = String::new();
    head(diff, &mut out);
    let mut end = String::new();
    steps(diff, &mut end);
    // More steps than that nobody reads here.
    let end = if end.len() > MOST / 4 { String::new() } else { end };
    let room = MOST - RESERVED - end.len();
    risks(diff, &mut out, room / 3);
    let (mut shown, mut left) = (0, 0);
    for (subject, changes) in groups(diff) {
        let mut group = String::new();
        let worst = changes.iter().map(|c| c.consequence).max().unwrap_or(Consequence::Nothing);
        let open = if worst >= Consequence::Outage { " open" } else { "" };
        let _ = writeln!(
            group,
            "<details{open}><summary>{} <code>{}</code>: {}, {}</summary>\n",
            subject.kind.word(),
            html(&clean(&subject.name)),
            count(changes.len(), "change"),
            worst.word()
        );
        let mut cut = 0;
        for change in &changes {
            let mut one = String::new();
            self::change(compiled, change, &mut one);
            if out.len() + group.len() + one.len() + 200 > room {
                cut += 1;
            } else {
                group.push_str(&one);
            }
        }
        left += cut;
        if cut == changes.len() {
            continue;
        }
        shown += changes.len() - cut;
        group.push_str("\n</details>\n\n");
        out.push_str(&group);
    }
    if left > 0 {
        let _ = writeln!(
            out,
            "**{left} of {} differences are left out here**; `stackgen diff` shows all.\n",
            shown + left
        );
    }
    out.push_str(&end);
    for source in &diff.sources {
        for fault in source.faults.iter().take(5) {
            let line = format!("> [!WARNING]\n> not seen: {}: {}\n\n", code(&source.source), code(fault));
            if out.len() + line.len() < MOST {
                out.push_str(&line);
            }
        }
    }
    out
}

fn head(diff: &Diff, out: &mut String) {
    let partial = if diff.partial { "; not everything could be seen" } else { "" };
    let _ = if diff.changes.is_empty() {
        let word = if diff.partial { "no difference seen" } else { "in sync" };
        writeln!(out, "### stackgen diff: {} {word}{partial}\n", code(&diff.stack))
    } else {
        writeln!(
            out,
            "### stackgen diff: {} {}: {}{partial}\n",
            code(&diff.stack),
            count(diff.changes.len(), "difference"),
            counts(diff)
        )
    };
}

fn risks(diff: &Diff, out: &mut String, room: usize) {
    let risky: Vec<&Change> =
        diff.changes.iter().filter(|c| c.destructive || c.consequence >= Consequence::Outage).collect();
    let mut said = 0;
    for change in &risky {
        let line = format!(
            "- **{}**: {} {}: {}\n",
            change.consequence.word(),
            change.subject.kind.word(),
            code(&change.subject.name),
            prose(&change.why)
        );
        if out.len() + line.len() > room {
            break;
        }
        out.push_str(&line);
        said += 1;
    }
    if said < risky.len() {
        let _ = writeln!(out, "- and {} more", risky.len() - said);
    }
    if !risky.is_empty() {
        out.push('\n');
    }
}

fn change(compiled: &Compiled, change: &Change, out: &mut String) {
    let _ = write!(out, "- {} {}", code(&sign(change).to_string()), code(&entry(change)));
    let long = |v: &Option<Value>| matches!(v, Some(Value::Plain(t)) if t.contains('\n'));
    let block = long(&change.before) || long(&change.after);
    match (&change.before, &change.after) {
        (Some(a), Some(b)) if !block => {
            let _ = write!(out, ": {} → {}", code(&value(a)), code(&value(b)));
        }
        (Some(one), None) | (None, Some(one)) if !block && *one != Value::Plain(String::new()) => {
            let _ = write!(out, ": {}", code(&value(one)));
        }
        _ => {}
    }
    if let Some(says) = &change.file_says {
        let _ = write!(out, " (the file on the server says {})", code(&value(says)));
    }
    let _ = write!(
        out,
        "<br>{}, **{}**: {}",
        change.status.word(),
        change.consequence.word(),
        prose(&change.why)
    );
    match change.place.as_ref().and_then(|p| position(compiled, p)) {
        Some((path, line, _)) => {
            let _ = write!(out, " ({})", code(&format!("{path}:{line}")));
        }
        None if change.status != Status::Undeclared => out.push_str(" (not in the manifest)"),
        None => {}
    }
    let shown = at(change);
    if !shown.is_empty() {
        let _ = write!(out, "; in {}", code(&shown));
    }
    if !change.affected.is_empty() {
        let names: Vec<String> = change.affected.iter().take(8).map(|a| code(&a.name)).collect();
        let more = change.affected.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(out, "<br>goes down too: {}{more}", names.join(", "));
    }
    if !change.references.is_empty() {
        let names: Vec<String> = change.references.iter().map(|r| code(r)).collect();
        let _ = write!(out, "<br>referred to by: {}", names.join(", "));
    }
    out.push('\n');
    if block {
        let mut lines = String::new();
        for (sign, side) in [('-', &change.before), ('+', &change.after)] {
            let Some(Value::Plain(text)) = side else { continue };
            for line in text.lines().take(LINES) {
                let _ = writeln!(lines, "  {sign} {}", clean(line));
            }
            if text.lines().count() > LINES {
                let _ = writeln!(lines, "  {sign} ... and {} more lines", text.lines().count() - LINES);
            }
        }
        let fence = "`".repeat(longest_run(&lines).max(2) + 1);
        let _ = writeln!(out, "  {fence}diff\n{lines}  {fence}");
    }
}

fn steps(diff: &Diff, out: &mut String) {
    if diff.steps.is_empty() {
        return;
    }
    out.push_str("**To apply**\n\n");
    for (i, step) in diff.steps.iter().enumerate() {
        let covers: Vec<String> = step.covers.iter().take(8).map(|c| code(c)).collect();
        let more = step.covers.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = match &step.command {
            Some(command) => format!("{}: {}", code(command), prose(&step.what)),
            None => prose(&step.what),
        };
        let cost = match step.consequence {
            Consequence::Nothing => String::new(),
            cost => format!(" **[{}]**", cost.word()),
        };
        let _ = writeln!(out, "{}. {what}{cost}: {}{more}", i + 1, covers.join(", "));
    }
    out.push('\n');
}

/// The longest run of backquotes in a text.
fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text from outside as code, out of which no markup, mention or link gets.
fn code(text: &str) -> String {
    let text = clean(text);
    if text.is_empty() {
        return "` `".into();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.starts_with(' ') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text for the inside of an element.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A sentence: what stands in backquotes is code, and the rest means nothing to Markdown.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            out.push_str(&code(part));
            continue;
        }
        let mut before = ' ';
        for c in clean(part).chars() {
            match c {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                // Nobody is called, no issue is named and nothing is linked.
                '@' | '#' => {
                    out.push(c);
                    out.push_str("<!-- -->");
                }
                '/' if before == '/' => out.push_str("<span>/</span>"),
                '.' if before == 'w' => out.push_str("<span>.</span>"),
                '\\' | '*' | '_' | '[' | ']' | '!' | '|' | '~' => {
                    out.push('\\');
                    out.push(c);
                }
                _ => out.push(c),
            }
            before = c;
        }
    }
    out
}
