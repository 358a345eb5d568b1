//! Odoo is to send mail over a connection that is TLS from the first byte, which odoo.conf cannot ask for.
//!
//! `smtp_ssl = True` means STARTTLS. On port 465 both sides then wait for the other to speak, and mail hangs until it
//! times out. Only an outgoing server in Odoo's own database can do it.
//! Source: `odoo/addons/base/models/ir_mail_server.py` of Odoo 18
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! mail:
//!   smtp: { host: smtp.example.com, port: 465, encryption: tls }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     mail: smtp
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! mail:
//!   smtp: { host: smtp.example.com, port: 587 }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: db
//!     mail: smtp
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, setting};
use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in owners(stack).filter(|s| setting(s, "smtp_ssl").is_some()) {
        let Some(mail) = &service.facts.mail else { continue };
        if mail.encryption == "tls" || mail.port == 465 {
            let message = format!(
                "expected STARTTLS for `{}`, found {} on port {}",
                service.name, mail.encryption, mail.port
            );
            out.push(
                Finding::error("mail-tls-unsupported", service.place.join("mail"), message)
                    .help("use a transport with `encryption: starttls` on port 587 or 2525"),
            );
        }
    }
}
