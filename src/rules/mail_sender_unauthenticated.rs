//! Mail is sent from a domain whose records do not say who may send, or with which key mails are signed.
//!
//! Receivers put such mail into the junk folder or refuse it. Asked where the manifest says the records (`dns`); what
//! else is in the DNS cannot be seen from here.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! domain: example.com
//! dns: {}
//! mail:
//!   smtp: { host: smtp.example.net, from: erp@mg.example.com }
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
//! domain: example.com
//! dns:
//!   mail:
//!     mg.example.com:
//!       spf: v=spf1 include:example.net ~all
//!       dkim: { selector: k1, key: MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7 }
//! mail:
//!   smtp: { host: smtp.example.net, from: erp@mg.example.com }
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     mail: smtp
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "mail-sender-unauthenticated";
    let Some(dns) = &stack.dns else { return };
    for domain in dns.mail.iter().filter(|d| !d.signed) {
        let message =
            format!("the key that mails of `{}` are signed with is not among the records", domain.name);
        out.push(
            Finding::info(RULE, domain.place.on_key(), message)
                .help("write `dkim: { selector: …, key: … }` as your mail provider shows them"),
        );
    }
    for mail in stack.mail.iter().filter(|m| !m.used_by.is_empty()) {
        let Some((_, domain)) = mail.from.as_deref().and_then(|from| from.split_once('@')) else { continue };
        let is_own = |zone: &str| domain == zone || domain.ends_with(&format!(".{zone}"));
        if stack.domain.as_deref().is_some_and(is_own) && !dns.mail.iter().any(|d| d.name == domain) {
            let message = format!("mail is sent from `{domain}`, and no record says who may");
            out.push(
                Finding::info(RULE, mail.place.join("from"), message)
                    .help(format!("add `{domain}:` under `dns.mail`, with its provider and DKIM key")),
            );
        }
    }
}
