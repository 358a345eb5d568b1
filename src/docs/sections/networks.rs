//! Which services can reach one another.

use super::View;
use crate::docs::document::{Line, Section, paragraph, table};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let rows = stack.networks.iter().map(|network| {
        let on = stack.services.iter().filter(|s| s.networks.contains(&network.key));
        let names: Vec<&str> = on.map(|s| s.name.as_str()).collect();
        let out = if network.internal { "no way out" } else { "" };
        vec![Line::new().code(&network.name), names.join(", ").into(), out.into()]
    });
    let mut blocks: Vec<_> = table(&["Network", "Services on it", ""], rows.collect()).into_iter().collect();
    if !blocks.is_empty() {
        blocks.insert(0, paragraph(
            "Each service that others reach has a network of its own, with its clients on it and nobody else: services \
             on none of the same cannot reach one another.",
        ));
    }
    Section::new("Networks", blocks)
}
