//! Where the boxes and lines of the picture are: columns from left to right, groups from the top, no text wider than
//! its box.

use std::collections::HashMap;

use serde::Serialize;

use super::topology::{Group, Look, Node, Topology};

/// Widths of the columns.
const COLUMNS: [i32; 4] = [124, 160, 250, 264];
/// Between columns: room for the lines.
const GAP: i32 = 72;
/// Around everything.
const MARGIN: i32 = 20;
/// Around the boxes of a group.
const FRAME: i32 = 12;
/// Height of a group's heading.
const HEADING: i32 = 28;
/// Between groups, and between boxes.
const BETWEEN_GROUPS: i32 = 22;
const BETWEEN: i32 = 12;
/// Inside a box.
const PADDING: i32 = 12;
const TITLE: i32 = 20;
const LINE: i32 = 17;
/// How far down the data may begin: a picture is looked at from the top.
const LOWEST: i32 = 160;

/// Sizes of the letters.
const TITLE_SIZE: f64 = 14.0;
const LINE_SIZE: f64 = 12.0;

/// The picture with its places.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Layout {
    /// Width of all.
    pub width: i32,
    /// Height of all.
    pub height: i32,
    /// Frames with a heading.
    pub frames: Vec<Frame>,
    /// Boxes.
    pub boxes: Vec<Placed>,
    /// Lines.
    pub lines: Vec<Path>,
}

/// A frame around a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frame {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    title: &'static str,
    dashed: bool,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Placed {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    look: Look,
    /// All there is to say, for who points at it.
    full: String,
    title: Text,
    lines: Vec<Text>,
    volumes: Vec<Text>,
}

/// A text that fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Text {
    x: i32,
    y: i32,
    text: String,
}

/// A line, and the point it ends at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    look: Look,
    dashed: bool,
    from: (i32, i32),
    to: (i32, i32),
    /// The points that bend it; none for a straight one.
    bend: Option<(i32, i32)>,
}

/// Finds a place for everything.
pub fn of(topology: &Topology) -> Layout {
    let mut layout = Layout::default();
    let mut x = MARGIN;
    let mut heights = Vec::new();
    for (column, width) in COLUMNS.into_iter().enumerate() {
        let groups: Vec<&Group> = topology.groups.iter().filter(|g| g.column == column).collect();
        if groups.is_empty() {
            continue;
        }
        let framed = groups.iter().any(|g| !g.title.is_empty());
        let inset = if framed { FRAME } else { 0 };
        let first = (layout.frames.len(), layout.boxes.len());
        let bottom = fill(&groups, x + inset, width, &mut layout);
        heights.push((bottom, framed, first));
        x += width + 2 * inset + GAP;
    }
    layout.width = x - GAP + MARGIN;
    let tallest = heights.iter().map(|(bottom, ..)| *bottom).max().unwrap_or(0);
    layout.height = tallest + MARGIN;
    for (i, (bottom, framed, (frame, placed))) in heights.iter().enumerate() {
        let next = heights.get(i + 1).map(|(.., first)| *first);
        let middle = (tallest - bottom) / 2;
        // What stands in front is level with the first service.
        let down = if *framed { middle.min(LOWEST) } else { middle.min(HEADING) };
        let end = next.unwrap_or((layout.frames.len(), layout.boxes.len()));
        layout.frames[*frame..end.0].iter_mut().for_each(|f| f.y += down);
        layout.boxes[*placed..end.1].iter_mut().for_each(|b| b.lower(down));
    }
    lines(topology, &mut layout);
    layout
}

/// Puts the groups of a column below one another; the answer is where they end.
fn fill(groups: &[&Group], x: i32, width: i32, layout: &mut Layout) -> i32 {
    let mut y = MARGIN;
    for (i, group) in groups.iter().enumerate() {
        if i > 0 {
            y += BETWEEN_GROUPS;
        }
        let top = y;
        if !group.title.is_empty() {
            y += HEADING;
        }
        for (i, node) in group.nodes.iter().enumerate() {
            if i > 0 {
                // What stands in front is joined by a line.
                y += if group.title.is_empty() { 3 * BETWEEN } else { BETWEEN };
            }
            let placed = placed(node, x, y, width);
            y += placed.height;
            layout.boxes.push(placed);
        }
        if !group.title.is_empty() {
            y += FRAME;
            let dashed = group.nodes.iter().all(|n| n.look == Look::Planned);
            let (x, width) = (x - FRAME, width + 2 * FRAME);
            layout.frames.push(Frame { x, y: top, width, height: y - top, title: group.title, dashed });
        }
    }
    y
}

fn placed(node: &Node, x: i32, y: i32, width: i32) -> Placed {
    let room = f64::from(width - 2 * PADDING);
    let mut baseline = y + PADDING + 12;
    let title = Text { x: x + PADDING, y: baseline, text: fitted(&node.title, TITLE_SIZE, true, room) };
    baseline += TITLE - LINE;
    let mut line = |text: &str, inset: i32| {
        baseline += LINE;
        let text = fitted(text, LINE_SIZE, false, room - f64::from(inset));
        Text { x: x + PADDING + inset, y: baseline, text }
    };
    let lines: Vec<Text> = node.lines.iter().map(|text| line(text, 0)).collect();
    // A small cylinder stands before each.
    let volumes: Vec<Text> = node.volumes.iter().map(|text| line(text, 16)).collect();
    let number = i32::try_from(lines.len() + volumes.len()).unwrap_or(0);
    let height = 2 * PADDING + 16 + if number > 0 { TITLE - LINE + number * LINE } else { 0 };
    let all = std::iter::once(&node.title).chain(&node.lines).chain(&node.volumes);
    let full = all.map(String::as_str).collect::<Vec<_>>().join(", ");
    Placed { x, y, width, height, look: node.look, full, title, lines, volumes }
}

impl Placed {
    fn lower(&mut self, by: i32) {
        self.y += by;
        self.title.y += by;
        self.lines.iter_mut().chain(&mut self.volumes).for_each(|t| t.y += by);
    }
}

/// The lines: from the right side of one box to the left of the other, each with a point of its own there.
fn lines(topology: &Topology, layout: &mut Layout) {
    // Boxes were placed in the order in which the groups stand: column by column.
    let nodes = topology.groups.iter().flat_map(|g| &g.nodes);
    let index: HashMap<&str, usize> = nodes.enumerate().map(|(i, n)| (n.key.as_str(), i)).collect();
    let mut ends: Vec<(usize, usize, bool)> = topology
        .edges
        .iter()
        .filter_map(|e| Some((*index.get(e.from.as_str())?, *index.get(e.to.as_str())?, e.dashed)))
        .collect();
    ends.sort_by_key(|(from, to, _)| (layout.boxes[*from].y, layout.boxes[*to].y));
    let side = |boxes: &[Placed], list: &[(usize, usize)], me: usize, other: usize| -> i32 {
        let mut there: Vec<usize> = list.iter().filter(|(a, _)| *a == me).map(|(_, b)| *b).collect();
        there.sort_by_key(|i| boxes[*i].y);
        let at = there.iter().position(|i| *i == other).unwrap_or(0);
        let (at, of) = (i32::try_from(at).unwrap_or(0), i32::try_from(there.len()).unwrap_or(1));
        let own = &boxes[me];
        // Not at the very corners.
        let span = own.height - 2 * PADDING;
        own.y + PADDING + span * (2 * at + 1) / (2 * of)
    };
    let across = |(from, to): (usize, usize)| layout.boxes[from].x != layout.boxes[to].x;
    let out: Vec<(usize, usize)> = ends.iter().map(|e| (e.0, e.1)).filter(|e| across(*e)).collect();
    let back: Vec<(usize, usize)> = out.iter().map(|(a, b)| (*b, *a)).collect();
    for (from, to, dashed) in ends {
        let (a, b) = (&layout.boxes[from], &layout.boxes[to]);
        let look = if matches!(b.look, Look::Live | Look::Internal) { Look::Proxy } else { b.look };
        if a.x == b.x {
            let middle = a.x + a.width / 2;
            let (from, to) = ((middle, a.y + a.height), (middle, b.y));
            layout.lines.push(Path { look, dashed, from, to, bend: None });
            continue;
        }
        let from_y = side(&layout.boxes, &out, from, to);
        let to_y = side(&layout.boxes, &back, to, from);
        let (from, to) = ((a.x + a.width, from_y), (b.x, to_y));
        let half = (to.0 - from.0) / 2;
        layout.lines.push(Path { look, dashed, from, to, bend: Some((from.0 + half, to.0 - half)) });
    }
}

/// Widths of the printable ASCII characters in thousandths of the letter size, of DejaVu Sans: the widest of the fonts
/// that systems show pages in, so that what fits here fits everywhere.
const WIDTHS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295,
    295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838,
    500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521,
    392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

/// How wide a text is at most.
fn width(text: &str, size: f64, bold: bool) -> f64 {
    let of = |c: char| {
        let i = (c as usize).wrapping_sub(0x20);
        // Others are no wider than a square, but for a few; an emoji is.
        WIDTHS.get(i).map_or(if (c as u32) < 0x2000 { 1.0 } else { 1.4 }, |w| f64::from(*w) / 1000.0)
    };
    // A little more than the table says: browsers round the width of each letter.
    let factor = if bold { 1.18 } else { 1.03 };
    text.chars().map(of).sum::<f64>() * size * factor
}

/// The text, or as much of its beginning as there is room for.
fn fitted(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.to_string();
    }
    let mut short = String::new();
    let ellipsis = width("…", size, bold);
    for c in text.chars() {
        short.push(c);
        if width(&short, size, bold) + ellipsis > room {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_wider_than_its_room() {
        for text in [
            "short",
            "private-odoo-db-sgp1-do-user-27714628-0.g.db.ondigitalocean.com:25060",
            "漢字漢字漢字漢字漢字漢字漢字漢字",
            "",
        ] {
            let fit = fitted(text, 12.0, false, 200.0);
            assert!(width(&fit, 12.0, false) <= 200.0, "{fit}");
            assert!(fit == text || fit.ends_with('…'));
        }
    }
}
