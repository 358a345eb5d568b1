//! Raw nginx directives that are not well-formed, or do more than they seem to.
//!
//! What stands under `nginx:` is put into the configuration as it is. A brace too many ends the block around it;
//! `return` at the level of a site answers every request, health checks and challenges too; `alias` behind a location
//! without a slash lets a visitor read the directory above; a host taken from the request lets him choose where nginx
//! connects to; and `$uri` in a redirect lets him write headers. A backslash before `$` is sent with the value: nginx has
//! no escape for it. A directive that has a field of its own is a warning:
//! written twice, nginx refuses the second.
//! Source: <https://github.com/yandex/gixy#what-it-can-do>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     nginx: |
//!       location /files { alias /srv/files/; }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//!     nginx: |
//!       location /files/ { alias /srv/files/; }
//! ```

use super::common::{Block, foreign, raws, shown};
use crate::finding::{Finding, Place};
use crate::format::nginx::{Directive, read_snippet};
use crate::stack::Stack;

/// Directives that have a field of their own.
const FIELDS: &[(&str, &str)] = &[
    ("client_max_body_size", "body_size"),
    ("proxy_read_timeout", "read_timeout"),
    ("proxy_buffering", "buffering"),
    ("expires", "expires"),
    ("limit_req", "rate_limit"),
    ("server_name", "aliases"),
    ("ssl_certificate", "certificates.groups"),
    ("ssl_certificate_key", "certificates.groups"),
    ("set_real_ip_from", "proxy.edge"),
    ("real_ip_header", "proxy.edge"),
];
/// Directives of the outermost block, and those that belong outside it.
const HTTP_ONLY: &[&str] = &[
    "map",
    "geo",
    "upstream",
    "server",
    "limit_req_zone",
    "limit_conn_zone",
    "proxy_cache_path",
    "log_format",
    "split_clients",
];
const MAIN_ONLY: &[&str] = &[
    "load_module",
    "user",
    "worker_processes",
    "events",
    "http",
    "stream",
    "pid",
    "daemon",
    "env",
    "include",
];

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "unsafe-raw-snippet";
    visit(foreign(stack).unwrap_or_default(), Block::Whole, None, 0, &mut |directive, (fault, help)| {
        let message = format!("{} {fault}", shown(directive));
        out.push(Finding::error(RULE, Place::Text(directive.head()), message).help(help));
    });
    for (block, raw) in raws(stack) {
        let directives = match read_snippet(&raw.text) {
            Ok(directives) => directives,
            Err(fault) => {
                let line = raw.text.get(..fault.offset).unwrap_or_default().matches('\n').count() + 1;
                let message = format!("line {line} of the directives: {}", fault.message);
                out.push(Finding::error(RULE, raw.place.clone(), message).help(
                    "it must be well-formed by itself: every directive ends in `;`, every block is closed",
                ));
                continue;
            }
        };
        visit(&directives, block, None, 0, &mut |directive, (fault, help)| {
            let message = format!("{} {fault}", shown(directive));
            out.push(Finding::error(RULE, raw.place.clone(), message).help(help));
        });
        for directive in &directives {
            if let Some((_, field)) = FIELDS.iter().find(|(name, _)| *name == directive.name) {
                let message = format!("expected `{field}`, found {}", shown(directive));
                out.push(Finding::warning(RULE, raw.place.clone(), message).help(format!(
                    "write it as `{field}`, which all other files follow too; nginx refuses it twice"
                )));
            }
        }
    }
}

type Fault = (&'static str, &'static str);

fn visit<'a>(
    directives: &'a [Directive],
    block: Block,
    around: Option<&'a Directive>,
    depth: usize,
    say: &mut dyn FnMut(&'a Directive, Fault),
) {
    for directive in directives {
        if let Some(fault) = fault(directive, block, around, depth) {
            say(directive, fault);
        }
        visit(directive.block.as_deref().unwrap_or_default(), block, Some(directive), depth + 1, say);
    }
}

fn fault(directive: &Directive, block: Block, around: Option<&Directive>, depth: usize) -> Option<Fault> {
    let (name, args) = (directive.name.as_str(), directive.args.as_slice());
    let first = args.first().map_or("", String::as_str);
    let location = around.filter(|d| d.name == "location");
    // What is not ours has its own order, which nginx itself checks.
    let ours = block != Block::Whole;
    if ours && depth == 0 && block != Block::Http && HTTP_ONLY.contains(&name) {
        return Some(("belongs into the outermost block", "move it to `proxy.nginx`"));
    }
    if ours && MAIN_ONLY.contains(&name) && (depth == 0 || name == "include") {
        return Some((
            "is none of the directives that may be added here",
            "remove it; the file around it is stackgen's",
        ));
    }
    if ours && (name.contains("_by_lua") || name.starts_with("js_") || name.starts_with("perl")) {
        return Some(("needs a module that the image does not load", "do it in a service of its own"));
    }
    if block == Block::Server && depth == 0 && matches!(name, "return" | "rewrite") {
        return Some((
            "answers every request of the site, health checks and challenges too",
            "write a route with `redirect:` or `deny: true`",
        ));
    }
    if name == "alias"
        && first.ends_with('/')
        && location.is_some_and(|l| l.args.len() == 1 && !l.args[0].ends_with('/'))
    {
        return Some((
            "lets a visitor read the directory above: `/files../`",
            "end the path of the location with `/`",
        ));
    }
    if name == "proxy_pass" {
        let authority =
            first.split_once("://").map_or(first, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let chosen = ["$http_", "$arg_", "$cookie_", "$uri", "$request_uri", "$args", "$1", "$2", "$host"];
        if chosen.iter().any(|v| authority.contains(v)) {
            return Some(("lets the visitor choose where nginx connects to", "write the host out"));
        }
    }
    if name == "proxy_set_header" && args.get(1).is_some_and(|a| a.contains("\\$")) {
        return Some((
            "sends a backslash before the value: nginx has no escape for `$`",
            "remove the backslash",
        ));
    }
    let sends = matches!(name, "return" | "add_header")
        || name == "rewrite" && args.iter().any(|a| a == "redirect" || a == "permanent");
    let decoded = |a: &String| a.contains("$uri") || a.contains("$document_uri");
    if sends && args.iter().any(decoded) {
        return Some((
            "lets the visitor add headers by a line break in the path",
            "write $request_uri, which stays encoded",
        ));
    }
    None
}
