//! Names in the DNS, and what is asked of the running stack from outside.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::finding::Place;
use crate::manifest::Provider;

/// Names in the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// How long an answer may be kept, in seconds.
    pub ttl: u32,
    /// Who answers for the zones.
    pub provider: Option<Provider>,
    /// The zones, that of the stack's domain first.
    pub zones: Vec<Zone>,
    /// Domains that mail is sent from.
    pub mail: Vec<MailDomain>,
    /// Where it is declared.
    pub place: Place,
}

/// The records below one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The domain.
    pub name: String,
    /// Whether it was only guessed from the names below it.
    pub guessed: bool,
    /// The records.
    pub records: Vec<Record>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Name below the zone; `@` for the zone itself.
    pub name: String,
    /// How long an answer may be kept, when not as all.
    pub ttl: Option<u32>,
    /// What it says.
    pub data: RecordData,
    /// What it is for.
    pub note: String,
    /// What it is for is not there yet.
    pub planned: bool,
    /// Where it comes from.
    pub place: Place,
}

/// What a record says. Host names have no dot at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordData {
    /// IPv4 address.
    A(Ipv4Addr),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name for this host.
    Cname(String),
    /// Who receives mail: priority and host.
    Mx(u16, String),
    /// Text.
    Txt(String),
    /// Who may issue certificates: tag and value.
    Caa(&'static str, String),
    /// Who answers for the name.
    Ns(String),
}

impl RecordData {
    /// What it says, without what stands beside it.
    pub fn text(&self) -> String {
        match self {
            Self::A(address) => address.to_string(),
            Self::Aaaa(address) => address.to_string(),
            Self::Cname(text) | Self::Mx(_, text) | Self::Txt(text) | Self::Caa(_, text) | Self::Ns(text) => {
                text.clone()
            }
        }
    }

    /// The name of the type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::A(_) => "A",
            Self::Aaaa(_) => "AAAA",
            Self::Cname(_) => "CNAME",
            Self::Mx(..) => "MX",
            Self::Txt(_) => "TXT",
            Self::Caa(..) => "CAA",
            Self::Ns(_) => "NS",
        }
    }
}

/// A domain that mail is sent from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain {
    /// The domain.
    pub name: String,
    /// Whether the key that mails are signed with is known.
    pub signed: bool,
    /// Where it is declared.
    pub place: Place,
}

/// What is asked of the running stack from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideProbe {
    /// Days a certificate must still be valid.
    pub certificate_days: u16,
    /// Further ports that must not answer.
    pub closed: Vec<u16>,
    /// Where it is declared.
    pub place: Place,
}
