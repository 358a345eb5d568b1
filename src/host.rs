//! What the stacks of one host take from one another: the rules that need more than one stack.

use std::collections::BTreeMap;

use crate::compile::Compiled;
use crate::finding::Place;
use crate::rules::{Claims, accepts, check_host};

/// Adds what is found across settled stacks of the same host. Each finding is in the later stack, and speaks of the
/// earlier; either may accept it.
pub fn check(stacks: &mut [Compiled], today: Option<&str>) {
    for members in hosts(stacks) {
        let claims: Vec<&Claims> = members.iter().filter_map(|i| stacks[*i].claims.as_ref()).collect();
        let accepted = |stack: usize, rule: &str, place: &Place| {
            claims.get(stack).is_some_and(|c| accepts(&c.allowed, rule, place, today))
        };
        let mut found: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for clash in check_host(&claims) {
            let rule = clash.finding.rule;
            if accepted(clash.stack, rule, &clash.finding.place) || accepted(clash.other, rule, &clash.place)
            {
                continue;
            }
            let (Some(here), Some(there)) = (members.get(clash.stack), members.get(clash.other)) else {
                continue;
            };
            let mut findings = vec![clash.finding];
            if let Some(policy) = &stacks[*here].policy {
                policy.set_levels(&mut findings);
            }
            let both = |f| (f, stacks[*there].lend(&clash.place, clash.text.clone()));
            found.entry(*here).or_default().extend(findings.into_iter().map(both));
        }
        for (here, found) in found {
            stacks[here].adopt(found);
        }
    }
}

/// Positions of the stacks of each host that has several. Stacks that say nothing of their host are on none.
fn hosts(stacks: &[Compiled]) -> Vec<Vec<usize>> {
    // A stack that knows a host by two names makes them one: groups are joined as names are seen.
    let mut group_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, stack) in stacks.iter().enumerate() {
        let names = stack.claims.iter().flat_map(|c| &c.hosts);
        let mut own = vec![i];
        let mut joined = Vec::new();
        for name in names.clone() {
            if let Some(group) = group_of.get(name.as_str()) {
                own.append(&mut groups[*group]);
                joined.push(*group);
            }
        }
        let new = groups.len();
        for group in group_of.values_mut().filter(|g| joined.contains(g)) {
            *group = new;
        }
        group_of.extend(names.map(|name| (name.as_str(), new)));
        own.sort_unstable();
        groups.push(own);
    }
    groups.retain(|g| g.len() > 1);
    groups.sort();
    groups
}
