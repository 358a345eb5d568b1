//! Findings that the manifest accepts: drops them, and says which acceptances are no good.

use std::collections::HashMap;

use super::{Check, RULES, find};
use crate::finding::{Document, Finding, Fix, Level, Path, Place, Step};
use crate::stack::Allowed;
use crate::text::{is_slip, nearest, shown};

/// Words that by themselves give no reason: `TODO`, `fix later`, `ignore for now`.
#[rustfmt::skip]
const FILLER: &[&str] = &[
    "a", "accept", "accepted", "be", "because", "before", "do", "false", "fix", "fixed", "fixme", "for", "hack",
    "ignore", "ignored", "in", "is", "issue", "it", "known", "later", "legacy", "n", "na", "no", "none", "not", "now",
    "ok", "okay", "old", "please", "positive", "reason", "skip", "soon", "tbd", "temp", "temporarily", "temporary",
    "the", "this", "to", "tbc", "todo", "until", "warning", "we", "will", "wip", "wontfix", "xxx", "yes",
];

/// Drops the findings that the manifest accepts. `own` are the names of a team's rules,
/// if its policy could be read: else any name may be one. `today` (`YYYY-MM-DD`) decides what has expired; without it nothing
/// has.
pub fn apply_allowances(
    allowed: &[Allowed],
    own: Option<&[&str]>,
    today: Option<&str>,
    out: &mut Vec<Finding>,
) {
    let mut faults = Vec::new();
    let mut by_rule: HashMap<&str, Vec<(usize, Option<Path>)>> = HashMap::new();
    let mut used = vec![true; allowed.len()];
    for (i, entry) in allowed.iter().enumerate() {
        let place = entry.place.join("rule");
        let rule = find(&entry.rule);
        let Some(name) = rule
            .map(|r| r.name)
            .or_else(|| own.unwrap_or_default().iter().copied().find(|n| *n == entry.rule))
        else {
            faults.extend(own.map(|own| unknown(&entry.rule, own, place)));
            continue;
        };
        if no_reason(&entry.reason) {
            let message = format!("expected why `{name}` is accepted, found {}", shown(&entry.reason));
            faults.push(
                Finding::error("suppression-without-reason", entry.place.join("reason"), message)
                    .help("say what makes it harmless here, for whoever reads this next"),
            );
        }
        if let (Some(until), Some(today)) = (entry.until.as_deref(), today)
            && until < today
        {
            let message = format!("`{name}` was accepted until {until}; today is {today}");
            faults.push(
                Finding::error("suppression-expired", entry.place.join("until"), message)
                    .help("mend the fault, or decide anew and move the date")
                    .fix(Fix::risky("remove this entry of `allow`").remove(entry.place.clone())),
            );
            continue;
        }
        if rule.is_some_and(|r| matches!(r.check, Check::Earlier)) {
            let message = format!("`{name}` cannot be accepted: nothing can be made of such a manifest");
            faults.push(
                Finding::warning("unused-suppression", place, message)
                    .help("remove this entry")
                    .fix(Fix::safe("remove this entry of `allow`").remove(entry.place.clone())),
            );
            continue;
        }
        // Whether another stack of the host is in the way cannot be known here.
        used[i] = rule.is_some_and(|r| matches!(r.check, Check::Host(_)));
        // What is no path is the path of nothing.
        let at = entry.at.as_deref().map(|text| path(text).unwrap_or_else(|| Path(vec![Step::from(text)])));
        by_rule.entry(name).or_default().push((i, at));
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
                .help("remove this entry; left in place it would hide the next fault")
                .fix(Fix::safe("remove this entry of `allow`").remove(entry.place.clone())),
        );
    }
    debug_assert!(faults.iter().all(|f| f.level != Level::Info));
    out.extend(faults);
}

/// The finding for a name that no rule has.
fn unknown(name: &str, own: &[&str], place: Place) -> Finding {
    let known = || RULES.iter().flat_map(|r| [r.name, r.id]).chain(own.iter().copied());
    let near = nearest(name, known());
    let help =
        near.map_or("`stackgen explain` lists the rules".into(), |near| format!("did you mean `{near}`?"));
    let fix =
        near.map(|near| Fix::new(is_slip(name, known()), format!("write `{near}`")).set(place.clone(), near));
    Finding::error("unknown-rule-id", place, format!("there is no rule {}", shown(name))).help(help).fix(fix)
}

/// Whether a manifest accepts what this rule finds at a place of it.
pub fn accepts(allowed: &[Allowed], rule: &str, place: &Place, today: Option<&str>) -> bool {
    let expired = |entry: &Allowed| matches!((entry.until.as_deref(), today), (Some(until), Some(today)) if until < today);
    allowed.iter().any(|entry| {
        find(&entry.rule).is_some_and(|r| r.name == rule)
            && !expired(entry)
            && entry.at.as_deref().is_none_or(|at| path(at).is_some_and(|at| is_at_or_below(place, &at)))
    })
}

/// Whether a reason gives none.
pub fn no_reason(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    let words = || reason.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    reason.chars().filter(|c| c.is_alphanumeric()).count() < 3 || words().all(|w| FILLER.contains(&w))
}

fn is_at_or_below(place: &Place, at: &Path) -> bool {
    matches!(place, Place::At { document: Document::Manifest, path, .. } if path.0.starts_with(&at.0))
}

/// Reads a path as it is shown: `services.odoo.routes[0]`, with odd keys in quotes.
pub fn path(text: &str) -> Option<Path> {
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
        for none in
            [" TODO ", "x", "...", "fix later", "N/A", "to be fixed", "Ignore for now.", "known issue"]
        {
            assert!(no_reason(none), "{none}");
        }
        assert!(!no_reason("only our office reaches it"));
    }
}
