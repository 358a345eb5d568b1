//! A port that the stack needs is closed: an outbound one for names, certificates, database or mail, or the proxy's.
//!
//! A list of outbound rules closes everything that is not on it, answers of the name server included. Images cannot
//! be pulled, certificates not renewed (which shows weeks later), mail not sent.
//! Source: <https://docs.digitalocean.com/products/networking/firewalls/how-to/configure-rules/>
//!
//! Fix, safe: adds the outbound rule.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! firewall:
//!   outbound:
//!     - { port: 53, protocol: udp }
//!     - { port: 443 }
//! databases:
//!   main: { host: db.example.com, port: 25060, ca: ./ca.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! firewall:
//!   outbound:
//!     - { port: 53, protocol: udp }
//!     - { port: 443 }
//!     - { port: 25060, to: [10.0.0.0/8] }
//! databases:
//!   main: { host: db.example.com, port: 25060, ca: ./ca.crt }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```

use std::collections::HashSet;

use super::common::{Published, published};
use crate::finding::{Finding, Fix, Place};
use crate::manifest::Protocol;
use crate::stack::{Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    unpublished(stack, out);
    let Some(rules) = &stack.firewall.outbound else { return };
    let wall = Place::manifest(["firewall", "outbound"]);
    let used: HashSet<&str> =
        stack.services.iter().filter_map(|s| s.database.as_ref()).map(|d| d.server.as_str()).collect();
    let mut needed = vec![
        (53, Protocol::Udp, "the name server".to_string(), None),
        (443, Protocol::Tcp, "images and certificates".to_string(), None),
    ];
    for database in stack.databases.iter().filter(|d| d.service.is_none() && used.contains(d.name.as_str())) {
        let what = format!("the database server `{}`", database.name);
        needed.push((database.port, Protocol::Tcp, what, Some(&database.place)));
    }
    for mail in stack.mail.iter().filter(|m| !m.used_by.is_empty()) {
        needed.push((
            mail.port,
            Protocol::Tcp,
            format!("the mail transport `{}`", mail.name),
            Some(&mail.place),
        ));
    }
    for (port, protocol, what, place) in needed {
        if rules.iter().any(|r| r.protocol == protocol && r.port.is_none_or(|p| p == port)) {
            continue;
        }
        let kind = if protocol == Protocol::Udp { ", protocol: udp" } else { "" };
        let message = format!("{what} cannot be reached: no outbound rule allows port {port}");
        let mut rule = serde_json::Map::from_iter([("port".to_string(), port.into())]);
        if protocol == Protocol::Udp {
            rule.insert("protocol".into(), "udp".into());
        }
        let fix = Fix::safe(format!("open port {port} outwards")).append(wall.clone(), rule);
        let finding = Finding::error("required-port-closed", wall.clone(), message)
            .fix(fix)
            .help(format!("add `- {{ port: {port}{kind} }}`"));
        out.push(match place {
            Some(place) => finding.related(place.clone(), "needed here"),
            None => finding,
        });
    }
}

/// The proxy's own ports, where Compose keys take them away.
fn unpublished(stack: &Stack, out: &mut Vec<Finding>) {
    let Some(proxy) = stack.services.iter().find(|s| s.role == Role::Proxy) else { return };
    let ports = published(proxy);
    for wanted in &proxy.publish {
        let open =
            |p: &Published| p.host_port == Some(wanted.host_port) && p.port == wanted.port && !p.loopback();
        if !ports.iter().any(open) {
            let message =
                format!("the sites cannot be reached: the proxy no longer publishes {}", wanted.host_port);
            let place = proxy.place.join("compose").join("ports");
            out.push(
                Finding::error("required-port-closed", place.clone(), message)
                    .fix(Fix::risky("remove `ports`").remove(place))
                    .help("remove `ports`, or add 80 and 443: certificates need the former too"),
            );
        }
    }
}
