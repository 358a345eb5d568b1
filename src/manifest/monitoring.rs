//! What a user writes about monitoring.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{HostPath, SecretRef};
use crate::scalar::{Email, Name, Seconds, Url};

/// Monitoring: Prometheus with alerts that follow from the stack, and Grafana.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Monitoring {
    /// Who is told what is wrong.
    pub alerts: Alerts,
    /// Public URL of Grafana. Default: none; it listens on the server's loopback address only.
    pub url: Option<Url>,
    /// How long measurements are kept. Default: 30d.
    pub retention: Option<Seconds>,
    /// Directory in which backups say when they last succeeded: `*.prom` files with
    /// `stackgen_backup_last_success_timestamp_seconds`, below the deploy directory or absolute.
    pub backup_status: Option<HostPath>,
}

/// Who is told what is wrong; at least one way.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Alerts {
    /// Mail transport that carries alerts; see `mail`.
    pub mail: Option<Name>,
    /// Addresses that get the mail.
    #[serde(default)]
    pub to: Vec<Email>,
    /// Secret with the URL of an incoming webhook of Mattermost or Slack.
    pub mattermost: Option<SecretRef>,
}
