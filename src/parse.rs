//! Texts to a manifest: the base, an overlay merged over it, and every fault of both.

use crate::finding::{Document, Finding, Path};
use crate::format::{self, decode, merge, tree::Tree};
use crate::manifest::Manifest;
use crate::text::{SourceId, Sources};

/// What could be read.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The manifest, if it is one.
    pub manifest: Option<Manifest>,
    /// The merged tree, so that places can be found in the texts.
    pub tree: Option<Tree>,
}

/// Reads a manifest and its overlay.
pub fn parse(base: SourceId, overlay: Option<SourceId>, sources: &Sources, out: &mut Vec<Finding>) -> Parsed {
    let read = |id: SourceId, out: &mut Vec<Finding>| {
        let source = sources.get(id);
        format::read(&source.path, id, &source.text, out)
    };
    let base = read(base, out);
    let overlay = overlay.map(|id| read(id, out));
    let tree = match (base, overlay) {
        (Some(base), Some(Some(overlay))) => merge::merge(base, overlay, out),
        (Some(base), None) => base,
        _ => return Parsed::default(),
    };
    let manifest: Option<Manifest> =
        decode::decode(&tree, tree.root(), Document::Manifest, Path::default(), out);
    Parsed { manifest, tree: Some(tree) }
}
