//! nginx configuration: what each block says, by what nginx knows the block by.
//!
//! * A block is a step of the path: `http`, `upstream NAME`, `map $a $b`, `location ^~ /path`, `if (…)`, `server 443
//!   NAME`. A server is known by the ports it listens on and the first of its names in the order of letters; one that
//!   has the names of a port without TLS to itself, as for redirects, by the port alone, so that it stays the same when a
//!   name comes or goes.
//! * A directive that may be repeated is known by its first argument (`add_header NAME`, `allow ADDRESS`), or by the one
//!   that names it (`limit_req_zone … zone=NAME`); any other by its name.
//! * Inheritance goes by level, so a directive belongs to its block.
//! * Order is an entry of its own, `order of …`, and only where nginx follows it: regular expressions of locations and
//!   maps, `allow` and `deny`, the rewrite module. `default server of ADDRESS` says who answers unknown names, whether
//!   by `default_server` or by being the first.
//! * Durations and sizes have one form, `${name}` is `$name`, and arguments without order are sorted.
//! * A few defaults of nginx are left out, at the level of `http` only: below, they undo something.
//!
//! An `include` is an entry; the file it names is not read.

mod table;

use std::collections::{BTreeMap, HashMap};

use super::{Entries, Entry, Lines, Numbered, list};
use crate::finding::Path;
use crate::format::Fault;
use crate::format::nginx::{Directive, read_snippet};
use table::Known;

/// Reads a configuration file.
pub(super) fn read(text: &str) -> Result<BTreeMap<Path, Entry>, Fault> {
    let directives = read_snippet(text)?;
    let mut reader = Reader { out: Entries::default(), lines: Lines::new(text) };
    reader.block(&Path::default(), "main", &directives);
    Ok(reader.out.0)
}

/// One address of one server.
struct Listen {
    address: String,
    default: bool,
    /// What the server is known by.
    server: String,
    line: u32,
}

struct Reader {
    out: Entries,
    lines: Lines,
}

impl Reader {
    /// The directives of a block, at the path of the block.
    fn block(&mut self, path: &Path, context: &str, directives: &[Directive]) {
        let alone = servers_alone(directives);
        let mut orders: BTreeMap<&str, Vec<(String, u32)>> = BTreeMap::new();
        let mut defaults: Vec<Listen> = Vec::new();
        let mut numbered = Numbered::default();
        for directive in directives {
            let line = self.lines.of(directive.span.start as usize);
            let step = match context {
                _ if table::has_keys(context) => directive.name.clone(),
                _ if directive.name == "server" && directive.block.is_some() => server(directive, &alone),
                _ => identity(directive),
            };
            // `error_page 500 502 /50x` and names of servers are several things in one.
            if !table::has_keys(context) && self.several(path, directive, line) {
                continue;
            }
            let named = step.split_once(' ').is_some();
            let step = numbered.name(step);
            let free = path.join(&step);
            if let Some(order) = ordered(context, directive) {
                orders.entry(order).or_default().push((written(directive), line));
            }
            match &directive.block {
                Some(block) => {
                    self.out.set(free.clone(), "", line);
                    self.block(&free, &directive.name, block);
                    if directive.name == "server" {
                        if !block.iter().any(|d| d.name == "listen") {
                            self.out.set(free.join("listen 80"), "", line);
                        }
                        let listen =
                            |(address, default)| Listen { address, default, server: step.clone(), line };
                        defaults.extend(listens(directive).map(listen));
                    }
                }
                None => {
                    let value = table::value(context, directive, named);
                    if !table::is_default(context, &directive.name, &value) {
                        self.out.set(free, value, line);
                    }
                }
            }
        }
        for (what, items) in orders {
            if let [(_, line), _, ..] = items.as_slice() {
                let (line, texts) = (*line, items.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>());
                self.out.set(path.join(format!("order of {what}").as_str()), list(&texts), line);
            }
        }
        self.default_servers(path, &defaults);
    }

    /// Who answers names that no server has, by address.
    fn default_servers(&mut self, path: &Path, listens: &[Listen]) {
        let mut chosen: BTreeMap<&str, &Listen> = BTreeMap::new();
        for listen in listens {
            let there = chosen.entry(&listen.address).or_insert(listen);
            if listen.default && !there.default {
                *there = listen;
            }
        }
        for (address, listen) in chosen {
            let path = path.join(format!("default server of {address}").as_str());
            self.out.set(path, listen.server.clone(), listen.line);
        }
    }

    /// A directive that says something about each of its arguments by itself.
    fn several(&mut self, path: &Path, directive: &Directive, line: u32) -> bool {
        let (name, args) = (directive.name.as_str(), directive.args.as_slice());
        match (name, args) {
            ("error_page", [codes @ .., target]) if !codes.is_empty() => {
                let (codes, change): (Vec<_>, Vec<_>) = codes.iter().partition(|code| !code.starts_with('='));
                let value = change.into_iter().chain([target]).cloned().collect::<Vec<_>>().join(" ");
                for code in codes {
                    self.out.set(path.join(format!("error_page {code}").as_str()), value.clone(), line);
                }
            }
            ("server_name", _) => {
                for name in args {
                    self.out.set(path.join("server_name").join(name.to_lowercase().as_str()), "", line);
                }
            }
            _ => return false,
        }
        true
    }
}

/// What a directive is known by among its siblings.
fn identity(directive: &Directive) -> String {
    let (name, args) = (directive.name.as_str(), directive.args.as_slice());
    let first = args.first().map(|arg| table::word(arg)).unwrap_or_default();
    if directive.block.is_some() {
        let mut words: Vec<_> = args.iter().map(|arg| table::word(arg)).collect();
        if name == "limit_except" {
            words.sort();
        }
        let mut joined = words.join(" ");
        if name == "if" {
            joined = joined.replace("( ", "(").replace(" )", ")");
        }
        // The modifier may stand at the path: `location =/x`.
        let modifier = ["^~", "~*", "~", "="].into_iter().find(|m| words.len() == 1 && joined.starts_with(m));
        if let Some(modifier) = modifier.filter(|_| name == "location") {
            joined.insert(modifier.len(), ' ');
        }
        return format!("{name} {joined}").trim_end().to_string();
    }
    let known = match table::known_by(name) {
        Known::Name => name.to_string(),
        Known::First => format!("{name} {first}"),
        Known::Header => format!("{name} {}", first.to_lowercase()),
        Known::Address => format!("{name} {}", address(&first)),
        Known::Parameter(parameter) => {
            let named = args.iter().find_map(|arg| arg.strip_prefix(parameter));
            format!("{name} {}", named.unwrap_or(&first).split(':').next().unwrap_or_default())
        }
    };
    known.trim_end().to_string()
}

/// The kind of order a directive takes part in.
fn ordered<'a>(context: &str, directive: &Directive) -> Option<&'a str> {
    let regex = |word: &String| word.starts_with('~') && !word.starts_with("~~");
    match directive.name.as_str() {
        "location" if directive.args.first().is_some_and(regex) => Some("regular expressions"),
        _ if context == "map" => regex(&directive.name).then_some("regular expressions"),
        "allow" | "deny" => Some("access"),
        "rewrite" | "if" | "return" | "set" | "break" => Some("rewriting"),
        _ => None,
    }
}

/// A directive as it stands in an order.
fn written(directive: &Directive) -> String {
    if directive.block.is_some() {
        return identity(directive);
    }
    std::iter::once(&directive.name)
        .chain(&directive.args)
        .map(|w| table::word(w))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Addresses a server listens on, and whether it is the default there.
fn listens(server: &Directive) -> impl Iterator<Item = (String, bool)> {
    let listens = server.block.iter().flatten().filter(|d| d.name == "listen");
    let mut all: Vec<_> = listens
        .filter_map(|d| {
            let default = d.args.iter().any(|arg| arg == "default_server" || arg == "default");
            Some((address(d.args.first()?), default))
        })
        .collect();
    if all.is_empty() {
        all.push(("80".to_string(), false));
    }
    all.into_iter()
}

/// The address of a `listen`: every IPv4 address is meant when none is written.
fn address(text: &str) -> String {
    let text = text.to_lowercase();
    let bare = text.strip_prefix("*:").or_else(|| text.strip_prefix("0.0.0.0:")).unwrap_or(&text);
    match bare {
        "*" | "0.0.0.0" => "80".to_string(),
        _ if bare.starts_with("unix:") || bare.contains(':') && !bare.ends_with(']') => bare.to_string(),
        _ if bare.bytes().all(|b| b.is_ascii_digit()) => bare.to_string(),
        _ => format!("{bare}:80"),
    }
}

/// Ports (or sockets) of a server, each once.
fn ports(server: &Directive) -> String {
    let port = |address: String| match address.rsplit_once(':') {
        Some((_, port)) if !address.starts_with("unix:") => port.to_string(),
        _ => address,
    };
    let mut ports: Vec<_> = listens(server).map(|(address, _)| port(address)).collect();
    ports.sort();
    ports.dedup();
    ports.join(",")
}

/// Names of a server in the order of letters.
fn names(server: &Directive) -> Vec<String> {
    let directives = server.block.iter().flatten().filter(|d| d.name == "server_name");
    let mut names: Vec<_> = directives.flat_map(|d| &d.args).map(|name| name.to_lowercase()).collect();
    names.sort();
    names
}

/// Ports without TLS that one server has for itself, but for servers without a name.
fn servers_alone(directives: &[Directive]) -> HashMap<String, bool> {
    let mut alone = HashMap::new();
    for server in directives.iter().filter(|d| d.name == "server" && d.block.is_some()) {
        if !is_catch_all(&names(server)) {
            let tls = server
                .block
                .iter()
                .flatten()
                .any(|d| d.name == "listen" && d.args.iter().any(|a| a == "ssl"));
            alone.entry(ports(server)).and_modify(|alone| *alone = false).or_insert(!tls);
        }
    }
    alone
}

/// Whether a server has no name of its own: `_` is the customary word for that.
fn is_catch_all(names: &[String]) -> bool {
    names.iter().all(|name| name == "_")
}

fn server(directive: &Directive, alone: &HashMap<String, bool>) -> String {
    let (ports, names) = (ports(directive), names(directive));
    match names.first() {
        Some(_) if !is_catch_all(&names) && alone.get(&ports) == Some(&true) => format!("server {ports} *"),
        Some(name) => format!("server {ports} {name}"),
        None => format!("server {ports}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::Value;

    /// `path = value` of each entry.
    fn says(text: &str) -> Vec<String> {
        let entries = read(text).unwrap();
        let line = |(path, entry): (&Path, &Entry)| match &entry.value {
            Value::Plain(value) => format!("{path} = {value}"),
            Value::Concealed(_) => unreachable!(),
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn what_says_the_same() {
        let table = [
            ("gzip on; sendfile on;", "sendfile  on;\n# x\ngzip \"on\";"),
            ("keepalive_timeout 60s;", "keepalive_timeout 1m;"),
            ("proxy_read_timeout 3600;", "proxy_read_timeout 1h;"),
            ("client_max_body_size 1024k;", "client_max_body_size 1m;"),
            ("proxy_buffers 8 16k;", "proxy_buffers 8 16384;"),
            ("limit_req_zone $a zone=x:10m rate=1r/s;", "limit_req_zone $a zone=x:10240k rate=1r/s;"),
            ("ssl_protocols TLSv1.3 TLSv1.2;", "ssl_protocols TLSv1.2 TLSv1.3;"),
            ("add_header A b always;", "add_header a b always;"),
            ("return 301 https://${host}/x;", "return 301 https://$host/x;"),
            ("error_page 500 502 /50x;", "error_page 502 /50x; error_page 500 /50x;"),
            (
                "server { listen 80; listen 443 ssl; server_name b A; }",
                "server { server_name a; server_name b; listen 443 ssl; listen *:80; }",
            ),
            (
                "server { listen 80; server_name a; } server { listen 80; server_name b; }",
                "server { listen 80 default_server; server_name a; } server { listen 80; server_name b; }",
            ),
            ("server { server_name a; listen 80; }", "server { server_name a; }"),
            ("location = /a { return 1; } location /b { }", "location /b {} location =/a { return 1; }"),
            ("if ($a = \"b\") { return 1; }", "if ($a = b) { return 1; }"),
            ("upstream u { server a; server b; }", "upstream u { server b; server a; }"),
            ("http { gzip off; proxy_read_timeout 60; }", "http { }"),
            ("map $a $b { default 1; x \"2\"; }", "map $a $b { x 2; default 1; }"),
        ];
        for (a, b) in table {
            assert_eq!(says(a), says(b), "{a}\n{b}");
        }
    }

    #[test]
    fn what_says_something_else() {
        let table = [
            ("gzip on;", "gzip off;"),
            ("location /a { gzip off; }", "location /a { }"),
            ("add_header A b;", "location / { add_header A b; }"),
            ("allow 1.2.3.4; deny all;", "deny all; allow 1.2.3.4;"),
            ("location ~ a { } location ~ b { }", "location ~ b { } location ~ a { }"),
            ("map $a $b { ~x 1; ~y 2; }", "map $a $b { ~y 2; ~x 1; }"),
            ("rewrite a b; return 1;", "return 1; rewrite a b;"),
            (
                "server { server_name a; } server { server_name b; }",
                "server { server_name b; } server { server_name a; }",
            ),
            ("add_header A b; add_header A c;", "add_header A b;"),
            ("index a b;", "index b a;"),
            ("keepalive_timeout 10m;", "keepalive_timeout 10s;"),
            ("include a;", "include b;"),
        ];
        for (a, b) in table {
            assert_ne!(says(a), says(b), "{a}\n{b}");
        }
    }

    #[test]
    fn paths_and_values() {
        let text = "http {\n server { listen 80 default_server; server_name _; return 444; }\n server { listen 80; \
                    listen [::]:80; server_name b a; location ^~ /x { return 403; } }\n server { listen 443 ssl; \
                    http2 on; server_name c; add_header X y always; } }";
        let expected = [
            "http = ",
            "http.default server of 443 = server 443 c",
            "http.default server of 80 = server 80 _",
            "http.\"default server of [::]:80\" = server 80 *",
            "http.server 443 c = ",
            "http.server 443 c.add_header x = y always",
            "http.server 443 c.http2 = on",
            "http.server 443 c.listen 443 = ssl",
            "http.server 443 c.server_name.c = ",
            "http.server 80 * = ",
            "http.server 80 *.\"listen [::]:80\" = ",
            "http.server 80 *.listen 80 = ",
            "http.server 80 *.location ^~ /x = ",
            "http.server 80 *.location ^~ /x.return = 403",
            "http.server 80 *.server_name.a = ",
            "http.server 80 *.server_name.b = ",
            "http.server 80 _ = ",
            "http.server 80 _.listen 80 = ",
            "http.server 80 _.return = 444",
            "http.server 80 _.server_name._ = ",
        ];
        let mut said = says(text);
        said.sort();
        let mut expected = expected.map(ToString::to_string).to_vec();
        expected.sort();
        assert_eq!(said, expected);
    }
}
