//! The rules: one file each. A rule's header is its documentation and its test.
//!
//! A rule sees the stack and nothing else; it cannot fail, and says nothing where it cannot know.

use crate::finding::Finding;
use crate::stack::{Allowed, Stack};

/// A rule.
pub struct Rule {
    /// Short id: `NX003`.
    pub id: &'static str,
    /// Name, as findings carry it.
    pub name: &'static str,
    /// Its whole file; the header is the documentation.
    pub source: &'static str,
    /// What looks for it: a function of the stack, or the stage that finds it by itself.
    pub check: Check,
}

/// Who looks for a fault.
pub enum Check {
    /// This function, given the whole stack.
    Stack(fn(&Stack, &mut Vec<Finding>)),
    /// Reading or resolving, which cannot go on without it.
    Earlier,
}

/// Every rule, by id.
pub const RULES: &[Rule] = &[];

/// The rule of that id or name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.name.eq_ignore_ascii_case(name) || r.id.eq_ignore_ascii_case(name))
}

/// Runs every rule.
pub fn check(stack: &Stack) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in RULES {
        if let Check::Stack(check) = rule.check {
            check(stack, &mut out);
        }
    }
    out
}

/// Drops the findings that the manifest accepts.
pub fn apply_allowances(_allowed: &[Allowed], _out: &mut Vec<Finding>) {}
