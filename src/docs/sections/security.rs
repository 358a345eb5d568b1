//! What keeps attacks and guessed passwords away.

use super::View;
use crate::docs::document::{Block, Line, Section, table};
use crate::manifest::WafMode;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let security = &stack.security;
    let mut facts = Vec::new();
    if security.waf.is_some() {
        facts.push(("Firewall for requests", Line::from("ModSecurity with the Core Rule Set, in the proxy")));
    }
    if let Some(limit) = &security.logins {
        let line = format!("{} from one address, {} more at once", limit.rate, limit.burst);
        facts.push(("Attempts to log in", line.into()));
    }
    if let Some(ban) = &security.ban {
        let who = if ban.logins {
            "who guesses passwords, by SSH or on a site"
        } else {
            "who guesses passwords by SSH"
        };
        facts.push(("Banned", who.into()));
    }
    facts.extend(
        security.ssh.iter().map(|account| ("SSH", Line::new().text("by key only, as ").code(account))),
    );
    if let Some(upgrades) = &security.upgrades {
        let restart = upgrades.reboot.as_ref().map(|at| format!("; the server may restart at {at}"));
        facts.push(("Security updates", format!("by themselves{}", restart.unwrap_or_default()).into()));
    }
    if facts.is_empty() {
        return None;
    }
    let rows =
        stack.sites.iter().filter(|s| s.guard.waf.is_some() || !s.guard.logins.is_empty()).map(|site| {
            let mode = site.guard.waf.as_ref().map_or_else(Line::new, |waf| match waf.mode {
                WafMode::Detection => Line::new().status("waiting", "logs attacks"),
                WafMode::Blocking => Line::new().status("good", "refuses attacks"),
            });
            let logins = Line::new().codes(site.guard.logins.iter().map(|l| &l.path));
            vec![Line::new().code(&site.host), mode, logins]
        });
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(table(&["Name", "Firewall for requests", "Limited attempts at"], rows.collect()));
    let rows = stack.sites.iter().filter_map(|s| Some((s, s.guard.waf.as_ref()?))).flat_map(|(site, waf)| {
        waf.exclusions.iter().map(move |e| {
            let what = e.attacks.join(", ");
            vec![Line::new().code(format!("{}{}", site.host, e.path)), what.into(), e.reason.clone().into()]
        })
    });
    blocks.extend(table(&["Path", "Not looked for", "Why"], rows.collect()));
    Section::new("Protection", blocks)
}
