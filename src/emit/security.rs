//! Rules of the web application firewall for nginx, and hardening of the server: sshd, updates, bans.
//!
//! The rules lie beside nginx.conf, in the directory that its container sees already.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::certbot::{deploy_directory, rendered};
use super::{Artifact, header};
use crate::finding::{Finding, Place};
use crate::manifest::{RunsIn, WafMode};
use crate::stack::{Exclusion, Proxy, Security, Site, SiteWaf, Stack};

/// Directory of the rules in the output.
pub const RULES: &str = "nginx/waf";
/// Directory of what is for the server itself.
pub const HOST: &str = "host";

/// Where nginx reads the rules.
pub(super) fn rules_directory(stack: &Stack, proxy: &Proxy) -> String {
    match proxy.runs_in {
        RunsIn::Container => "/etc/nginx/stackgen/waf".into(),
        RunsIn::Host => format!("{}/{RULES}", deploy_directory(stack)),
    }
}

/// Writes what the manifest asks for.
pub fn emit(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let mut files = waf(stack, out);
    files.extend(host(stack, out));
    files
}

fn waf(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let (Some(proxy), Some(waf)) = (&stack.proxy, &stack.security.waf) else { return Vec::new() };
    let head = Value::from_safe_string(header(stack));
    let core = context! {
        header => head.clone(),
        host => proxy.runs_in == RunsIn::Host,
        rules => waf.rules.as_str(),
    };
    let path = format!("{RULES}/core.rules");
    let place = Place::manifest(["security", "waf"]);
    let core = rendered(&path, "security/core.rules.j2", &core, &place, out);
    let mut files: Vec<_> = core.map(|text| Artifact::file(path, text)).into_iter().collect();
    for (site, waf) in stack.sites.iter().filter_map(|s| s.guard.waf.as_ref().map(|w| (s, w))) {
        let context = context! { header => head.clone(), ..site_view(site, waf) };
        let path = format!("{RULES}/{}.rules", site.service);
        let text = rendered(&path, "security/site.rules.j2", &context, &waf.place, out);
        files.extend(text.map(|text| Artifact::file(path, text)));
    }
    files
}

fn site_view(site: &Site, waf: &SiteWaf) -> Value {
    let once =
        |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    context! {
        service => site.service.as_str(),
        engine => match waf.mode { WafMode::Detection => "DetectionOnly", WafMode::Blocking => "On" },
        read_limit => waf.read_limit.0,
        methods => once(&waf.methods),
        content_types => once(&waf.content_types),
        secrets => once(&waf.secrets),
        exclusions => waf.exclusions.iter().map(exclusion_view).collect::<Vec<_>>(),
    }
}

fn exclusion_view(exclusion: &Exclusion) -> Value {
    let tags = exclusion.attacks.iter().map(|attack| match attack.as_str() {
        "all" => "OWASP_CRS".to_string(),
        attack => format!("attack-{attack}"),
    });
    context! {
        path => exclusion.path.trim_end_matches('/'),
        tags => tags.collect::<Vec<_>>(),
        targets => exclusion.targets.clone(),
        reason => exclusion.reason.as_str(),
    }
}

fn host(stack: &Stack, out: &mut Vec<Finding>) -> Vec<Artifact> {
    let Security { logins, ban, ssh, upgrades, .. } = &stack.security;
    if ban.is_none() && ssh.is_none() && upgrades.is_none() {
        return Vec::new();
    }
    let context = context! {
        header => Value::from_safe_string(header(stack)),
        user => ssh.as_deref(),
        port => stack.firewall.ssh_port,
        ban => ban.is_some(),
        ban_logins => ban.as_ref().is_some_and(|b| b.logins) && logins.is_some(),
        upgrades => upgrades.is_some(),
        reboot => upgrades.as_ref().and_then(|u| u.reboot.as_deref()),
    };
    let files = [
        (ssh.is_some(), "ssh/50-stackgen.conf", "security/50-stackgen.conf.j2", "ssh"),
        (upgrades.is_some(), "apt/52stackgen", "security/52stackgen.j2", "upgrades"),
        (ban.is_some(), "fail2ban/stackgen.conf", "security/fail2ban.conf.j2", "logins"),
        (true, "apply.sh", "security/apply.sh.j2", ""),
    ];
    let mut artifacts = Vec::new();
    for (_, name, template, key) in files.into_iter().filter(|f| f.0) {
        let block = Place::manifest(["security"]);
        let place = if key.is_empty() { block } else { block.join(key) };
        let path = format!("{HOST}/{name}");
        let executable = key.is_empty();
        let text = rendered(&path, template, &context, &place, out);
        artifacts.extend(text.map(|text| Artifact { path, text, executable }));
    }
    artifacts
}
