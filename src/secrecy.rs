//! Which names and texts stand for secrets: one list for rules, for what is shown and for what is read from servers.

/// Words that say it wherever they stand in a name.
const WORDS: &[&str] = &["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIALS", "APIKEY"];

/// Words that say it as a whole part of a name only: `SMTP_PASS`, but not `COMPASS`.
const PARTS: &[&str] = &["PASS", "PWD"];

/// Kinds of key that are secrets; a key alone may be anything.
const PAIRS: &[&str] =
    &["API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "SECRET_KEY", "ENCRYPTION_KEY", "ROLE_KEY", "AUTH_KEY"];

/// Whether a name stands for a value nobody should read: `SMTP_PASSWORD`, `API_TOKEN`. Only its end counts, so that
/// `TOKEN_LIFETIME` and `PASSWORD_FILE` are none.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let last = name.split('_').next_back().unwrap_or_default();
    WORDS.contains(&last) || last == "PASS" || PAIRS.iter().any(|p| name.ends_with(p))
}

/// Whether a name may stand for such a value: asked before something is shown or kept, where `TOKEN_LIFETIME` covered
/// for nothing is better than one token shown.
pub fn may_name_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['-', '.', ' '], "_");
    WORDS.iter().chain(PAIRS).any(|w| name.contains(w)) || name.split('_').any(|p| PARTS.contains(&p))
}

/// Beginnings that issuers of tokens give them, so that they are recognized.
const ISSUED: &[&str] =
    &["sk-", "sk_", "pk_", "rk_", "ghp_", "gho_", "github_pat_", "glpat-", "xox", "dop_v1_", "eyJ"];

/// Letters and digits in a row, without a separator, from which on a text is more likely a token than a name.
const LONG: usize = 16;

/// Whether a text looks like a secret whatever it is called: the account of a URL, a key in PEM, a token.
///
/// A password made of words does not; this is asked of names and the like, never of what may be a password.
pub fn looks_secret(text: &str) -> bool {
    text.contains("-----BEGIN")
        || text.split("://").skip(1).any(|rest| authority(rest).contains('@'))
        || text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).any(|word| {
            ISSUED.iter().any(|start| word.len() > start.len() + 8 && word.starts_with(start))
                || word.split(['-', '_']).any(is_random)
        })
}

/// What stands between `://` and the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default()
}

/// Letters and digits mixed, and many of them.
fn is_random(word: &str) -> bool {
    word.len() >= LONG
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, sure, maybe) in [
            ("SMTP_PASSWORD", true, true),
            ("smtp_pass", true, true),
            ("COMPASS", false, false),
            ("API_KEY", true, true),
            ("KEY", false, false),
            ("TOKEN_LIFETIME", false, true),
            ("X-Api-Key", false, true),
            ("client-secret", false, true),
            ("db_pwd", false, true),
            ("PORT", false, false),
        ] {
            assert_eq!((names_a_secret(name), may_name_a_secret(name)), (sure, maybe), "{name}");
        }
    }

    #[test]
    fn texts() {
        for text in [
            "https://user:pw@host/x",
            "see redis://token@cache",
            "-----BEGIN PRIVATE KEY-----",
            "fw-4f3b2a9c1d5e6f70",
            "ghp_abcdefghijk",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in [
            "deploy_odoo-web-data",
            "c95d05274029_n8n-prod",
            "https://erp.example.com/a@b",
            "ghcr.io/example/web:1.4.2",
            "2026-02-12T10:00:00Z",
            "/etc/letsencrypt/live/www.example.com/fullchain.pem",
            "",
        ] {
            assert!(!looks_secret(text), "{text}");
        }
    }
}
