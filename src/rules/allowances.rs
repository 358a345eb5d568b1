//! Findings that the manifest accepts: drops them, and says which acceptances are no good.

use std::collections::HashMap;

use super::{Check, RULES, find};
use crate::finding::{Document, Finding, Level, Path, Place, Step};
use crate::stack::Allowed;
use crate::text::{nearest, shown};

/// Reasons that give none.
const NO_REASON: &[&str] = &["todo", "tbd", "fixme", "xxx", "none", "n/a", "reason", "because", "ignore"];

/// Drops the findings that the manifest accepts. `today` (`YYYY-MM-DD`) decides what has expired; without it nothing
/// has.
pub fn apply_allowances(allowed: &[Allowed], today: Option<&str>, out: &mut Vec<Finding>) {
    let mut faults = Vec::new();
    let mut by_rule: HashMap<&str, Vec<(usize, Option<Path>)>> = HashMap::new();
    let mut used = vec![true; allowed.len()];
    for (i, entry) in allowed.iter().enumerate() {
        let place = entry.place.join("rule");
        let Some(rule) = find(&entry.rule) else {
            let known = RULES.iter().flat_map(|r| [r.name, r.id]);
            let help = nearest(&entry.rule, known)
                .map_or("`stackgen explain` lists the rules".into(), |near| {
                    format!("did you mean `{near}`?")
                });
            faults.push(
                Finding::error("unknown-rule-id", place, format!("there is no rule {}", shown(&entry.rule)))
                    .help(help),
            );
            continue;
        };
        if no_reason(&entry.reason) {
            let message = format!("expected why `{}` is accepted, found {}", rule.name, shown(&entry.reason));
            faults.push(
                Finding::warning("suppression-without-reason", entry.place.join("reason"), message)
                    .help("say what makes it harmless here, for whoever reads this next"),
            );
        }
        if let (Some(until), Some(today)) = (entry.until.as_deref(), today)
            && until < today
        {
            let message = format!("`{}` was accepted until {until}; today is {today}", rule.name);
            faults.push(
                Finding::error("suppression-expired", entry.place.join("until"), message)
                    .help("mend the fault, or decide anew and move the date"),
            );
            continue;
        }
        if let Check::Earlier = rule.check {
            let message =
                format!("`{}` cannot be accepted: nothing can be made of such a manifest", rule.name);
            faults.push(Finding::warning("unused-suppression", place, message).help("remove this entry"));
            continue;
        }
        // Whether another stack of the host is in the way cannot be known here.
        used[i] = matches!(rule.check, Check::Host(_));
        // What is no path is the path of nothing.
        let at = entry.at.as_deref().map(|text| path(text).unwrap_or_else(|| Path(vec![Step::from(text)])));
        by_rule.entry(rule.name).or_default().push((i, at));
    }
    out.retain(|finding| {
        let mut accepted = false;
        for (i, at) in by_rule.get(finding.rule).into_iter().flatten() {
            if at.as_ref().is_none_or(|at| is_at_or_below(&finding.place, at)) {
                used[*i] = true;
                accepted = true;
            }
        }
        !accepted
    });
    for (entry, _) in allowed.iter().zip(&used).filter(|(_, used)| !**used) {
        let at = entry.at.as_ref().map_or(String::new(), |at| format!(" at {}", shown(at)));
        let message = format!("nothing is found by {}{at}", shown(&entry.rule));
        faults.push(
            Finding::warning("unused-suppression", entry.place.clone(), message)
                .help("remove this entry; left in place it would hide the next fault"),
        );
    }
    debug_assert!(faults.iter().all(|f| f.level != Level::Info));
    out.extend(faults);
}

/// Whether a manifest accepts what this rule finds at a place of it.
pub fn accepts(allowed: &[Allowed], rule: &str, place: &Place, today: Option<&str>) -> bool {
    allowed.iter().any(|entry| {
        find(&entry.rule).is_some_and(|r| r.name == rule)
            && !expired(entry, today)
            && entry.at.as_deref().is_none_or(|at| path(at).is_some_and(|at| is_at_or_below(place, &at)))
    })
}

fn expired(entry: &Allowed, today: Option<&str>) -> bool {
    matches!((entry.until.as_deref(), today), (Some(until), Some(today)) if until < today)
}

/// Whether a reason says nothing.
pub(crate) fn no_reason(reason: &str) -> bool {
    let reason = reason.trim().to_lowercase();
    reason.chars().filter(|c| c.is_alphanumeric()).count() < 3 || NO_REASON.contains(&reason.as_str())
}

fn is_at_or_below(place: &Place, at: &Path) -> bool {
    matches!(place, Place::At { document: Document::Manifest, path, .. } if path.0.starts_with(&at.0))
}

/// Reads a path as it is shown: `services.odoo.routes[0]`, with odd keys in quotes.
fn path(text: &str) -> Option<Path> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            steps.push(Step::Index(index.parse().ok()?));
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        if let Some(inner) = rest.strip_prefix('"') {
            let mut key = String::new();
            let mut letters = inner.chars();
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => key.push(letters.next()?),
                    letter => key.push(letter),
                }
            }
            steps.push(Step::Key(key));
            rest = letters.as_str();
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::from(&rest[..end]));
            rest = &rest[end..];
        }
    }
    (!steps.is_empty()).then_some(Path(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_as_shown() {
        let paths = [
            Path(vec![Step::from("services"), Step::from("odoo"), Step::from("routes"), Step::Index(0)]),
            Path(vec![Step::from("certificates"), Step::from("a.b\"c\\"), Step::Index(3), Step::from("x")]),
        ];
        for expected in paths {
            assert_eq!(path(&expected.to_string()), Some(expected));
        }
        for fault in ["", "a..b", "a[x]", "\"a", ".a", "a[0"] {
            assert_eq!(path(fault), None, "{fault}");
        }
    }

    #[test]
    fn a_reason_says_something() {
        assert!(no_reason(" TODO ") && no_reason("x") && no_reason("..."));
        assert!(!no_reason("only our office reaches it"));
    }
}
