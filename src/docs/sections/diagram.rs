//! The picture.

use super::View;
use crate::docs::document::{Block, Section};

pub(super) fn section(_: &View<'_>) -> Option<Section> {
    Section::new("Architecture", vec![Block::Diagram])
}
