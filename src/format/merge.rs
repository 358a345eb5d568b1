//! An overlay laid over a base document, with explicit removal and without silent appending to lists.

use std::collections::HashMap;

use crate::finding::{Finding, Path, Place, Step};
use crate::text::{nearest, one_of};

use super::tree::{Entry, Kind, NodeId, Tree};

/// The key of an overlay that lists what to remove from the base.
pub const REMOVE: &str = "remove";

/// Most known keys that a help lists.
const LISTED: usize = 12;

/// Lays an overlay over a base.
///
/// Maps merge deeply; text, numbers and lists replace what was there whole, and so does `null`. The list `remove`
/// at the top of the overlay names what goes from the base first, so that an overlay can remove and write anew.
/// Every node keeps its place, so places in the result point into the right file.
pub fn merge(base: Tree, overlay: Tree, out: &mut Vec<Finding>) -> Tree {
    let mut tree = base;
    let root = tree.root();
    let laid = tree.absorb(overlay);
    let (laid, remove) = split(&mut tree, laid);
    let cut = match remove {
        Some(list) => {
            let targets = targets(&tree, root, list, out);
            without(&mut tree, root, &targets)
        }
        None => root,
    };
    let merged = lay(&mut tree, cut, laid);
    tree.set_root(merged);
    tree
}

/// The overlay without its `remove`, and the value of that.
fn split(tree: &mut Tree, overlay: NodeId) -> (NodeId, Option<NodeId>) {
    let Some(remove) = tree.get(overlay, REMOVE).map(|e| e.value) else { return (overlay, None) };
    let span = tree.node(overlay).span;
    let rest = tree.entries(overlay).iter().filter(|e| &*e.key != REMOVE).cloned().collect();
    (tree.push(span, Kind::Map(rest)), Some(remove))
}

fn lay(tree: &mut Tree, base: NodeId, overlay: NodeId) -> NodeId {
    let (Kind::Map(below), Kind::Map(above)) = (&tree.node(base).kind, &tree.node(overlay).kind) else {
        return overlay;
    };
    let (mut entries, above) = (below.to_vec(), above.to_vec());
    let known: HashMap<Box<str>, usize> = below.iter().enumerate().map(|(i, e)| (e.key.clone(), i)).collect();
    for entry in above {
        match known.get(&entry.key).and_then(|i| entries.get(*i)).map(|e| e.value) {
            Some(value) => {
                let both = matches!(tree.node(value).kind, Kind::Map(_));
                let merged = lay(tree, value, entry.value);
                let slot = known.get(&entry.key).and_then(|i| entries.get_mut(*i));
                if let Some(slot) = slot {
                    // A merged map stays the base's entry; a replaced value is the overlay's, key and all.
                    let key_span = if both && merged != entry.value { slot.key_span } else { entry.key_span };
                    *slot = Entry { value: merged, key_span, key: entry.key };
                }
            }
            None => entries.push(entry),
        }
    }
    let span = tree.node(base).span;
    tree.push(span, Kind::Map(entries.into()))
}

/// A step of a removal: as in a [`Path`], or a list item by its value.
enum Selector {
    Step(Step),
    Value(String),
}

/// Where in the base each item of `remove` points, as positions from the root.
fn targets(tree: &Tree, root: NodeId, list: NodeId, out: &mut Vec<Finding>) -> Vec<Vec<usize>> {
    let fault = |node: NodeId, rule, message: String, help: String| {
        Finding::error(rule, Place::Text(tree.node(node).span), message).help(help)
    };
    if !matches!(tree.node(list).kind, Kind::Seq(_)) {
        let message = "expected a list of paths under `remove`, found something else";
        out.push(fault(list, "schema-mismatch", message.into(), "write `remove: [services.name]`".into()));
    }
    let mut targets = Vec::new();
    for item in tree.items(list) {
        let Kind::Str(text) = &tree.node(*item).kind else {
            let help = "write it as in `services.odoo.env.NAME` or `services.web.aliases[0]`".into();
            out.push(fault(
                *item,
                "schema-mismatch",
                "expected a path as text, found something else".into(),
                help,
            ));
            continue;
        };
        match parse(text) {
            Ok(path) => match locate(tree, root, &path) {
                Ok(mut found) => targets.append(&mut found),
                Err(help) => {
                    let message = format!("expected something to remove, found nothing at `{text}`");
                    out.push(fault(*item, "undefined-reference", message, help));
                }
            },
            Err(expected) => {
                let message = format!("expected {expected} in the path, found `{text}`");
                let help =
                    "write it as in `services.odoo.env.NAME`, `services.web.aliases[0]` or `volumes.\"a.b\"`";
                out.push(fault(*item, "schema-mismatch", message, help.into()));
            }
        }
    }
    targets
}

/// All positions a path selects, or the help for one that selects none.
fn locate(tree: &Tree, root: NodeId, path: &[Selector]) -> Result<Vec<Vec<usize>>, String> {
    let mut at: Vec<(NodeId, Vec<usize>)> = vec![(root, Vec::new())];
    let mut walked = Path::default();
    for selector in path {
        let mut next = Vec::new();
        for (node, positions) in &at {
            let step = |i: usize, value: NodeId| (value, [positions.as_slice(), &[i]].concat());
            match selector {
                Selector::Step(Step::Key(key)) => next.extend(
                    tree.entries(*node)
                        .iter()
                        .enumerate()
                        .filter(|(_, e)| *e.key == **key)
                        .map(|(i, e)| step(i, e.value)),
                ),
                Selector::Step(Step::Index(index)) => {
                    next.extend(tree.items(*node).get(*index).map(|v| step(*index, *v)))
                }
                Selector::Value(value) => next.extend(
                    tree.items(*node)
                        .iter()
                        .enumerate()
                        .filter(|(_, v)| tree.raw(**v).is_some_and(|raw| raw == **value))
                        .map(|(i, v)| step(i, *v)),
                ),
            }
        }
        if next.is_empty() {
            return Err(hint(tree, at.first().map_or(root, |(node, _)| *node), &walked, selector));
        }
        match selector {
            Selector::Step(step) => walked.0.push(step.clone()),
            // Several items may have the value; what lies in the first of them is shown.
            Selector::Value(_) => {
                walked.0.extend(next.first().and_then(|(_, p)| p.last()).map(|i| Step::Index(*i)))
            }
        }
        at = next;
    }
    Ok(at.into_iter().map(|(_, positions)| positions).collect())
}

/// What there is instead of what a selector looked for in a node.
fn hint(tree: &Tree, node: NodeId, walked: &Path, selector: &Selector) -> String {
    let place = if walked.0.is_empty() { "the base".to_string() } else { format!("`{walked}`") };
    let quoted = |words: Vec<String>| one_of(words.iter().take(LISTED).map(String::as_str));
    match (&tree.node(node).kind, selector) {
        (Kind::Map(entries), Selector::Step(Step::Key(key))) => {
            match nearest(key, entries.iter().map(|e| &*e.key)) {
                Some(near) => format!("did you mean `{}`?", walked.join(near)),
                None if entries.is_empty() => format!("{place} is empty"),
                None => {
                    let keys = entries.iter().map(|e| format!("`{}`", e.key)).collect();
                    format!("{place} has {}", quoted(keys))
                }
            }
        }
        (Kind::Map(_), _) => format!("{place} is a map; name a key of it"),
        (Kind::Seq(items), Selector::Step(Step::Key(_))) => {
            format!(
                "{place} is a list of {}; name an item as `{walked}[0]` or `{walked}[=value]`",
                items.len()
            )
        }
        (Kind::Seq(items), _) => {
            let values: Vec<_> =
                items.iter().filter_map(|i| tree.raw(*i)).map(|v| format!("`{v}`")).collect();
            if values.is_empty() {
                format!("{place} has {} items", items.len())
            } else {
                format!("{place} has {}", quoted(values))
            }
        }
        _ => format!("{place} is a single value"),
    }
}

/// A copy of a node without what lies at the positions; what is not on the way there is shared with the original.
fn without(tree: &mut Tree, node: NodeId, targets: &[Vec<usize>]) -> NodeId {
    if targets.is_empty() {
        return node;
    }
    // For each child on the way: nothing when it goes, else the positions within it.
    let mut inside: HashMap<usize, Option<Vec<Vec<usize>>>> = HashMap::new();
    for target in targets {
        match target.as_slice() {
            [] => {}
            [last] => {
                inside.insert(*last, None);
            }
            [first, rest @ ..] => {
                if let Some(deeper) = inside.entry(*first).or_insert_with(|| Some(Vec::new())) {
                    deeper.push(rest.to_vec());
                }
            }
        }
    }
    let keep = |tree: &mut Tree, i: usize, value: NodeId| match inside.get(&i) {
        None => Some(value),
        Some(None) => None,
        Some(Some(deeper)) => Some(without(tree, value, deeper)),
    };
    let span = tree.node(node).span;
    let kind = match tree.node(node).kind.clone() {
        Kind::Seq(items) => {
            Kind::Seq(items.iter().enumerate().filter_map(|(i, item)| keep(tree, i, *item)).collect())
        }
        Kind::Map(entries) => {
            let kept = entries.into_iter().enumerate();
            Kind::Map(
                kept.filter_map(|(i, e)| keep(tree, i, e.value).map(|value| Entry { value, ..e })).collect(),
            )
        }
        kind => kind,
    };
    tree.push(span, kind)
}

/// A path as [`Path`] prints it, with `[=value]` besides.
///
/// # Errors
///
/// What was expected where the text is no path.
fn parse(text: &str) -> Result<Vec<Selector>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let value = bracket.strip_prefix('=');
            let (inner, after) = match value {
                Some(value) if value.starts_with('"') => {
                    let (inner, after) = unquote(value)?;
                    (inner, after.strip_prefix(']').ok_or("`]`")?)
                }
                _ => bracket
                    .split_once(']')
                    .map(|(i, a)| (i.trim_start_matches('=').to_string(), a))
                    .ok_or("`]`")?,
            };
            steps.push(match value {
                Some(_) => Selector::Value(inner),
                None => Selector::Step(Step::Index(
                    inner.parse().map_err(|_| "a number or `=value` between `[` and `]`")?,
                )),
            });
            rest = after;
        } else {
            if !steps.is_empty() {
                rest = rest.strip_prefix('.').ok_or("`.` or `[` between two steps")?;
            }
            let (key, after) = if rest.starts_with('"') {
                unquote(rest)?
            } else {
                let end = rest.find(['.', '[', ']', '"']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                (key.to_string(), after)
            };
            if key.is_empty() && !rest.starts_with('"') {
                return Err("a key");
            }
            steps.push(Selector::Step(Step::Key(key)));
            rest = after;
        }
    }
    if steps.is_empty() { Err("at least one key") } else { Ok(steps) }
}

/// The text between quotes and what follows it.
fn unquote(text: &str) -> Result<(String, &str), &'static str> {
    let mut inner = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((inner, text.get(i + 1..).unwrap_or_default())),
            '\\' => inner.push(chars.next().map(|(_, c)| c).ok_or("a closing quote")?),
            c => inner.push(c),
        }
    }
    Err("a closing quote")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::yaml;
    use crate::text::Sources;

    const BASE: &str = "\
a: 1
m:
  x: 1
  l: [1, 2]
  'd.e': 5
  \"q\\\"[\": 6
web:
  aliases: [www.example.com, b, 1.10, c]
t: {k: {z: 1}}
";

    fn merged(overlay: &str) -> (String, Vec<String>) {
        let mut sources = Sources::default();
        let (b, o) = (sources.add("b", BASE), sources.add("o", overlay));
        let mut out = Vec::new();
        let base = yaml::read(b, BASE, &mut out).unwrap();
        let overlay = yaml::read(o, overlay, &mut out).unwrap();
        assert!(out.is_empty(), "{out:?}");
        let tree = merge(base, overlay, &mut out);
        let findings = out
            .iter()
            .map(|f| {
                let Place::Text(span) = f.place else { panic!("{f:?}") };
                let at = sources.get(span.source).position(span.start as usize);
                format!(
                    "{} {at} {} {}; {}",
                    span.source.0,
                    f.rule,
                    f.message,
                    f.help.as_deref().unwrap_or_default()
                )
            })
            .collect();
        (json(&tree, tree.root()), findings)
    }

    fn json(tree: &Tree, node: NodeId) -> String {
        match &tree.node(node).kind {
            Kind::Seq(items) => {
                format!("[{}]", items.iter().map(|i| json(tree, *i)).collect::<Vec<_>>().join(","))
            }
            Kind::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|e| format!("{}:{}", e.key, json(tree, e.value))).collect();
                format!("{{{}}}", entries.join(","))
            }
            _ => tree.raw(node).unwrap_or("null".into()).into_owned(),
        }
    }

    #[test]
    fn overlays() {
        for (overlay, expected) in [
            (
                "m: {x: 2, z: 3}",
                "{a:1,m:{x:2,l:[1,2],d.e:5,q\"[:6,z:3},web:{aliases:[www.example.com,b,1.10,c]},t:{k:{z:1}}}",
            ),
            ("m: 5\nt: ~", "{a:1,m:5,web:{aliases:[www.example.com,b,1.10,c]},t:null}"),
            (
                "m: {l: [9]}\nweb: {}\na: {b: 1}",
                "{a:{b:1},m:{x:1,l:[9],d.e:5,q\"[:6},web:{aliases:[www.example.com,b,1.10,c]},t:{k:{z:1}}}",
            ),
            (
                "remove: [m, 't.k.z', 'web.aliases[0]', 'web.aliases[1]']",
                "{a:1,web:{aliases:[1.10,c]},t:{k:{}}}",
            ),
            ("remove: [m, t]\nm: {x: 7}", "{a:1,web:{aliases:[www.example.com,b,1.10,c]},m:{x:7}}"),
            (
                "remove: ['m.\"d.e\"', 'm.\"q\\\"[\"', 'web.aliases[=www.example.com]', 'web.aliases[=\"1.10\"]', t]",
                "{a:1,m:{x:1,l:[1,2]},web:{aliases:[b,c]}}",
            ),
            ("remove: [m, m.x, web, t]", "{a:1}"),
        ] {
            assert_eq!(merged(overlay), (expected.to_string(), Vec::new()), "{overlay}");
        }
    }

    #[test]
    fn removals_that_remove_nothing() {
        for (overlay, expected) in [
            (
                "remove: m",
                "1 1:9 schema-mismatch expected a list of paths under `remove`, found something else; write `remove: [services.name]`",
            ),
            (
                "remove: [[m]]",
                "1 1:10 schema-mismatch expected a path as text, found something else; write it as in `services.odoo.env.NAME` or `services.web.aliases[0]`",
            ),
            (
                "remove: [wev]",
                "1 1:10 undefined-reference expected something to remove, found nothing at `wev`; did you mean `web`?",
            ),
            (
                "remove: [web.aliasse]",
                "1 1:10 undefined-reference expected something to remove, found nothing at `web.aliasse`; did you mean `web.aliases`?",
            ),
            (
                "remove: [t.k.other]",
                "1 1:10 undefined-reference expected something to remove, found nothing at `t.k.other`; `t.k` has `z`",
            ),
            (
                "remove: [a.b]",
                "1 1:10 undefined-reference expected something to remove, found nothing at `a.b`; `a` is a single value",
            ),
            (
                "remove: ['m.l[2]']",
                "1 1:10 undefined-reference expected something to remove, found nothing at `m.l[2]`; `m.l` has `1` or `2`",
            ),
            (
                "remove: ['m.l.k']",
                "1 1:10 undefined-reference expected something to remove, found nothing at `m.l.k`; `m.l` is a list of 2; name an item as `m.l[0]` or `m.l[=value]`",
            ),
            (
                "remove: ['m[0]']",
                "1 1:10 undefined-reference expected something to remove, found nothing at `m[0]`; `m` is a map; name a key of it",
            ),
        ] {
            assert_eq!(merged(overlay).1, [expected], "{overlay}");
        }
        for (path, expected) in [
            ("", "at least one key"),
            ("m.", "a key"),
            ("m..x", "a key"),
            (".m", "a key"),
            ("m[", "`]`"),
            ("m[x]", "a number or `=value` between `[` and `]`"),
            ("m]", "`.` or `[` between two steps"),
            ("m\"x\"", "`.` or `[` between two steps"),
            ("m.\"x", "a closing quote"),
        ] {
            assert_eq!(parse(path).err(), Some(expected), "{path}");
        }
    }

    #[test]
    fn paths_parse_as_they_print() {
        let keys = ["a", "b.c", "", "q\"]", "x y", "back\\slash", "=", "b\\.\""];
        let path = Path(keys.into_iter().map(Step::from).chain([Step::Index(3)]).collect());
        let steps = parse(&path.to_string()).unwrap().into_iter().map(|s| match s {
            Selector::Step(step) => step,
            Selector::Value(v) => panic!("{v}"),
        });
        assert_eq!(Path(steps.collect()), path);
    }

    #[test]
    fn places_point_into_the_file_they_come_from() {
        let mut sources = Sources::default();
        let (b, o) = (sources.add("b", "a: {x: 1, y: 2}\n"), sources.add("o", "a: {y: 3, z: 4}\n"));
        let mut out = Vec::new();
        let base = yaml::read(b, &sources.get(b).text, &mut out).unwrap();
        let overlay = yaml::read(o, &sources.get(o).text, &mut out).unwrap();
        let tree = merge(base, overlay, &mut out);
        let at = |key: &str| {
            let found = tree.find(&Path(vec!["a".into(), key.into()]));
            (found.value.source.0, found.key.map(|k| k.source.0), sources.slice(found.value))
        };
        assert_eq!(at("x"), (0, Some(0), "1"));
        assert_eq!(at("y"), (1, Some(1), "3"));
        assert_eq!(at("z"), (1, Some(1), "4"));
        assert_eq!(tree.find(&Path(vec!["a".into()])).key.map(|k| k.source.0), Some(0));
    }
}
