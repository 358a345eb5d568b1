//! Certificates: which names, who issues them, where they are, and how they are renewed.

use super::{View, container};
use crate::docs::document::{Block, Line, Section, commands, paragraph, table};
use crate::manifest::{Issuer, KeyType, RunsIn};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let rows = stack.certificates.iter().map(|certificate| {
        let path = match &certificate.files {
            Some((certificate, key)) => Line::new().code(certificate).text(", ").code(key),
            None => Line::new().code(format!("/etc/letsencrypt/live/{}/", certificate.name)),
        };
        let need = match (&certificate.files, certificate.optional) {
            (Some(_), _) => "own files, renewed by hand",
            (None, true) => "planned: failing to get it is no fault",
            (None, false) => "needed",
        };
        vec![Line::new().code(&certificate.name), Line::new().codes(&certificate.names), need.into(), path]
    });
    let mut blocks: Vec<Block> =
        table(&["Certificate", "Names", "", "Path"], rows.collect()).into_iter().collect();
    if !stack.certificates.iter().any(|c| c.files.is_none()) {
        return Section::new("Certificates", blocks);
    }
    let issuer = match stack.acme.issuer {
        Issuer::Letsencrypt => "Let's Encrypt",
        Issuer::LetsencryptStaging => "Let's Encrypt's staging service, which no browser trusts",
    };
    let key = match stack.acme.key {
        KeyType::Ecdsa => "ECDSA P-256",
        KeyType::Rsa => "RSA 2048",
    };
    let mut facts = vec![("Issuer", Line::from(issuer)), ("Key", key.into())];
    facts.extend(stack.acme.email.iter().map(|e| ("Account", Line::new().code(e))));
    let service = stack.acme.service.as_deref().and_then(|name| stack.service(name));
    if let Some(service) = service {
        facts.push((
            "Got by",
            Line::new()
                .text(format!("the service {}, container ", service.name))
                .code(container(stack, service)),
        ));
    }
    blocks.push(Block::Facts(facts));
    blocks.push(paragraph(
        "They are looked at twice a day and renewed in time, and the proxy loads a new one by itself. By hand, in the \
         deploy directory:",
    ));
    let host = stack.proxy.as_ref().is_some_and(|p| p.runs_in == RunsIn::Host);
    let script = "/etc/stackgen/certificates.sh";
    let run = match service {
        Some(service) => format!("docker compose exec {} /bin/sh {script}", service.name),
        None if host => "sh certbot/certificates.sh".to_string(),
        None => return Section::new("Certificates", blocks),
    };
    blocks.push(commands([
        format!("{run} status              # what there is, and until when"),
        format!("{run} renew               # gets what is missing or due"),
        format!("{run} renew --force       # all of them; the issuer's limits apply"),
    ]));
    Section::new("Certificates", blocks)
}
