//! The records the DNS needs: an address for every public name, who may issue certificates, what mail needs, and what
//! is written by hand. And what is asked of the stack from outside.

use std::net::IpAddr;

use super::{Resolver, at};
use crate::finding::{Finding, Place};
use crate::manifest::{self, DmarcPolicy, MailProvider, RecordType, Status};
use crate::scalar::{Cidr, HostName};
use crate::stack::{Answer, Dns, MailDomain, OutsideProbe, Record, RecordData, Zone};

/// Seconds an answer may be kept where nothing is said.
const TTL: u32 = 3600;
/// The domain that CAA knows Let's Encrypt by, its staging service too. Source: letsencrypt.org/docs/caa.
const LETSENCRYPT: &str = "letsencrypt.org";
/// Who sends for Mailgun's customers, in all regions; its servers that receive; and what links in mails point to.
/// Source: documentation.mailgun.com, user manual, domains: domain verification.
const MAILGUN_SPF: &str = "v=spf1 include:mailgun.org ~all";
const MAILGUN: [&str; 3] = ["mxa.mailgun.org", "mxb.mailgun.org", "mailgun.org"];
const MAILGUN_EU: [&str; 3] = ["mxa.eu.mailgun.org", "mxb.eu.mailgun.org", "eu.mailgun.org"];

/// A record before its zone is known: the whole name and the rest.
struct Draft(String, Record);

impl Resolver<'_> {
    /// Makes the records when they are asked for.
    pub(super) fn dns(&mut self) {
        let manifest = self.manifest;
        let Some(written) = &manifest.dns else { return };
        let mut drafts = self.written_records(written);
        let by_hand: Vec<String> = drafts
            .iter()
            .filter(|d| matches!(d.1.data, RecordData::A(_) | RecordData::Aaaa(_) | RecordData::Cname(_)))
            .map(|d| d.0.clone())
            .collect();
        let mut list = self.public_names(&by_hand);
        list.extend(self.issuers(written));
        for (domain, mail) in &written.mail {
            self.mail_records(domain, mail, &mut list);
        }
        list.append(&mut drafts);
        let names: Vec<String> = list.iter().map(|d| d.0.clone()).collect();
        let zones = self.zones(list);
        self.stack.dns = Some(Dns {
            ttl: written.ttl.map_or(TTL, |t| t.0),
            provider: written.provider,
            zones,
            mail: written
                .mail
                .keys()
                .map(|name| MailDomain {
                    name: name.to_string(),
                    signed: names.iter().any(|n| n.ends_with(&signed_below(name))),
                    place: at(["dns", "mail", name.as_str()]),
                })
                .collect(),
            place: at(["dns"]),
        });
    }

    /// What is asked of the running stack from outside.
    pub(super) fn probe(&mut self) {
        self.stack.probe = self.manifest.probe.as_ref().map(|written| OutsideProbe {
            certificate_days: written.certificate_days.unwrap_or(10),
            closed: written.closed.iter().map(|p| p.0).collect(),
            place: at(["probe"]),
        });
    }

    /// An address record for every public name that has none by hand.
    fn public_names(&mut self, by_hand: &[String]) -> Vec<Draft> {
        let host = &self.manifest.host;
        let addresses: Vec<RecordData> = [("address", &host.address), ("ipv6", &host.ipv6)]
            .into_iter()
            .filter_map(|(key, written)| self.address(key, written.as_ref()?))
            .collect();
        let mut list = Vec::new();
        let mut lacks = None;
        for site in &self.stack.sites {
            let planned = site.answer == Answer::Placeholder { status: Status::Planned };
            for name in std::iter::once(&site.host).chain(&site.aliases).filter(|n| !by_hand.contains(n)) {
                if addresses.is_empty() {
                    lacks.get_or_insert_with(|| site.place.clone());
                }
                list.extend(addresses.iter().map(|data| {
                    let record = Record {
                        name: String::new(),
                        ttl: None,
                        data: data.clone(),
                        note: site.service.clone(),
                        planned,
                        place: site.place.clone(),
                    };
                    Draft(name.clone(), record)
                }));
            }
        }
        if let Some(place) = lacks.filter(|_| host.address.is_none()) {
            self.out.push(
                Finding::error(
                    "schema-mismatch",
                    at(["dns"]).on_key(),
                    "expected the server's address for the public names",
                )
                .related(place, "a name without an address")
                .help("add `address:` to `host`, or a record for each name to `dns.records`"),
            );
        }
        list
    }

    /// The server's address as a record.
    fn address(&mut self, key: &str, written: &Cidr) -> Option<RecordData> {
        let parsed = written.as_str().parse::<IpAddr>();
        let message = match parsed {
            Ok(IpAddr::V4(a)) if key == "address" => return Some(RecordData::A(a)),
            Ok(IpAddr::V6(a)) => return Some(RecordData::Aaaa(a)),
            Ok(IpAddr::V4(_)) => format!("expected an IPv6 address, found `{written}`"),
            Err(_) => format!("expected one address, found the network `{written}`"),
        };
        self.out.push(
            Finding::error("schema-mismatch", at(["host", key]), message)
                .help("a record in the DNS holds one address of the server, without a length"),
        );
        None
    }

    /// Who may issue certificates for the domain.
    fn issuers(&mut self, written: &manifest::Dns) -> Vec<Draft> {
        if !written.caa && written.issuers.is_empty() {
            return Vec::new();
        }
        let place = at(["dns", if written.caa { "caa" } else { "issuers" }]);
        let Some(domain) = self.domain(&place) else { return Vec::new() };
        let own = written.caa.then(|| LETSENCRYPT.to_string());
        let others = written.issuers.iter().map(ToString::to_string).filter(|i| Some(i) != own.as_ref());
        let mut tags: Vec<(&str, String, &str)> = own
            .iter()
            .cloned()
            .chain(others)
            .map(|issuer| ("issue", issuer, "only these may issue certificates, also for names below"))
            .collect();
        if let Some(email) = &self.stack.acme.email {
            tags.push((
                "iodef",
                format!("mailto:{email}"),
                "whom an authority tells that somebody else asked",
            ));
        }
        tags.into_iter()
            .map(|(tag, value, note)| draft(&domain, RecordData::Caa(tag, value), note, &place))
            .collect()
    }

    /// What mail from a domain needs in order to be believed.
    fn mail_records(&mut self, domain: &HostName, mail: &manifest::MailDomain, list: &mut Vec<Draft>) {
        let place = at(["dns", "mail", domain.as_str()]);
        let hosts = match mail.provider {
            MailProvider::Mailgun => Some(MAILGUN),
            MailProvider::MailgunEu => Some(MAILGUN_EU),
            MailProvider::Other => None,
        };
        let mut add = |name: String, data, note: &str| list.push(draft(&name, data, note, &place));
        match (&mail.spf, hosts) {
            (Some(text), _) if !is_spf(text.as_str()) => self.out.push(
                Finding::error(
                    "schema-mismatch",
                    place.join("spf"),
                    "expected a text that starts with `v=spf1 `, found another",
                )
                .help("write the whole record: `v=spf1 include:example.net ~all`"),
            ),
            (Some(text), _) => {
                add(domain.to_string(), RecordData::Txt(text.to_string()), "who may send: SPF")
            }
            (None, Some(_)) => {
                add(domain.to_string(), RecordData::Txt(MAILGUN_SPF.into()), "who may send: SPF")
            }
            (None, None) => self.out.push(
                Finding::error("schema-mismatch", place.on_key(), "expected a `provider` or an `spf`")
                    .help("who may send for the domain is known for mailgun and mailgun-eu only"),
            ),
        }
        if let Some(dkim) = &mail.dkim {
            let name = format!("{}._domainkey.{domain}", dkim.selector.as_str());
            let text = format!("v=DKIM1; k=rsa; p={}", dkim.key.0);
            add(name, RecordData::Txt(text), "key that mails are signed with: DKIM");
        }
        if let Some(dmarc) = &mail.dmarc {
            let policy = match dmarc.policy {
                DmarcPolicy::None => "none",
                DmarcPolicy::Quarantine => "quarantine",
                DmarcPolicy::Reject => "reject",
            };
            let reports = dmarc.reports.as_ref().map_or_else(String::new, |r| format!("; rua=mailto:{r}"));
            let text = format!("v=DMARC1; p={policy}{reports}");
            add(format!("_dmarc.{domain}"), RecordData::Txt(text), "what becomes of forged mail: DMARC");
        }
        let Some([first, second, links]) = hosts else {
            for key in [("receives", mail.receives), ("tracking", mail.tracking)].iter().filter(|k| k.1) {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place.join(key.0),
                        format!("expected a provider whose servers are known with `{}`", key.0),
                    )
                    .help("write the records themselves under `dns.records`"),
                );
            }
            return;
        };
        if mail.receives {
            for host in [first, second] {
                add(domain.to_string(), RecordData::Mx(10, host.into()), "who receives mail");
            }
        }
        if mail.tracking {
            add(format!("email.{domain}"), RecordData::Cname(links.into()), "links in mails");
        }
    }

    /// The records of the manifest.
    fn written_records(&mut self, written: &manifest::Dns) -> Vec<Draft> {
        let place = at(["dns", "records"]);
        if written.records.is_empty() {
            return Vec::new();
        }
        let Some(domain) = self.domain(&place) else { return Vec::new() };
        let mut list = Vec::new();
        for (i, record) in written.records.iter().enumerate() {
            let place = place.join(i);
            let label = record.name.as_str();
            if label == domain || label.ends_with(&format!(".{domain}")) {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place.join("name"),
                        format!("expected a name without the domain, found `{label}`"),
                    )
                    .help(format!("the domain is added: this would be `{label}.{domain}`")),
                );
                continue;
            }
            let name = if label == "@" { domain.clone() } else { format!("{label}.{domain}") };
            if record.priority.is_some() && record.kind != RecordType::Mx {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place.join("priority"),
                        "expected no priority but for type MX, found one",
                    )
                    .help("remove it"),
                );
            }
            match data(record) {
                Ok(data) => {
                    let note = record.note.as_ref().map(ToString::to_string).unwrap_or_default();
                    let mut draft = draft(&name, data, &note, &place);
                    draft.1.ttl = record.ttl.map(|t| t.0);
                    list.push(draft);
                }
                Err(expected) => self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        place.join("value"),
                        // Not shown: nobody knows what somebody wrote here by mistake.
                        format!("expected {expected}, found something else"),
                    )
                    .help("the type of the record decides what it holds"),
                ),
            }
        }
        list
    }

    /// The stack's domain, which something needs.
    fn domain(&mut self, place: &Place) -> Option<String> {
        if self.stack.domain.is_none() {
            self.out.push(
                Finding::error("schema-mismatch", place.on_key(), "expected a `domain` of the stack")
                    .help("add `domain:` at the top; the records belong to it"),
            );
        }
        self.stack.domain.clone()
    }

    /// Every record in its zone, held against the others of its name.
    fn zones(&mut self, drafts: Vec<Draft>) -> Vec<Zone> {
        let mut zones: Vec<Zone> = Vec::new();
        for Draft(name, mut record) in drafts {
            if name.len() > 253 {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        record.place.clone(),
                        format!("expected a name of at most 253 characters, found {}", name.len()),
                    )
                    .help("shorten it"),
                );
                continue;
            }
            let (zone, guessed) = zone_of(&name, self.stack.domain.as_deref());
            record.name = match name.strip_suffix(&zone).map(|rest| rest.trim_end_matches('.')) {
                Some("") | None => "@".into(),
                Some(rest) => rest.into(),
            };
            let index = zones.iter().position(|z| z.name == zone).unwrap_or_else(|| {
                zones.push(Zone { name: zone, guessed, records: Vec::new() });
                zones.len() - 1
            });
            if let Some((other, why)) =
                zones[index].records.iter().find_map(|o| Some((o, clash(o, &record)?)))
            {
                self.out.push(
                    Finding::error("duplicate-key", record.place.clone(), format!("`{name}` {why}"))
                        .related(other.place.clone(), "the other record")
                        .help("remove one of the two, or make one record of both"),
                );
                continue;
            }
            if record.name == "@" && matches!(record.data, RecordData::Cname(_)) {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        record.place.clone(),
                        format!("expected no alias for the domain itself, found a CNAME for `{name}`"),
                    )
                    .help("a domain has other records as well, which an alias excludes; write its address"),
                );
                continue;
            }
            zones[index].records.push(record);
        }
        zones.sort_by_key(|zone| zone.guessed);
        zones
    }
}

/// Where the keys of a mail domain are, as the end of a name.
fn signed_below(domain: &HostName) -> String {
    format!("._domainkey.{domain}")
}

fn draft(name: &str, data: RecordData, note: &str, place: &Place) -> Draft {
    let note = note.to_string();
    let place = place.clone();
    Draft(name.to_string(), Record { name: String::new(), ttl: None, data, note, planned: false, place })
}

/// What a record of the manifest says; the error is what was expected.
fn data(record: &manifest::DnsRecord) -> Result<RecordData, &'static str> {
    let value = record.value.as_str();
    let host = || {
        HostName::try_from(value.to_string())
            .map(|h| h.to_string())
            .map_err(|_| "a lower-case host name without a dot at its end, other letters as xn--…")
    };
    Ok(match record.kind {
        RecordType::A => RecordData::A(value.parse().map_err(|_| "an IPv4 address")?),
        RecordType::Aaaa => RecordData::Aaaa(value.parse().map_err(|_| "an IPv6 address")?),
        RecordType::Cname => RecordData::Cname(host()?),
        RecordType::Mx => RecordData::Mx(record.priority.unwrap_or(10), host()?),
        RecordType::Ns => RecordData::Ns(host()?),
        RecordType::Txt if value.len() <= 2048 => RecordData::Txt(value.to_string()),
        RecordType::Txt => return Err("a text of at most 2048 bytes"),
    })
}

/// The domain a name belongs to, and whether that is a guess: without a list of public suffixes, the last two labels.
fn zone_of(name: &str, domain: Option<&str>) -> (String, bool) {
    if let Some(domain) = domain
        && (name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
    {
        return (domain.to_string(), false);
    }
    let start = name.rmatch_indices('.').nth(1).map_or(0, |(i, _)| i + 1);
    (name[start..].to_string(), true)
}

fn is_spf(text: &str) -> bool {
    text == "v=spf1" || text.starts_with("v=spf1 ")
}

/// Why two records cannot both be there.
fn clash(one: &Record, other: &Record) -> Option<&'static str> {
    if one.name != other.name {
        return None;
    }
    match (&one.data, &other.data) {
        (a, b) if a == b => Some("has the same record twice"),
        (RecordData::Cname(_), _) | (_, RecordData::Cname(_)) => {
            Some("is an alias, which excludes every other record of the name")
        }
        (RecordData::Txt(a), RecordData::Txt(b)) if is_spf(a) && is_spf(b) => {
            Some("has two SPF records, which receivers take for none")
        }
        _ => None,
    }
}
