//! The small typed texts a manifest is made of: names, sizes, durations, host names, URLs; each checks itself.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

pub use crate::text::shown;

/// Declares a text newtype: how it is checked, and the same rule as a JSON Schema pattern.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $title:literal, $pattern:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $title, "pattern": $pattern })
            }
        }
    };
}

/// Text that names something: `[a-z0-9][a-z0-9_-]*`, at most 63 characters, as Compose and DNS both accept.
fn name(text: &str) -> Result<(), String> {
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if text.len() > 63 {
        return Err(format!("expected a name of at most 63 characters, found {}", text.len()));
    }
    if text.is_empty() || !text.chars().all(ok) || text.starts_with(['-', '_']) {
        return Err(format!(
            "expected a name of lower-case letters, digits, `-` and `_`, found {}",
            shown(text)
        ));
    }
    Ok(())
}

/// A DNS host name: labels of letters, digits and inner hyphens, at most 253 characters, two labels or more.
fn host_name(text: &str) -> Result<(), String> {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if text.len() <= 253 && text.contains('.') && text.split('.').all(label) {
        return Ok(());
    }
    Err(format!("expected a lower-case host name such as `erp.example.com`, found {}", shown(text)))
}

text!(
    /// A name: service, volume, database, project.
    Name,
    "lower-case letters, digits, - and _; starts with a letter or digit",
    "^[a-z0-9][a-z0-9_-]{0,62}$",
    name
);

text!(
    /// A host name.
    HostName,
    "a lower-case host name such as erp.example.com",
    r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$",
    host_name
);

text!(
    /// The name of a secret; never its value.
    SecretName,
    "the name of a secret: upper-case letters, digits and _",
    "^[A-Z][A-Z0-9_]{0,126}$",
    |text| {
        let ok = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if text.len() <= 127 && text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(ok) {
            return Ok(());
        }
        // The text may be the secret itself, written where its name belongs: never show it.
        Err("expected the name of a secret: upper-case letters, digits and `_`, such as `DB_PASSWORD`".into())
    }
);

text!(
    /// The name of an environment variable.
    EnvName,
    "the name of an environment variable",
    "^[A-Za-z_][A-Za-z0-9_]*$",
    |text| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(ok) {
            return Ok(());
        }
        Err(format!("expected the name of an environment variable, found {}", shown(text)))
    }
);

text!(
    /// A container name: what Docker accepts.
    ContainerName,
    "a container name: letters, digits, _ . and -",
    "^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$",
    |text| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if text.len() <= 128
            && text.bytes().all(ok)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Ok(());
        }
        Err(format!("expected letters, digits, `_`, `.` and `-`, found {}", shown(text)))
    }
);

text!(
    /// A volume name as Docker knows it.
    VolumeName,
    "a Docker volume name: letters, digits, _ . and -",
    "^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$",
    |text| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if (1..=255).contains(&text.len())
            && text.bytes().all(ok)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Ok(());
        }
        Err(format!("expected letters, digits, `_`, `.` and `-`, found {}", shown(text)))
    }
);

text!(
    /// An image reference without control characters: `odoo:18.0`, `ghcr.io/org/app:1.2@sha256:...`.
    ImageRef,
    "an image reference such as odoo:18.0 or ghcr.io/org/app:1.2@sha256:...",
    r"^[a-z0-9][a-z0-9._-]*(:[0-9]+(?=/))?(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$",
    image
);

fn image(text: &str) -> Result<(), String> {
    let fail = || Err(format!("expected an image reference such as `odoo:18.0`, found {}", shown(text)));
    let (rest, digest) = text.split_once('@').map_or((text, None), |(r, d)| (r, Some(d)));
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or("");
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return fail();
        }
    }
    // A colon after the last slash starts the tag; one before it is a registry's port.
    let slash = rest.rfind('/').map_or(0, |i| i + 1);
    let (repository, tag) = match rest[slash..].find(':') {
        Some(i) => (&rest[..slash + i], Some(&rest[slash + i + 1..])),
        None => (rest, None),
    };
    let tag_ok = |t: &str| {
        (1..=128).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
            && !t.starts_with(['.', '-'])
    };
    let part_ok = |(i, p): (usize, &str)| {
        let p = match p.split_once(':') {
            Some((host, port))
                if i == 0 && slash > 0 && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) =>
            {
                host
            }
            Some(_) => return false,
            None => p,
        };
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
    };
    let starts = repository.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && repository.split('/').enumerate().all(part_ok) && tag.is_none_or(tag_ok) {
        return Ok(());
    }
    fail()
}

text!(
    /// The version of a product as the tag of an image: `18.0`, `1.30.0-alpine`.
    Version,
    "a version that can be the tag of an image: letters, digits, _ . and -",
    "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
    |text| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if (1..=128).contains(&text.len()) && text.bytes().all(ok) && !text.starts_with(['.', '-']) {
            return Ok(());
        }
        Err(format!("expected a version such as \"18.0\" or 1.30.0-alpine, found {}", shown(text)))
    }
);

text!(
    /// A path or text on one line: no control characters.
    Line,
    "one line of text",
    r"^(?!\s)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+(?<!\s)$",
    |text| {
        if text.is_empty() {
            return Err("expected some text, found an empty one".into());
        }
        if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(format!("expected one line without control characters, found {}", shown(text)));
        }
        // Some files lose them, and nobody sees them.
        if text.trim() != text {
            return Err(format!("expected text without blanks around it, found {}", shown(text)));
        }
        Ok(())
    }
);

text!(
    /// A path below a URL: starts with `/`, no blanks, quotes or characters that end an nginx word.
    UrlPath,
    "a path that starts with /",
    r#"^(?!.*/\.\.?(/|$))/[A-Za-z0-9._~!&'()*+,=:@%/-]*$"#,
    |text| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || b"._~!&'()*+,=:@%/-".contains(&b);
        // A server resolves these before it looks for a route, which would then never be found: a refusal that holds
        // for nothing.
        let resolved = text.split('/').any(|part| matches!(part, "." | ".."));
        if text.starts_with('/') && text.bytes().all(ok) && !resolved {
            return Ok(());
        }
        Err(format!("expected a path such as `/websocket`, found {}", shown(text)))
    }
);

text!(
    /// A day: `2026-02-12`.
    Date,
    "a day as YYYY-MM-DD, in quotes",
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    |text| {
        let parts: Vec<_> = text.split('-').collect();
        let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
        if let [y, m, d] = parts[..]
            && digits(y, 4)
            && digits(m, 2)
            && digits(d, 2)
            && ("01"..="12").contains(&m)
            && ("01"..="31").contains(&d)
        {
            return Ok(());
        }
        Err(format!("expected a day such as \"2026-02-12\", found {}", shown(text)))
    }
);

text!(
    /// A time of day.
    ClockTime,
    "a time of day as HH:MM, in quotes",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
    |text| match text.as_bytes() {
        [h @ b'0'..=b'2', m @ b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9'] if *h < b'2' || *m < b'4' => Ok(()),
        _ => Err(format!("expected a time of day such as \"03:30\", found {}", shown(text))),
    }
);

text!(
    /// An e-mail address, checked only as far as a configuration line needs it.
    Email,
    "an e-mail address",
    r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    |text| {
        let local = |b: u8| b.is_ascii_alphanumeric() || b"._%+-".contains(&b);
        if let Some((user, host)) = text.split_once('@')
            && !user.is_empty()
            && user.bytes().all(local)
            && host.contains('.')
            && host.split('.').all(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        {
            return Ok(());
        }
        Err(format!("expected an e-mail address, found {}", shown(text)))
    }
);

text!(
    /// A network or address: `203.0.113.0/24`, `2001:db8::/32`, `198.51.100.7`.
    Cidr,
    "an IPv4 or IPv6 address or network",
    concat!(
        r"^(((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3})",
        r"(/(3[0-2]|[12]?[0-9]))?",
        // Eight groups, or at most seven around one `::`.
        r"|(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}",
        r"|([0-9A-Fa-f]{1,4}:){1,7}:",
        r"|([0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}",
        r"|([0-9A-Fa-f]{1,4}:){1,5}(:[0-9A-Fa-f]{1,4}){1,2}",
        r"|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}",
        r"|([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){1,4}",
        r"|([0-9A-Fa-f]{1,4}:){1,2}(:[0-9A-Fa-f]{1,4}){1,5}",
        r"|([0-9A-Fa-f]{1,4}:){1,1}(:[0-9A-Fa-f]{1,4}){1,6}",
        r"|:((:[0-9A-Fa-f]{1,4}){1,7}|:))",
        r"(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$"
    ),
    |text| {
        // `/08` is octal to some readers.
        let octal = text.split_once('/').is_some_and(|(_, length)| length.len() > 1 && length.starts_with('0'));
        if (text.parse::<ipnet::IpNet>().is_ok() && !octal) || text.parse::<std::net::IpAddr>().is_ok() {
            return Ok(());
        }
        Err(format!("expected an address or network such as `203.0.113.0/24`, found {}", shown(text)))
    }
);

text!(
    /// A public URL of the stack: scheme, host name, optional path.
    Url,
    "an http or https URL such as https://erp.example.com",
    concat!(
        r"^https?://(?=[a-z0-9.-]{1,253}(:|/|$))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        r"(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+",
        r"(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?",
        r"(/[A-Za-z0-9._~%/-]*)?$"
    ),
    |text| {
        let fail = || Err(format!("expected a URL such as `https://erp.example.com`, found {}", shown(text)));
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return fail();
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p)));
        let path_ok = |b: u8| b.is_ascii_alphanumeric() || b"._~%/-".contains(&b);
        let port_ok = |p: &str| {
            // `:0443` is the same port, but not the same text to whoever compares URLs.
            !p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok()
        };
        if host_name(host).is_ok() && port.is_none_or(port_ok) && path.bytes().all(path_ok) {
            return Ok(());
        }
        fail()
    }
);

impl Url {
    /// The host name.
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, r)| r);
        &rest[..rest.find([':', '/']).unwrap_or(rest.len())]
    }

    /// The path with neither leading host nor trailing slash; empty for the root.
    pub fn path(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, r)| r);
        rest.find('/').map_or("", |i| rest[i..].trim_end_matches('/'))
    }

    /// The port written in the URL, if one is.
    pub fn port(&self) -> Option<u16> {
        let rest = self.0.split_once("://").map_or("", |(_, r)| r);
        rest.split('/').next()?.split_once(':')?.1.parse().ok()
    }

    /// Whether the scheme is https.
    pub fn https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// Reads a text with a unit. Unlike `try_from = "String"` a bare number is told what it lacks.
macro_rules! with_unit {
    ($name:ident, $what:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::try_from(text.to_string()).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

with_unit!(Bytes, "a size such as `512MiB` or `2GiB`");
with_unit!(Seconds, "a duration such as `30s`, `5m` or `2h`");
with_unit!(Rate, "a rate such as `10r/s` or `30r/m`");

/// A size in bytes, written `512MiB`, `2GiB`; decimal `MB`/`GB` and bare `m`/`g` are refused as ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl TryFrom<String> for Bytes {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match &text[digits.len()..] {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => 0,
        };
        let number = (digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse::<u64>().ok())
            .flatten()
            .unwrap_or(0);
        number
            .checked_mul(unit)
            .filter(|n| *n > 0)
            .map(Self)
            .ok_or_else(|| format!("expected a size such as `512MiB` or `2GiB`, found {}", shown(&text)))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
            .into_iter()
            .find(|(shift, _)| self.0.is_multiple_of(1 << shift))
            .map_or((self.0, "B"), |(shift, unit)| (self.0 >> shift, unit));
        write!(f, "{n}{unit}")
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "description": "a size in powers of 1024: 512MiB, 2GiB",
            "pattern": "^(?=[0-9]{1,6}[A-Z])0*[1-9][0-9]*(KiB|MiB|GiB|TiB)$"
        })
    }
}

/// A length of time in whole seconds, written `30s`, `5m`, `2h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u32);

impl TryFrom<String> for Seconds {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86400,
            _ => 0,
        };
        let number = (digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse::<u32>().ok())
            .flatten();
        number
            .and_then(|n| n.checked_mul(unit))
            .filter(|n| *n > 0)
            .map(Self)
            .ok_or_else(|| format!("expected a duration such as `30s`, `5m` or `2h`, found {}", shown(&text)))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s % 86400 == 0 => write!(f, "{}d", s / 86400),
            s if s % 3600 == 0 => write!(f, "{}h", s / 3600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "description": "a duration: 30s, 5m, 2h, 7d",
            // Days end where 32 bits of seconds do.
            "pattern": concat!(
                "^(?=[0-9]{1,5}[a-z])0*([1-9][0-9]*[smh]",
                "|([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-8][0-9]{3}|49[0-6][0-9]{2}|4970[0-9]|49710)d)$"
            )
        })
    }
}

/// A request rate such as `10r/s` or `30r/m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate(pub String);

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_suffix("r/s").or_else(|| text.strip_suffix("r/m")).unwrap_or("");
        if (1..=6).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && number.bytes().any(|b| b != b'0')
        {
            return Ok(Self(text));
        }
        Err(format!("expected a rate such as `10r/s` or `30r/m`, found {}", shown(&text)))
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "description": "requests per second or minute: 10r/s, 30r/m",
            "pattern": "^(?=.*[1-9])[0-9]{1,6}r/(s|m)$"
        })
    }
}

/// A port number, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u16")]
pub struct Port(pub u16);

impl TryFrom<u16> for Port {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if number == 0 { Err("expected a port from 1 to 65535, found 0".into()) } else { Ok(Self(number)) }
    }
}

impl JsonSchema for Port {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

/// A scalar kept exactly as written: `0.60` stays `0.60`. Text, numbers and booleans are accepted, but no NUL: it ends
/// the value for whoever reads it in an environment or on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename = "$raw")]
pub struct Raw(#[serde(deserialize_with = "without_nul")] pub String);

fn without_nul<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.contains('\0') {
        return Err(serde::de::Error::custom("expected text without NUL, found one in it"));
    }
    Ok(text)
}

impl JsonSchema for Raw {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"], "description": "kept exactly as written", "pattern": "^[^\\u0000]*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts<T: TryFrom<String, Error = String>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_string()).is_ok(), "refused {text:?}");
        }
        for text in bad {
            assert!(T::try_from((*text).to_string()).is_err(), "accepted {text:?}");
        }
    }

    #[test]
    fn each_scalar_refuses_what_is_not_one() {
        accepts::<Name>(&["odoo", "n8n-worker", "0a"], &["", "-a", "A", "a b", "a.b", "é"]);
        accepts::<HostName>(
            &["erp.example.com", "a.b"],
            &["a", "a..b", "-a.b", "a.b.", "*.a.b", "a_b.c", "A.b"],
        );
        accepts::<ImageRef>(
            &[
                "odoo",
                "odoo:18.0",
                "ghcr.io/a/b:1.2",
                "localhost:5000/a/b:c",
                "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ],
            &["", "a b", "a:", "a:b:c", "A", "a@sha256:12", "a:${X}", "a\n", "https://a/b"],
        );
        accepts::<Version>(
            &["18.0", "1.30.0-alpine", "v5", "_x"],
            &["", "1.0 ", "a b", "1:2", "1@2", "1/2", "-1", ".1", "1\n", "é"],
        );
        accepts::<Line>(
            &["a", "é {{ $ ;"],
            &["", " ", " a", "a ", "a\u{a0}", "a\nb", "\0", "\x1b", "\u{7f}", "\u{80}", "\u{85}", "\u{2028}"],
        );
        accepts::<Bytes>(
            &["1KiB", "512MiB", "8GiB"],
            &["512m", "1GB", "0MiB", "GiB", "-1GiB", "1.5GiB", "99999999GiB"],
        );
        accepts::<Seconds>(&["30s", "5m", "2h", "7d"], &["30", "0s", "1w", "s", "-1s", "999999d"]);
        accepts::<Date>(&["2026-02-12"], &["2026-13-01", "2026-1-1", "x"]);
        accepts::<UrlPath>(
            &["/", "/web/database", "/api/v4"],
            &["", "web", "/../a", "/a/..", "/./a", "/a b", "/a;", "/a{", "/$x", "/\"", "/a\n"],
        );
        accepts::<Url>(
            &["https://a.example.com", "http://a.b/x/", "https://a.b:8443"],
            &[
                "a.b",
                "ftp://a.b",
                "https://a",
                "https://a.b/ x",
                "https://u@a.b",
                "https://a.b:0",
                "https://a.b;x",
            ],
        );
        accepts::<SecretName>(&["DB_PASSWORD"], &["db", "1A", "", "A-B"]);
        accepts::<Email>(&["a.b+c@example.com"], &["a", "a@b", "a b@c.d", "a@b.c\n"]);
        accepts::<Cidr>(&["10.0.0.0/8", "::/0", "1.2.3.4"], &["1.2.3.400", "10.0.0.0/33", "x"]);
        accepts::<Rate>(&["10r/s", "30r/m"], &["10", "0r/s", "r/s", "10r/h"]);
    }

    #[test]
    fn a_refused_secret_name_is_not_shown() {
        let error = SecretName::try_from("hunter2 is my password".to_string()).expect_err("not a name");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn url_parts() {
        let url = Url::try_from("https://a.example.com:8443/x/y/".to_string()).expect("a URL");
        assert_eq!(
            (url.host(), url.path(), url.port(), url.https()),
            ("a.example.com", "/x/y", Some(8443), true)
        );
    }
}
