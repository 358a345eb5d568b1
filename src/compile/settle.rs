//! A compiled stack made small, so that a thousand can be held at once and compared.

use std::collections::HashMap;

use super::Compiled;
use crate::finding::{Finding, Place, Related};
use crate::rules::{self, Claims};
use crate::text::Span;

impl Compiled {
    /// Keeps what it takes to show the findings and to compare the stack with others, and drops the rest, so that a
    /// thousand stacks can be held at once.
    pub fn settle(&mut self) {
        self.claims = self.stack.take().filter(|_| self.judged).map(|stack| rules::claims(&stack));
        self.artifacts = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        for finding in &self.findings {
            places.push(finding.place.clone());
            places.extend(finding.related.iter().map(|r| r.place.clone()));
            places.extend(finding.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.place.clone()));
        }
        places.extend(self.claims.iter().flat_map(Claims::places).cloned());
        let places: HashMap<_, _> =
            places.into_iter().map(|p| (p.clone(), (self.span(&p), self.subject(&p)))).collect();
        self.sources.keep(places.values().filter_map(|(span, _)| *span).map(|span| span.source));
        (self.places, self.documents) = (places, HashMap::new());
    }

    /// Adds what was found here and in other settled stacks: each finding with the place it also speaks of.
    pub(crate) fn adopt(&mut self, found: Vec<(Finding, Option<Other>)>) {
        for (mut finding, other) in found {
            if let Some(Other { path, text, span, subject, hidden, label }) = other {
                let known =
                    self.sources.iter().find(|(_, s)| s.path == path && s.text == text).map(|(id, _)| id);
                let source = known.unwrap_or_else(|| {
                    let id = self.sources.add(path, text);
                    self.hidden.extend(hidden.into_iter().map(|span| Span { source: id, ..span }));
                    id
                });
                let place = Place::Text(Span { source, ..span });
                self.places.insert(place.clone(), (Some(Span { source, ..span }), subject));
                finding.related.push(Related { place, text: label });
            }
            self.findings.push(finding);
        }
        self.sort();
    }

    /// A place of this stack for the findings of another.
    pub(crate) fn lend(&self, place: &Place, label: String) -> Option<Other> {
        let span = self.span(place)?;
        let source = self.sources.get(span.source);
        let hidden = self.hidden.iter().filter(|h| h.source == span.source).copied().collect();
        let (path, text) = (source.path.clone(), source.text.clone());
        Some(Other { path, text, span, subject: self.subject(place), hidden, label })
    }
}

/// A place in a text of another stack.
pub(crate) struct Other {
    path: String,
    text: String,
    span: Span,
    subject: String,
    hidden: Vec<Span>,
    label: String,
}
