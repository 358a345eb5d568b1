//! Certificates: certbot's options, the list of certificates, and the script that gets them and hands them to nginx.

use minijinja::{Value, context};

use super::{Artifact, header, template};
use crate::finding::{Finding, Place};
use crate::manifest::{Issuer, KeyType, RunsIn};
use crate::stack::Stack;

/// Where the container of certbot sees its output directory.
const IN_CONTAINER: &str = "/etc/stackgen";

/// Directory URLs of Let's Encrypt. Source: letsencrypt.org/docs/acme-protocol-updates and /docs/staging-environment.
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// Writes the files of certbot when there is a certificate to be had; own files are nobody's to get.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Some(proxy) = &stack.proxy else { return Vec::new() };
    let certificates: Vec<Value> = stack
        .certificates
        .iter()
        .filter(|c| c.files.is_none())
        .map(|c| {
            let need = if c.optional { "planned" } else { "needed" };
            context! { name => c.name.as_str(), need, names => c.names.clone() }
        })
        .collect();
    if certificates.is_empty() {
        return Vec::new();
    }
    let directory = match proxy.runs_in {
        RunsIn::Container => IN_CONTAINER.to_string(),
        RunsIn::Host => format!("{}/certbot", deploy_directory(stack)),
    };
    let script = format!("{directory}/certificates.sh");
    let context = context! {
        header => Value::from_safe_string(header(stack)),
        server => match stack.acme.issuer {
            Issuer::Letsencrypt => PRODUCTION,
            Issuer::LetsencryptStaging => STAGING,
        },
        email => stack.acme.email.as_deref(),
        key => match stack.acme.key {
            KeyType::Ecdsa => "ecdsa",
            KeyType::Rsa => "rsa",
        },
        hook => format!("/bin/sh {} deploy", shell_word(&script)),
        certificates,
        directory,
        script,
    };
    let mut files = vec![
        ("cli.ini", "certbot/cli.ini.j2", false),
        ("certificates.txt", "certbot/certificates.txt.j2", false),
        ("certificates.sh", "certbot/certificates.sh.j2", true),
    ];
    if proxy.runs_in == RunsIn::Host {
        files.push(("stackgen-certificates.service", "certbot/stackgen-certificates.service.j2", false));
        files.push(("stackgen-certificates.timer", "certbot/stackgen-certificates.timer.j2", false));
    }
    files
        .into_iter()
        .filter_map(|(name, template, executable)| {
            let path = format!("certbot/{name}");
            rendered(&path, template, &context, &proxy.place, out).map(|text| Artifact {
                path,
                text,
                executable,
            })
        })
        .collect()
}

/// Where the output lies on the server, for files that need to say it.
pub(super) fn deploy_directory(stack: &Stack) -> String {
    let directory = stack.host.directory.as_deref().unwrap_or_default().trim_end_matches('/');
    if directory.is_empty() { format!("/opt/{}", stack.name) } else { directory.to_string() }
}

/// The text of a file, or a finding that says why there is none.
pub(super) fn rendered(
    path: &str,
    template: &str,
    context: &Value,
    place: &Place,
    out: &mut Vec<Finding>,
) -> Option<String> {
    template::render(template, context.clone())
        .map_err(|error| {
            let message = format!("`{path}` cannot be written: {error}");
            out.push(Finding::error("unwritable-value", place.clone(), message));
        })
        .ok()
}

/// A word that a shell reads as it is.
fn shell_word(text: &str) -> String {
    crate::format::shell::sh_quote(text).unwrap_or_else(|_| text.to_string())
}
