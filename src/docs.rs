//! The document of a stack: what runs where, for the people who look after it, from the same model as the files.
//!
//! One document, three texts: Markdown, one page of HTML that needs nothing else, and the picture in both.

pub mod document;
mod layout;
mod markdown;
mod sections;
mod topology;

use minijinja::context;
use minijinja::value::{Serde, Value};

use crate::emit::{Artifact, header, template};
use crate::stack::Stack;
use document::Document;
use topology::Topology;

/// The document in Markdown, the page, and the picture.
pub const FILES: [&str; 3] = ["INFRASTRUCTURE.md", "infrastructure.html", "topology.svg"];

/// Writes the documents of a stack; `artifacts` are the files of its server, as far as they say more than the model.
pub fn render(stack: &Stack, artifacts: &[Artifact]) -> Result<Vec<Artifact>, String> {
    let document = Document {
        title: document::visible(stack.title.as_deref().unwrap_or(&stack.name)),
        lead: sections::lead(stack),
        sections: sections::all(&sections::View { stack, artifacts }),
    };
    let topology = topology::of(stack);
    let picture = picture(stack, &topology)?;
    let header = Value::from_safe_string(comment(&header(stack)));
    let page = context! {
        header => &header,
        title => format!("{}: infrastructure", stack.name),
        document => Value::from(Serde(&document)),
        // Written by a template of ours, which quoted all that is in it.
        picture => Value::from_safe_string(picture.clone()),
    };
    let page = template::render("docs/page.html.j2", page)?;
    let text = markdown::print(&document, &header.to_string(), &mermaid(&topology)?);
    let [markdown, html, svg] = FILES;
    Ok(vec![Artifact::file(markdown, text), Artifact::file(html, page), Artifact::file(svg, picture)])
}

/// Text for a comment of HTML, which two hyphens would end.
fn comment(text: &str) -> String {
    text.replace("--", "- -")
}

fn picture(stack: &Stack, topology: &Topology) -> Result<String, String> {
    let layout = layout::of(topology);
    let context = context! {
        title => format!("Topology of {}", stack.name),
        about => topology::described(stack, topology),
        ..Value::from(Serde(&layout))
    };
    template::render("docs/topology.svg.j2", context)
}

fn mermaid(topology: &Topology) -> Result<String, String> {
    let nodes: Vec<&topology::Node> = topology.groups.iter().flat_map(|g| &g.nodes).collect();
    let number = |key: &str| nodes.iter().position(|n| n.key == key);
    let groups: Vec<Value> = topology
        .groups
        .iter()
        .map(|group| {
            let nodes: Vec<Value> = group
                .nodes
                .iter()
                .map(|n| {
                    let (title, lines) = (n.title.as_str(), n.lines.clone());
                    context! { number => number(&n.key), title, lines, look => Value::from(Serde(n.look)) }
                })
                .collect();
            context! { title => group.title, nodes }
        })
        .collect();
    let edges: Vec<Value> = topology
        .edges
        .iter()
        .map(|e| {
            let arrow = Value::from_safe_string(if e.dashed { "-.->" } else { "-->" }.into());
            context! { from => number(&e.from), to => number(&e.to), arrow }
        })
        .collect();
    template::render("docs/topology.mmd.j2", context! { groups, edges })
}
