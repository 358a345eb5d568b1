//! `security`: the web application firewall, login limits and hardening of the server.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::short;
use crate::scalar::{ClockTime, Name, Rate};

/// Web application firewall, login limits and hardening of the server. Nothing of it is on by default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Security {
    /// ModSecurity with the Core Rule Set in front of sites.
    pub waf: Option<Waf>,
    /// How often passwords may be tried.
    pub logins: Option<Logins>,
    /// Log in by key only: a drop-in for sshd.
    #[serde(default)]
    pub ssh: bool,
    /// Security updates by themselves.
    pub upgrades: Option<Upgrades>,
}

/// ModSecurity with the Core Rule Set.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename = "Waf|mode")]
#[schemars(rename = "Waf", transform = |s: &mut Schema| short(s, "mode"))]
pub struct Waf {
    /// What happens to a request that looks like an attack. Default: detection.
    #[serde(default)]
    pub mode: WafMode,
    /// Services whose sites it stands in front of. Default: all that answer.
    pub sites: Option<Vec<Name>>,
}

/// What happens to a request that looks like an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WafMode {
    /// It is logged and passes.
    #[default]
    Detection,
    /// It is logged and answered with 403.
    Blocking,
}

/// The same for one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WafChoice {
    /// It is logged and passes.
    Detection,
    /// It is logged and answered with 403.
    Blocking,
    /// Nothing looks at it.
    Off,
}

/// How often passwords may be tried.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename = "Logins|rate")]
#[schemars(rename = "Logins", transform = |s: &mut Schema| short(s, "rate"))]
pub struct Logins {
    /// Attempts of one address at all login pages together: 10r/m.
    pub rate: Rate,
    /// Attempts in a row before the rate holds. Default: as many as the rate has.
    pub burst: Option<u16>,
    /// fail2ban on the server bans who fails to log in by SSH, and at an nginx on the host who tries too often.
    #[serde(default)]
    pub ban: bool,
}

/// Security updates by themselves.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename = "Upgrades|enabled")]
#[schemars(rename = "Upgrades", transform = |s: &mut Schema| short(s, "enabled"))]
pub struct Upgrades {
    /// Whether they are on. Default: they are, where this is written.
    pub enabled: Option<bool>,
    /// When the server may restart if an update asks for it. Default: it does not.
    pub reboot: Option<ClockTime>,
}
