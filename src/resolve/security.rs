//! The web application firewall of each site, the limits of its logins, and hardening of the server.

use super::facts::Draft;
use super::sites::full_path_of;
use super::{Resolver, at};
use crate::finding::Place;
use crate::manifest::{RunsIn, Service, WafChoice, WafMode};
use crate::scalar::Bytes;
use crate::stack::{Ban, Exclusion, Guard, LoginLimit, LoginPath, SiteWaf, Upgrades, Waf};

/// Largest request body that is read where a kind says nothing: reading 1 MB costs about half a second.
const READ_LIMIT: Bytes = Bytes(1 << 20);

impl Resolver<'_> {
    /// What keeps attacks and guessed passwords away from a service, below the path of its URL.
    pub(super) fn guard(&self, draft: &Draft<'_>, prefix: &str) -> Guard {
        let logins = draft.kind.logins.iter().map(|login| LoginPath {
            path: full_path_of(prefix, login.path.as_str()),
            localized: login.localized,
        });
        Guard {
            waf: self.waf(draft, prefix),
            logins: if self.manifest.security.logins.is_some() { logins.collect() } else { Vec::new() },
        }
    }

    fn waf(&self, draft: &Draft<'_>, prefix: &str) -> Option<SiteWaf> {
        let (mode, place) = self.waf_mode(draft.name, draft.service)?;
        let known = draft.kind.waf.clone().unwrap_or_default();
        let texts = |list: &[crate::scalar::Line]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Some(SiteWaf {
            mode,
            methods: texts(&known.methods),
            content_types: texts(&known.content_types),
            read_limit: known.read_limit.unwrap_or(READ_LIMIT),
            secrets: texts(&known.secrets),
            exclusions: known
                .exclusions
                .iter()
                .map(|e| Exclusion {
                    path: full_path_of(prefix, e.path.as_str()),
                    attacks: texts(&e.attacks),
                    targets: if e.targets.is_empty() { vec!["ARGS".into()] } else { texts(&e.targets) },
                    reason: e.reason.to_string(),
                })
                .collect(),
            place,
        })
    }

    /// What the manifest says of the firewall in front of a service, and where.
    fn waf_mode(&self, name: &str, service: &Service) -> Option<(WafMode, Place)> {
        let own = at(["services", name, "waf"]);
        match service.waf {
            Some(WafChoice::Off) => return None,
            Some(WafChoice::Detection) => return Some((WafMode::Detection, own)),
            Some(WafChoice::Blocking) => return Some((WafMode::Blocking, own)),
            None => {}
        }
        let waf = self.manifest.security.waf.as_ref()?;
        let listed = waf.sites.as_ref().is_none_or(|sites| sites.iter().any(|s| s.as_str() == name));
        listed.then(|| (waf.mode, at(["security", "waf"])))
    }

    /// What is said of the server as a whole.
    pub(super) fn security(&mut self) {
        let written = &self.manifest.security;
        let names: Vec<&str> = self.manifest.services.keys().map(|n| n.as_str()).collect();
        let sites = written.waf.iter().filter_map(|w| w.sites.as_ref()).flatten();
        for (i, site) in sites.enumerate().filter(|(_, s)| !names.contains(&s.as_str())) {
            let place = at(["security", "waf", "sites"]).join(i);
            self.undefined(place, "service", site.as_str(), &names);
        }
        let security = &mut self.stack.security;
        security.logins = written.logins.as_ref().map(|l| LoginLimit {
            rate: l.rate.0.clone(),
            // `10r/m` means ten a minute, also when they come at once.
            burst: l.burst.unwrap_or_else(|| attempts(&l.rate.0).saturating_sub(1)),
        });
        // In a container nginx logs to Docker, whose files change their names with the container; behind an edge the
        // connection is the edge's, and a ban of the client's address would match nothing.
        let host = self.manifest.proxy.runs_in == RunsIn::Host && self.manifest.proxy.edge.is_none();
        security.ban = written.logins.as_ref().filter(|l| l.ban).map(|_| Ban { logins: host });
        security.ssh = written.ssh.then(|| {
            let login = self.stack.host.ssh.as_deref().and_then(|s| s.split_once('@'));
            login.map_or("root", |(user, _)| user).to_string()
        });
        security.upgrades = written
            .upgrades
            .as_ref()
            .filter(|u| u.enabled.unwrap_or(true))
            .map(|u| Upgrades { reboot: u.reboot.as_ref().map(ToString::to_string) });
    }

    /// Whether any site has a web application firewall.
    pub(super) fn has_waf(&self) -> bool {
        self.stack.sites.iter().any(|s| s.guard.waf.is_some())
    }

    /// Where the proxy finds the firewall's rules.
    pub(super) fn core_rule_set(&mut self, set: Option<&crate::kinds::CoreRuleSet>) {
        self.stack.security.waf = set.filter(|_| self.has_waf()).map(|set| Waf {
            module: set.module.as_ref().map(|m| m.0.clone()),
            rules: set.rules.0.trim_end_matches('/').to_string(),
        });
    }
}

/// How many a rate allows in its second or minute.
fn attempts(rate: &str) -> u16 {
    rate.split('r').next().and_then(|n| n.parse().ok()).unwrap_or(u16::MAX)
}
