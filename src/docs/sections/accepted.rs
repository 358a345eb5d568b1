//! Findings that somebody accepted, and why.

use super::View;
use crate::docs::document::{Line, Section, table};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let rows = view.stack.allowed.iter().map(|a| {
        let at = a.at.as_ref().map_or_else(|| Line::from("everywhere"), |at| Line::new().code(at));
        let until = a.until.clone().unwrap_or_else(|| "no end".into());
        vec![Line::new().code(&a.rule), at, a.reason.clone().into(), until.into()]
    });
    Section::new(
        "Accepted findings",
        table(&["Rule", "Where", "Why", "Until"], rows.collect()).into_iter().collect(),
    )
}
