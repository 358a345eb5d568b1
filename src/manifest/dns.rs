//! The blocks `dns`, names in the DNS, and `probe`, what is asked of the running stack from outside.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::{Map, Provider};
use crate::scalar::{Email, HostName, Line, Port, Seconds, shown};

/// Names in the DNS. The addresses of the public names follow from the services.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Dns {
    /// How long an answer may be kept. Default: 1h.
    pub ttl: Option<Seconds>,
    /// Who answers for the domain; for digitalocean a script for doctl is written.
    pub provider: Option<Provider>,
    /// Let nobody but the issuer of the certificates issue any, for the domain and all names below it.
    #[serde(default)]
    pub caa: bool,
    /// Further certificate authorities that may issue, by their domain: `pki.goog`.
    #[serde(default)]
    pub issuers: Vec<HostName>,
    /// Domains that mail is sent from, by name.
    #[serde(default)]
    pub mail: Map<HostName, MailDomain>,
    /// Further records of the domain. An address or alias here replaces those that would follow for the name.
    #[serde(default)]
    pub records: Vec<DnsRecord>,
}

/// A domain that mail is sent from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct MailDomain {
    /// Who sends; known for mailgun. Default: other.
    #[serde(default)]
    pub provider: MailProvider,
    /// Who may send, as the text of the SPF record. Default: that of the provider.
    pub spf: Option<Line>,
    /// Mail for the domain is received by the provider.
    #[serde(default)]
    pub receives: bool,
    /// Links in mails are counted under `email.` before the domain, by the provider.
    #[serde(default)]
    pub tracking: bool,
    /// Public key that mails are signed with.
    pub dkim: Option<Dkim>,
    /// What receivers do with mail that is neither from the right sender nor signed.
    pub dmarc: Option<Dmarc>,
}

/// Who sends mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MailProvider {
    /// Mailgun, in its US region.
    Mailgun,
    /// Mailgun, in its EU region.
    MailgunEu,
    /// Any other; `spf` says who.
    #[default]
    Other,
}

/// A public key that mails are signed with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Dkim {
    /// Selector: the name before `._domainkey`.
    pub selector: RecordName,
    /// The key: the text after `p=`.
    pub key: DkimKey,
}

/// What receivers do with mail that fails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Dmarc|policy")]
#[schemars(rename = "Dmarc", transform = |s: &mut Schema| super::short(s, "policy"))]
pub struct Dmarc {
    /// What receivers do.
    pub policy: DmarcPolicy,
    /// Address for daily reports.
    pub reports: Option<Email>,
}

/// What receivers do with mail that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DmarcPolicy {
    /// Deliver and report.
    None,
    /// Put it into the junk folder.
    Quarantine,
    /// Refuse it.
    Reject,
}

/// A further record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct DnsRecord {
    /// Name below the domain, without it: `www`; `@` for the domain itself.
    pub name: RecordName,
    /// Type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// Address, host name (without a dot at its end) or text.
    pub value: Line,
    /// Priority, for MX. Default: 10.
    pub priority: Option<u16>,
    /// How long an answer may be kept, when not `ttl`.
    pub ttl: Option<Seconds>,
    /// What it is for.
    pub note: Option<Line>,
}

/// Types of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Another name for a host.
    #[serde(rename = "CNAME")]
    Cname,
    /// Who receives mail.
    #[serde(rename = "MX")]
    Mx,
    /// Text.
    #[serde(rename = "TXT")]
    Txt,
    /// Who answers for a name below the domain.
    #[serde(rename = "NS")]
    Ns,
}

/// What is asked of the running stack from outside.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct OutsideProbe {
    /// Days a certificate must still be valid. Default: 10, when renewal has been tried for days.
    pub certificate_days: Option<u16>,
    /// Further ports that must not answer.
    #[serde(default)]
    pub closed: Vec<Port>,
}

/// The name of a record below its domain: labels with `_` as well, `*` as the first, `@` for the domain itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RecordName(String);

impl RecordName {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RecordName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let label = |l: &str| {
            (1..=63).contains(&l.len()) && l.bytes().all(ok) && !l.starts_with('-') && !l.ends_with('-')
        };
        let rest = text.strip_prefix("*.").unwrap_or(&text);
        if text == "@" || text == "*" || text.len() <= 253 && rest.split('.').all(label) {
            return Ok(Self(text));
        }
        Err(format!(
            "expected a name below the domain such as `www` or `_dmarc.mg`, without a dot at its end, other letters as xn--…, found {}",
            shown(&text)
        ))
    }
}

impl JsonSchema for RecordName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RecordName".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        let label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
        schemars::json_schema!({
            "type": "string",
            "pattern": format!(r"^(@|\*|(?=.{{1,253}}$)(\*\.)?{label}(\.{label})*)$")
        })
    }
}

/// A public key of DKIM: base64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DkimKey(pub String);

impl TryFrom<String> for DkimKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let body = text.trim_end_matches('=');
        let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        if (40..=1600).contains(&text.len()) && text.len() - body.len() <= 2 && body.bytes().all(ok) {
            return Ok(Self(text));
        }
        Err(format!("expected a public key in base64, the text after `p=`, found {}", shown(&text)))
    }
}

impl JsonSchema for DkimKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DkimKey".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(?=.{40,1600}$)[A-Za-z0-9+/]+={0,2}$" })
    }
}
