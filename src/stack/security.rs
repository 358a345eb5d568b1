//! Web application firewall, login limits and hardening of the server.

use crate::finding::Place;
use crate::manifest::WafMode;
use crate::scalar::Bytes;

/// Hardening of the server and of the proxy as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Where the proxy has the web application firewall from, when a site asks for it.
    pub waf: Option<Waf>,
    /// How often passwords may be tried.
    pub logins: Option<LoginLimit>,
    /// Who is banned.
    pub ban: Option<Ban>,
    /// Account that is logged in to by SSH, when keys are the only way.
    pub ssh: Option<String>,
    /// Security updates by themselves.
    pub upgrades: Option<Upgrades>,
}

/// ModSecurity and the Core Rule Set, as the proxy finds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waf {
    /// Module to load; where the system loads it, none.
    pub module: Option<String>,
    /// Directory of the rules.
    pub rules: String,
}

/// A limit for attempts to log in, by address of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimit {
    /// Attempts per second or minute: `10r/m`.
    pub rate: String,
    /// Attempts above the rate that still pass.
    pub burst: u16,
}

/// What bans by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Also who exceeds the limit of attempts: the proxy's log is on the server, and shows who asked.
    pub logins: bool,
}

/// Security updates by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrades {
    /// When the server may restart: `03:30`.
    pub reboot: Option<String>,
}

/// What keeps attacks and guessed passwords away from a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Its web application firewall.
    pub waf: Option<SiteWaf>,
    /// Where passwords can be tried.
    pub logins: Vec<LoginPath>,
}

impl Guard {
    /// Takes in that of another service on the same site.
    pub fn join(&mut self, other: Self) {
        self.logins.extend(other.logins);
        if let (Some(own), Some(other)) = (&mut self.waf, other.waf) {
            own.methods.extend(other.methods);
            own.content_types.extend(other.content_types);
            own.secrets.extend(other.secrets);
            own.exclusions.extend(other.exclusions);
            own.read_limit = own.read_limit.max(other.read_limit);
        }
    }
}

/// The web application firewall of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteWaf {
    /// What happens to an attack.
    pub mode: WafMode,
    /// Methods beside GET, HEAD, POST and OPTIONS.
    pub methods: Vec<String>,
    /// Types of request bodies beside those the rules know.
    pub content_types: Vec<String>,
    /// Largest request body that is read; of a larger one only its beginning is.
    pub read_limit: Bytes,
    /// Names of arguments that hold passwords: they are neither looked at nor logged.
    pub secrets: Vec<String>,
    /// What is not looked for, and where.
    pub exclusions: Vec<Exclusion>,
    /// Where the mode is written.
    pub place: Place,
}

/// What is not looked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Path; everything below it too.
    pub path: String,
    /// Classes of attacks: `sqli`, `xss`; `all` for every one.
    pub attacks: Vec<String>,
    /// Parts of the request.
    pub targets: Vec<String>,
    /// Why.
    pub reason: String,
}

/// Where a password can be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPath {
    /// Path.
    pub path: String,
    /// Whether a language may stand before it.
    pub localized: bool,
}
