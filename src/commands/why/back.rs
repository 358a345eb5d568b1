//! The way back: the lines of the output that a line of the manifest made.

use std::fmt::Write;

use super::View;
use crate::finding::{Part, Place};
use crate::origin::{Cause, cause, origin};
use crate::outline::read;
use crate::render::{BOLD, clean};
use crate::text::SourceId;

/// Every line of the output that a line of a source made; nothing when it made none.
pub(super) fn made_by(view: &View<'_>, source: SourceId, line: u32) -> String {
    let mut shown = String::new();
    for artifact in &view.compiled.artifacts {
        let Ok(outline) = read(&artifact.path, &artifact.text) else { continue };
        let mut lines: Vec<u32> = outline
            .entries
            .iter()
            .filter(|(path, _)| !path.0.is_empty())
            .filter(|(path, _)| {
                let from = origin(view.stack, &artifact.path, path).map(|o| cause(view.compiled, &o));
                from.is_some_and(|cause| is_from(view, &cause, source, line as usize))
            })
            .map(|(_, entry)| entry.line)
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let texts: Vec<&str> = artifact.text.lines().collect();
        for number in lines {
            let text = texts.get(number as usize - 1).map(|text| text.trim()).unwrap_or_default();
            let _ = writeln!(shown, "{BOLD}{}:{number}{BOLD:#}: {}", clean(&artifact.path), clean(text));
        }
    }
    shown
}

fn is_from(view: &View<'_>, cause: &Cause, source: SourceId, line: usize) -> bool {
    cause.manifest.iter().chain(&cause.kind).any(|place| {
        lines(view, place).is_some_and(|(found, lines)| found == source && lines.contains(&line))
    })
}

/// The lines that a place takes: those of a value that begins beside its key, else that of the key.
fn lines(view: &View<'_>, place: &Place) -> Option<(SourceId, std::ops::RangeInclusive<usize>)> {
    let Place::At { document, path, part } = place else { return None };
    let found = view.compiled.documents.get(document)?.find(path);
    let of = |span: crate::text::Span| {
        let source = view.compiled.sources.get(span.source);
        let end = (span.end as usize).saturating_sub(1).max(span.start as usize);
        source.position(span.start as usize).line..=source.position(end).line
    };
    let value = of(found.value);
    let key = found.key.map(of);
    let range = match key {
        Some(key) if *part == Part::Key || key.start() != value.start() => key,
        Some(key) => *key.start()..=*value.end(),
        // The item of a list.
        None => *value.start()..=*value.start(),
    };
    Some((found.key.unwrap_or(found.value).source, range))
}
