//! A mail account's password is sent without encryption.
//!
//! Everybody on the way can read it and then send mail in its name.
//!
//! Fix, unsafe: encrypts the connection.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! mail:
//!   smtp:
//!     host: smtp.example.com
//!     user: erp@example.com
//!     password: { secret: SMTP_PASSWORD }
//!     encryption: none
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
//! mail:
//!   smtp:
//!     host: smtp.example.com
//!     user: erp@example.com
//!     password: { secret: SMTP_PASSWORD }
//! services:
//!   n8n:
//!     kind: n8n
//!     internal: true
//!     mail: smtp
//! ```

use super::common::{owners, setting};
use crate::finding::{Finding, Fix};
use crate::manifest::Encryption;
use crate::stack::{Origin, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "mail-without-tls";
    for mail in stack.mail.iter().filter(|m| m.encryption == Encryption::None && m.password.is_some()) {
        if !mail.used_by.is_empty() {
            let message = format!("the password of `{}` is sent without encryption", mail.name);
            out.push(
                Finding::warning(RULE, mail.place.join("encryption"), message)
                    .fix(Fix::risky("encrypt it").set(
                        mail.place.join("encryption"),
                        if mail.port == 465 { "tls" } else { "starttls" },
                    ))
                    .help("write `encryption: starttls`, or `tls` for port 465"),
            );
        }
    }
    // A file that is not ours says by itself where mail goes.
    for service in owners(stack).filter(|s| s.found.is_some()) {
        let given = |name: &str| {
            setting(service, name).filter(|s| !matches!(s.value.as_str(), "" | "False" | "localhost"))
        };
        let on = setting(service, "smtp_ssl").is_some_and(|s| matches!(s.value.as_str(), "True" | "true"));
        let login = given("smtp_password").or_else(|| given("smtp_user"));
        if let (Some(server), Some(_), false) = (given("smtp_server"), login, on) {
            let message =
                format!("`{}` sends the password of its mail account without encryption", service.name);
            out.push(
                Finding::warning(RULE, super::common::written(&server.origin, service), message)
                    .help("write `smtp_ssl = True`, which is STARTTLS, with port 587"),
            );
        }
    }
    for service in owners(stack).filter(|s| s.facts.mail.as_ref().is_some_and(|m| m.encryption == "starttls"))
    {
        let Some(ssl) = setting(service, "smtp_ssl") else { continue };
        if let Origin::Manifest(place) = &ssl.origin
            && matches!(ssl.value.as_str(), "False" | "false")
        {
            let message =
                format!("`{}` sends mail without the STARTTLS its transport asks for", service.name);
            out.push(
                Finding::warning(RULE, place.clone(), message)
                    .fix(Fix::safe("remove `smtp_ssl`, which follows from `mail`").remove(place.clone()))
                    .help("remove the setting; it follows from `mail`"),
            );
        }
    }
}
