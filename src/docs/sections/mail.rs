//! Outgoing mail.

use super::View;
use crate::docs::document::{Line, Section, table};
use crate::manifest::Encryption;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let rows = view.stack.mail.iter().map(|mail| {
        let encryption = match mail.encryption {
            Encryption::Starttls => "STARTTLS",
            Encryption::Tls => "TLS",
            Encryption::None => "none",
        };
        let code = |text: &Option<String>| text.as_ref().map_or_else(Line::new, |t| Line::new().code(t));
        vec![
            Line::new().strong(&mail.name),
            Line::new().code(format!("{}:{}", mail.host, mail.port)),
            encryption.into(),
            code(&mail.user),
            code(&mail.password),
            code(&mail.from),
            mail.used_by.join(", ").into(),
        ]
    });
    let head = ["Transport", "Server", "Encryption", "User", "Password", "Sender", "Used by"];
    Section::new("Mail", table(&head, rows.collect()).into_iter().collect())
}
