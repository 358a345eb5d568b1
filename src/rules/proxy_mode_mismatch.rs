//! Odoo is not told that it stands behind a proxy, or is told so while everybody can reach it directly.
//!
//! Without `proxy_mode` Odoo sees http: assets are blocked, and logins by Google or Microsoft come back to http. One
//! team needed eleven commits in six months for it. With it, whoever reaches Odoo past the proxy may claim any address.
//! Source: <https://www.odoo.com/documentation/18.0/administration/on_premise/deploy.html>
//!
//! Fix, safe: removes the setting, where a URL says otherwise.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!     settings: { proxy_mode: False }
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   odoo:
//!     kind: odoo
//!     url: https://erp.example.com
//!     database: db
//!   db:
//!     kind: postgres
//! ```

use super::common::{owners, place, published, setting};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    const RULE: &str = "proxy-mode-mismatch";
    for service in owners(stack) {
        let Some(mode) = setting(service, "proxy_mode") else { continue };
        let at = place(&mode.origin, service, ["settings", "proxy_mode"]);
        let on = matches!(mode.value.as_str(), "True" | "true");
        if !on && service.facts.service.url.is_some() {
            let message = format!("expected `proxy_mode = True`: `{}` has a public URL", service.name);
            let fix = Fix::safe("remove `proxy_mode`, which follows from `url`").remove(at.clone());
            let finding = Finding::error(RULE, at, message).help("remove the setting; it follows from `url`");
            out.push(finding.fix(mode.origin.is_manifest().then_some(fix)));
        } else if on
            && service.facts.service.url.is_none()
            && published(service).iter().any(|p| !p.loopback())
        {
            let message =
                format!("`{}` believes what anybody says of his address: its port is public", service.name);
            out.push(
                Finding::error(RULE, at, message).help("remove the setting, or give the service a `url`"),
            );
        }
    }
}
