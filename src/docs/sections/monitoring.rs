//! What is watched, and who is told.

use super::View;
use crate::docs::document::{Block, Line, Section, table};
use crate::stack::Expectation;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let monitoring = view.stack.monitoring.as_ref()?;
    let alerts = &monitoring.alerts;
    let mut facts = Vec::new();
    if let Some(mail) = &alerts.mail {
        let line = Line::new().codes(&alerts.to).text(", by the mail transport ").code(mail);
        facts.push(("Alerts by mail", line));
    }
    facts.extend(alerts.webhook.iter().map(|w| ("Alerts by webhook", Line::new().text("secret ").code(w))));
    facts.push(("Measurements kept for", monitoring.retention.to_string().into()));
    facts.push(("Backups report", if monitoring.backups { "yes" } else { "no" }.into()));
    let mut blocks = vec![Block::Facts(facts)];
    let rows = monitoring.targets.iter().map(|t| {
        let about =
            t.database.as_ref().map_or_else(Line::new, |d| Line::new().text("database server ").code(d));
        let address = Line::new().code(format!("http://{}:{}{}", t.service, t.port, t.path));
        vec![Line::new().strong(&t.service), address, about]
    });
    blocks.extend(table(&["Service", "Measurements", "About"], rows.collect()));
    let rows = monitoring.probes.iter().map(|p| {
        let scheme = if p.https { "https" } else { "http" };
        let expects = match p.expects {
            Expectation::Status(status) => status.to_string(),
            Expectation::Https => "301 to https".into(),
            Expectation::Answer => "any answer of the service".into(),
        };
        vec![Line::new().code(format!("{scheme}://{}{}", p.host, p.path)), expects.into()]
    });
    blocks.extend(table(&["Asked as a client would", "Has to answer"], rows.collect()));
    Section::new("Monitoring", blocks)
}
