//! What clients may speak: read from the file that nginx gets.

use super::View;
use crate::docs::document::{Block, Line, Section};
use crate::format::nginx::{Directive, read_snippet};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let proxy = view.stack.proxy.as_ref()?;
    let file = view.artifacts.iter().find(|a| a.path == crate::emit::nginx::FILE)?;
    let tree = read_snippet(&file.text).ok()?;
    let http = tree.iter().find(|d| d.name == "http")?.block.as_ref()?;
    let said = |name: &str| http.iter().find(|d| d.name == name).map(|d: &Directive| d.args.clone());
    let mut facts = Vec::new();
    facts.extend(said("ssl_protocols").map(|args| ("Protocols", Line::new().codes(args))));
    let ciphers = said("ssl_ciphers").unwrap_or_default();
    if !ciphers.is_empty() {
        facts.push(("Ciphers of TLS 1.2", Line::new().codes(ciphers.iter().flat_map(|c| c.split(':')))));
    }
    facts.extend(said("ssl_ecdh_curve").map(|args| {
        ("Key exchange", Line::new().codes(args.iter().flat_map(|a| a.split(':')).collect::<Vec<_>>()))
    }));
    if facts.is_empty() {
        return None;
    }
    let hsts = proxy.hsts;
    let mut line = match hsts.max_age.0 {
        0 => "switched off: browsers are told to forget it".to_string(),
        _ => format!("browsers use HTTPS only for {}", hsts.max_age),
    };
    if hsts.include_subdomains {
        line.push_str(", also for sub-domains");
    }
    if hsts.preload {
        line.push_str(", preloaded");
    }
    facts.push(("HSTS", line.into()));
    facts.push(("Plain HTTP", "redirected, but for the challenges of the certificates' issuer".into()));
    if let Some(edge) = &proxy.edge {
        let line = Line::new().text(format!("{}; the client's address is in ", edge.name)).code(&edge.header);
        facts.push(("In front", line));
    }
    let headers = said_headers(http);
    if !headers.is_empty() {
        facts.push(("Headers of every answer", Line::new().codes(headers)));
    }
    Section::new("TLS policy", vec![Block::Facts(facts)])
}

fn said_headers(http: &[Directive]) -> Vec<String> {
    let set = http.iter().filter(|d| d.name == "add_header");
    set.filter_map(|d| d.args.first().cloned()).collect()
}
