//! Words for POSIX shell scripts.

use super::Refused;

/// A text as one word of a shell command: bare when no shell reads anything into it, else in single quotes.
pub fn sh_quote(word: &str) -> Result<String, Refused> {
    if word.contains('\0') {
        return Err(Refused { reason: "a NUL byte cannot stand in a shell word" });
    }
    // `=` is missing on purpose: at the start of a command `A=b` is an assignment, not a word.
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(safe) {
        return Ok(word.to_string());
    }
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use proptest::prelude::*;

    #[test]
    fn words() {
        let table = [
            ("", "''"),
            ("/opt/odoo-ce:8069", "/opt/odoo-ce:8069"),
            ("a b", "'a b'"),
            ("A=b", "'A=b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -rf /)\n", "'$(rm -rf /)\n'"),
            ("~", "'~'"),
        ];
        for (word, quoted) in table {
            assert_eq!(sh_quote(word).unwrap(), quoted);
        }
        assert_eq!(sh_quote("a\0").unwrap_err().to_string(), "a NUL byte cannot stand in a shell word");
    }

    #[cfg(unix)]
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_real_shell_gives_the_words_back(words in prop::collection::vec("[^\0]{0,12}", 1..20)) {
            let quoted: Vec<_> = words.iter().map(|w| sh_quote(w).unwrap()).collect();
            let script = format!("printf '%s\\0' {}", quoted.join(" "));
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), words.join("\0") + "\0");
        }
    }
}
