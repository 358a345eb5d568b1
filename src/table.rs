//! Tables of the names a product really reads: environment variables or keys of its configuration file.
//!
//! A table is tab-separated text: `name type default file status note`. A name may end in `*`.

use std::sync::Arc;

use crate::text::{is_slip, nearest, one_of};

/// The type of a value, as tables and kinds write it: `int 1..65535`, `enum a|b`, `bool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueType {
    /// Anything on one line.
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Int(i64, i64),
    /// A number.
    Float,
    /// One of these words.
    Enum(Vec<String>),
    /// An absolute path.
    Path,
    /// Items separated by commas.
    List,
    /// JSON text.
    Json,
    /// A URL.
    Url,
}

impl ValueType {
    /// Reads a type; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(match (word, rest) {
            ("string" | "duration", "") => Self::String,
            ("bool", "") => Self::Bool,
            ("float", "") => Self::Float,
            ("path", "") => Self::Path,
            ("list", "") => Self::List,
            ("json", "") => Self::Json,
            ("url", "") => Self::Url,
            ("int", "") => Self::Int(i64::MIN, i64::MAX),
            ("int", range) => {
                let (low, high) = range.split_once("..")?;
                let end =
                    |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
                Self::Int(end(low, i64::MIN)?, end(high, i64::MAX)?)
            }
            ("enum", choices) if !choices.is_empty() => {
                Self::Enum(choices.split('|').map(str::to_string).collect())
            }
            _ => return None,
        })
    }

    /// Checks a value as text; the error says what was expected, in lower case.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let ok = match self {
            Self::String | Self::List => true,
            Self::Bool => matches!(value, "true" | "false" | "True" | "False" | "1" | "0"),
            Self::Int(low, high) => value.parse::<i64>().is_ok_and(|n| (*low..=*high).contains(&n)),
            Self::Float => value.parse::<f64>().is_ok(),
            Self::Enum(choices) => choices.iter().any(|c| c == value),
            Self::Path => true,
            Self::Json => serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok(),
            Self::Url => value.contains("://"),
        };
        if ok { Ok(()) } else { Err(format!("expected {}", self.describe())) }
    }

    /// The accepted value that one which is not was probably meant to be, and whether that is certain.
    pub fn meant(&self, value: &str) -> Option<(String, bool)> {
        let lower = value.to_ascii_lowercase();
        match self {
            Self::Bool => match lower.as_str() {
                "true" | "yes" | "on" | "y" => Some(("true".into(), lower == "true")),
                "false" | "no" | "off" | "n" => Some(("false".into(), lower == "false")),
                _ => None,
            },
            Self::Enum(choices) => {
                let known = || choices.iter().map(String::as_str);
                if let Some(same) = known().find(|c| c.eq_ignore_ascii_case(value)) {
                    return Some((same.into(), true));
                }
                // `warning` for `warn`.
                let longer = |c: &&str| c.len() >= 3 && (lower.starts_with(*c) || c.starts_with(&lower));
                let near = nearest(value, known()).or_else(|| known().find(longer))?;
                Some((near.into(), is_slip(value, known())))
            }
            _ => None,
        }
    }

    /// What the type accepts, as prose.
    pub fn describe(&self) -> String {
        match self {
            Self::String => "text".into(),
            Self::Bool => "true or false".into(),
            Self::Int(i64::MIN, i64::MAX) => "a whole number".into(),
            Self::Int(low, i64::MAX) => format!("a whole number from {low}"),
            Self::Int(i64::MIN, high) => format!("a whole number up to {high}"),
            Self::Int(low, high) => format!("a whole number from {low} to {high}"),
            Self::Float => "a number".into(),
            Self::Enum(choices) => one_of(choices.iter().map(String::as_str)),
            Self::Path => "a path".into(),
            Self::List => "a list separated by commas".into(),
            Self::Json => "JSON".into(),
            Self::Url => "a URL".into(),
        }
    }
}

/// Whether a name is still read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It is.
    Read,
    /// It is, but goes away; what replaces it, if anything does.
    Deprecated(Option<String>),
    /// It is not; what does what it was meant to do, if anything does.
    Removed(Option<String>),
}

/// One known name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// What its value must be.
    pub value: ValueType,
    /// The product's own default.
    pub default: String,
    /// `NAME_FILE` with the path of a file works too.
    pub file: bool,
    /// Its value is a credential.
    pub secret: bool,
    /// Whether it is still read.
    pub reading: Reading,
    /// What an operator should know.
    pub note: String,
}

/// What a lookup found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The name itself.
    Known(&'a Row),
    /// The `_FILE` form of a name that has one.
    File(&'a Row),
    /// No such name; [`Table::nearest`] may know what was meant.
    Unknown,
}

/// The names one product reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Reads a table. The error names the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Arc<Self>, String> {
        let mut rows = Vec::new();
        let lines = text.lines().enumerate().filter(|(_, l)| !l.starts_with('#') && !l.is_empty());
        for (i, line) in lines.skip(1) {
            let fault = |what: &str| format!("line {}: {what}", i + 1);
            let columns: Vec<_> = line.split('\t').collect();
            let [name, kind, default, file, status, note] = columns[..] else {
                return Err(fault("expected six columns separated by tabs"));
            };
            let value = ValueType::parse(kind).ok_or_else(|| fault(&format!("`{kind}` is no type")))?;
            let mut row = Row {
                name: name.into(),
                value,
                default: default.into(),
                file: file == "yes",
                secret: false,
                reading: Reading::Read,
                note: note.into(),
            };
            for word in status.split(',').map(str::trim).filter(|w| !w.is_empty()) {
                let (word, new) =
                    word.split_once(' ').map_or((word, None), |(w, n)| (w, Some(n.to_string())));
                match word {
                    "secret" => row.secret = true,
                    "deprecated" => row.reading = Reading::Deprecated(new),
                    "removed" => row.reading = Reading::Removed(new),
                    other => return Err(fault(&format!("`{other}` is no status"))),
                }
            }
            rows.push(row);
        }
        Ok(Arc::new(Self { rows }))
    }

    /// Every row, in the order of the table.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Looks a name up.
    pub fn find(&self, name: &str) -> Lookup<'_> {
        // An exact name wins over a wildcard.
        let row = |name: &str| {
            let wild = |r: &&Row| r.name.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix));
            self.rows.iter().find(|r| r.name == name).or_else(|| self.rows.iter().find(wild))
        };
        if let Some(row) = row(name) {
            return Lookup::Known(row);
        }
        if let Some(row) = name.strip_suffix("_FILE").and_then(row).filter(|r| r.file) {
            return Lookup::File(row);
        }
        Lookup::Unknown
    }

    /// The name that is read and that an unknown one was probably meant to be.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let read = self.rows.iter().filter(|r| !matches!(r.reading, Reading::Removed(_)));
        nearest(name, read.map(|r| r.name.as_str()))
    }

    /// Whether that is certain.
    pub fn is_slip(&self, name: &str) -> bool {
        is_slip(name, self.rows.iter().map(|r| r.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_check_values() {
        let check = |t: &str, v: &str| ValueType::parse(t).expect("a type").check(v).is_ok();
        assert!(check("int 1..65535", "8069") && !check("int 1..65535", "0") && !check("int", "auto"));
        assert!(check("enum a|b", "a") && !check("enum a|b", "c"));
        assert!(check("bool", "true") && !check("bool", "yes"));
        assert!(ValueType::parse("number").is_none() && ValueType::parse("int a..b").is_none());
    }

    #[test]
    fn lookup_knows_files_wildcards_and_near_names() {
        let table = Table::parse(
            "# x\nname\ttype\tdefault\tfile\tstatus\tnote\nA_PASSWORD\tstring\t\tyes\tsecret\t\nF_*\tbool\t\tno\t\t\nOLD\tstring\t\tno\tremoved NEW\t\n",
        )
        .expect("a table");
        assert!(matches!(table.find("A_PASSWORD"), Lookup::Known(r) if r.secret));
        assert!(matches!(table.find("A_PASSWORD_FILE"), Lookup::File(_)));
        assert!(matches!(table.find("F_X"), Lookup::Known(_)));
        assert_eq!(table.find("A_PASWORD"), Lookup::Unknown);
        assert_eq!(table.nearest("A_PASWORD"), Some("A_PASSWORD"));
        assert!(
            matches!(table.find("OLD"), Lookup::Known(r) if r.reading == Reading::Removed(Some("NEW".into())))
        );
        assert!(Table::parse("h\nA\tstring\n").is_err());
    }
}
