//! What a user writes about backups.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::{HostPath, SecretRef};
use crate::scalar::{ImageRef, Name, Url, Version, VolumeName};

/// Backups of everything that `volumes` and databases say is saved.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Backups {
    /// Where backups are kept, encrypted.
    pub store: Store,
    /// Secret with restic's password; whoever loses it loses the backups.
    pub password: SecretRef,
    /// Time of the daily run in the stack's time zone; hourly and weekly ones follow. Default: "02:15".
    pub at: Option<TimeOfDay>,
    /// How many backups are kept. Default: as the class of the volumes says.
    pub keep: Option<Keep>,
    /// How often a restore is tried in a place of its own. Default: monthly.
    #[serde(default)]
    pub drill: Drill,
    /// Version of restic. Default: that of the kind.
    pub version: Option<Version>,
    /// Image of restic, when it is not the kind's own.
    pub image: Option<ImageRef>,
}

/// Where backups are kept: a bucket that speaks S3, or a directory of the server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Store {
    /// URL of the S3 service: https://sgp1.digitaloceanspaces.com
    pub endpoint: Option<Url>,
    /// Bucket.
    pub bucket: Option<VolumeName>,
    /// Region of the bucket.
    pub region: Option<Name>,
    /// Folder in the bucket. Default: the name of the stack.
    pub path: Option<Name>,
    /// Secret with the id of the access key.
    pub access_key: Option<SecretRef>,
    /// Secret with the access key itself.
    pub secret_key: Option<SecretRef>,
    /// Directory of the server instead, such as a mounted file system; absolute, or below the deploy directory.
    pub directory: Option<HostPath>,
}

/// How many backups are kept, of the newest of each hour, day, week and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Keep {
    /// Hours.
    #[serde(default)]
    pub hourly: u16,
    /// Days.
    #[serde(default)]
    pub daily: u16,
    /// Weeks.
    #[serde(default)]
    pub weekly: u16,
    /// Months.
    #[serde(default)]
    pub monthly: u16,
}

/// How often a restore is tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Drill {
    /// Every week.
    Weekly,
    /// Every month.
    #[default]
    Monthly,
    /// Never by itself.
    Never,
}

/// A time of day: "02:15".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeOfDay {
    /// Hour, from 0.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let number = |part: &str, below: u8| {
            let plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse().ok().filter(|n| plain && *n < below)
        };
        text.split_once(':')
            .and_then(|(hour, minute)| Some(Self { hour: number(hour, 24)?, minute: number(minute, 60)? }))
            .ok_or_else(|| {
                format!("expected a time such as \"02:15\", found {}", crate::scalar::shown(&text))
            })
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
    }
}
