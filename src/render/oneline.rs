//! One line for each finding, as compilers print it; `docs/problem-matcher.json` reads it.

use std::fmt::Write;

use super::clean;
use super::run::Run;

/// `path:line:column: level[ID] name: message`.
pub fn print(run: &Run) -> String {
    let mut out = String::new();
    for item in run.items() {
        let at = &item.at;
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}:{}: {}[{}] {}: {}",
            clean(&at.path),
            at.start,
            item.finding.level,
            item.id,
            item.finding.rule,
            clean(&item.finding.message)
        );
    }
    out
}
