//! Mends what is found: the fixes of findings, made in the texts they were found in. Pure, as compiling is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use crate::compile::{Compiled, Input, compile};
use crate::finding::{Change, Finding, Fix, Part, Path, Place, Step};
use crate::format::edit::{self, Made};
use crate::format::{self, tree::Tree};
use crate::rules::is_final;
use crate::text::{SourceId, Span};

/// Most rounds: a fix may uncover another fault or wait for one that it meets, but not for ever.
const ROUNDS: usize = 20;

/// Most fixes of one round: each is held against the others.
const AT_ONCE: usize = 1000;

/// What was mended.
pub struct Fixed {
    /// The texts as they are now.
    pub input: Input,
    /// What is found in them.
    pub compiled: Compiled,
    /// What was done, in order.
    pub applied: Vec<Applied>,
}

/// A fix that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Rule of the finding.
    pub rule: &'static str,
    /// What was done.
    pub title: String,
    /// The file.
    pub path: String,
    /// The line, in the text as it was then.
    pub line: usize,
}

/// Makes every safe fix, and the risky ones too if asked, until nothing more is found that one is known for.
///
/// A fix is made whole or not at all: where a text does not afterwards say what was meant, or can no longer be read
/// as a stack, it is left out. Only what `wanted` holds for is mended.
pub fn fix(input: Input, risky: bool, wanted: impl Fn(&Compiled, &Finding) -> bool) -> Fixed {
    let mut compiled = compile(input.clone());
    let mut fixed = Fixed { input, compiled: Compiled::default(), applied: Vec::new() };
    let mut refused = HashSet::new();
    for _ in 0..ROUNDS {
        let mut round = Round::new(&fixed.input, &compiled);
        for finding in &compiled.findings {
            if let Some(fix) = &finding.fix
                && (fix.safe || risky)
                && round.taken.len() < AT_ONCE
                && wanted(&compiled, finding)
                && !refused.contains(&(finding.rule, fix.title.clone()))
            {
                round.take(finding, fix);
            }
        }
        let all = std::mem::take(&mut round.taken);
        if all.is_empty() {
            break;
        }
        let mut made = round.made(&all).map(|(input, next)| (input, next, all.clone()));
        if made.is_none() {
            // Which of them does not go with the others shows one by one.
            let mut good = Vec::new();
            for taken in all {
                good.push(taken);
                match round.made(&good) {
                    Some((input, next)) => made = Some((input, next, good.clone())),
                    None => refused.extend(good.pop().map(|t| (t.rule, t.title))),
                }
            }
        }
        let Some((input, next, taken)) = made else { continue };
        fixed.applied.extend(taken.iter().map(|t| t.applied(&compiled)));
        (fixed.input, compiled) = (input, next);
    }
    fixed.compiled = compiled;
    fixed
}

/// How many findings say that a text cannot be made sense of.
fn unreadable(compiled: &Compiled) -> usize {
    compiled.findings.iter().filter(|f| is_final(f)).count()
}

/// A fix, worked out.
#[derive(Clone)]
struct Taken {
    rule: &'static str,
    title: String,
    at: Option<Span>,
    edits: Vec<(SourceId, Made)>,
}

/// The bytes that edits touch.
fn ranges(edits: &[(SourceId, Made)]) -> impl Iterator<Item = (SourceId, &Range<usize>)> {
    edits.iter().flat_map(|(id, made)| made.splices.iter().map(|s| (*id, &s.range)))
}

impl Taken {
    fn applied(&self, compiled: &Compiled) -> Applied {
        let at = self.at.map(|span| (compiled.sources.get(span.source), span.start as usize));
        Applied {
            rule: self.rule,
            title: self.title.clone(),
            path: at.map_or(String::new(), |(source, _)| source.path.clone()),
            line: at.map_or(1, |(source, offset)| source.position(offset).line),
        }
    }
}

/// One text that may be changed.
struct File {
    tree: Tree,
    places: HashMap<(u32, u32), (Path, Part)>,
    /// What the fixes taken so far touch: nothing else of this round may touch what lies above or below.
    touched: Vec<Path>,
    /// How many children of a list or map go.
    gone: HashMap<Path, usize>,
}

/// Fixes that can be made at once.
struct Round<'a> {
    input: &'a Input,
    compiled: &'a Compiled,
    /// By source; nothing for what is not a file of the stack or cannot be read.
    files: BTreeMap<SourceId, Option<File>>,
    taken: Vec<Taken>,
}

impl<'a> Round<'a> {
    fn new(input: &'a Input, compiled: &'a Compiled) -> Self {
        Self { input, compiled, files: BTreeMap::new(), taken: Vec::new() }
    }

    fn file(&mut self, id: SourceId) -> Option<&mut File> {
        let (input, compiled) = (self.input, self.compiled);
        let read = || {
            let source = compiled.sources.get(id);
            input.texts().find(|(path, _)| **path == source.path)?;
            let tree = format::read(&source.path, id, &source.text, &mut Vec::new())?;
            let places = edit::places(&tree);
            Some(File { tree, places, touched: Vec::new(), gone: HashMap::new() })
        };
        self.files.entry(id).or_insert_with(read).as_mut()
    }

    /// Takes a fix in, unless it meets one that was taken before; then its turn may come in the next round.
    fn take(&mut self, finding: &Finding, fix: &Fix) {
        let mut edits: Vec<(SourceId, Made)> = Vec::new();
        for edit in &fix.edits {
            let Some((id, mut path)) = self.located(&edit.place) else { return };
            let source = self.compiled.sources.get(id);
            let Some(file) = self.file(id) else { return };
            if edit.change == Change::Remove {
                path = with_emptied(&file.tree, path);
            }
            let made = edit::make(&source.path, &source.text, &file.tree, path, edit.change.clone());
            let Some(made) = made else { return };
            edits.push((id, made));
        }
        let meets = |a: &Path, b: &Path| a.0.starts_with(&b.0) || b.0.starts_with(&a.0);
        for (id, made) in &edits {
            let Some(file) = self.file(*id) else { return };
            let above = above(&made.path);
            // What would be left without children looks different from what has some.
            let last = made.change == Change::Remove
                && file.gone.get(&above).is_some_and(|gone| gone + 1 >= children(&file.tree, &above));
            if last || file.touched.iter().any(|t| meets(t, &made.path)) {
                return;
            }
        }
        let clash = self.taken.iter().flat_map(|t| ranges(&t.edits)).any(|(id, there)| {
            ranges(&edits).any(|(i, own)| i == id && own.start <= there.end && there.start <= own.end)
        });
        if clash {
            return;
        }
        for (id, made) in &edits {
            let Some(file) = self.file(*id) else { return };
            file.touched.push(made.path.clone());
            if made.change == Change::Remove {
                *file.gone.entry(above(&made.path)).or_default() += 1;
            }
        }
        let at = self.compiled.span(&finding.place);
        self.taken.push(Taken { rule: finding.rule, title: fix.title.clone(), at, edits });
    }

    /// The text a place is written in, and its path there: an overlay's list is not the base's.
    fn located(&mut self, place: &Place) -> Option<(SourceId, Path)> {
        let (span, rest) = match place {
            Place::Text(span) => (*span, Path::default()),
            Place::At { document, path, .. } => {
                let tree = self.compiled.documents.get(document)?;
                // Down to what is written; a map of both texts is the base's.
                let mut depth = path.0.len();
                while depth > 0 && !tree.find(&Path(path.0[..depth].to_vec())).exact {
                    depth -= 1;
                }
                let found = tree.find(&Path(path.0[..depth].to_vec()));
                if depth == 0 {
                    return Some((found.value.source, path.clone()));
                }
                (found.key.unwrap_or(found.value), Path(path.0[depth..].to_vec()))
            }
        };
        let file = self.file(span.source)?;
        let (path, _) = file.places.get(&(span.start, span.end))?;
        Some((span.source, Path(path.0.iter().cloned().chain(rest.0).collect())))
    }

    /// The texts with some fixes made, and what is found in them; `None` where a fix does not come out as it is meant, or
    /// leaves something that cannot be made sense of.
    fn made(&self, taken: &[Taken]) -> Option<(Input, Compiled)> {
        let input = self.written(taken)?;
        let next = compile(input.clone());
        (unreadable(&next) <= unreadable(self.compiled)).then_some((input, next))
    }

    /// The texts with some fixes made; `None` where one of them does not come out as it is meant.
    fn written(&self, taken: &[Taken]) -> Option<Input> {
        let mut input = self.input.clone();
        let mut by_file: BTreeMap<SourceId, Vec<&Made>> = BTreeMap::new();
        for (id, made) in taken.iter().flat_map(|t| &t.edits) {
            by_file.entry(*id).or_default().push(made);
        }
        for (id, changes) in by_file {
            let source = self.compiled.sources.get(id);
            let tree = &self.files.get(&id)?.as_ref()?.tree;
            let new = edit::apply(&source.path, &source.text, tree, &changes)?;
            let (_, text) = input.texts_mut().find(|(path, _)| **path == source.path)?;
            *text = new;
        }
        Some(input)
    }
}

fn above(path: &Path) -> Path {
    Path(path.0[..path.0.len().saturating_sub(1)].to_vec())
}

fn children(tree: &Tree, path: &Path) -> usize {
    let mut node = tree.root();
    for step in &path.0 {
        let next = match step {
            Step::Key(key) => tree.get(node, key).map(|e| e.value),
            Step::Index(i) => tree.items(node).get(*i).copied(),
        };
        let Some(next) = next else { return 0 };
        node = next;
    }
    tree.entries(node).len() + tree.items(node).len()
}

/// What goes with an entry because nothing is left in it: `settings:` with its last key, but never a service, a
/// volume or whatever else has a name, for that it is there says something.
fn with_emptied(tree: &Tree, mut path: Path) -> Path {
    loop {
        let above = above(&path);
        let named = above.0.len() == 2 || matches!(above.0.last(), None | Some(Step::Index(_)));
        if named || children(tree, &above) != 1 {
            return path;
        }
        path = above;
    }
}
