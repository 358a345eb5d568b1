//! Mail is to leave by a port that the provider of the server blocks.
//!
//! DigitalOcean blocks SMTP on new accounts: port 25 by its own word, 465 and 587 as many users found. Nothing is
//! refused; connections just hang until they time out, so mail stays unsent and the program's log blames the network.
//! Most senders (Mailgun, Brevo, SendGrid, Postmark, ...) answer on 2525 as well.
//! Source: <https://docs.digitalocean.com/support/why-is-smtp-blocked/>
//!
//! Fix, unsafe: sets the port to 2525.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! host: { provider: digitalocean }
//! mail:
//!   smtp: { host: smtp.example.com, port: 587 }
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     mail: smtp
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! host: { provider: digitalocean }
//! mail:
//!   smtp: { host: smtp.example.com, port: 2525 }
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     mail: smtp
//! ```

use crate::finding::{Finding, Fix};
use crate::manifest::Provider;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    if stack.host.provider != Some(Provider::Digitalocean) {
        return;
    }
    for mail in stack.mail.iter().filter(|m| matches!(m.port, 25 | 465 | 587) && !m.used_by.is_empty()) {
        let message = format!("expected port 2525, found {}, which DigitalOcean blocks", mail.port);
        let fix = Fix::risky("set `port` to 2525").set(mail.place.join("port"), 2525);
        out.push(Finding::warning("blocked-mail-port", mail.place.join("port"), message).fix(fix).help(
            "write `port: 2525` if the sender offers it; else ask DigitalOcean, and accept this finding",
        ));
    }
}
