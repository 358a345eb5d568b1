//! What a published port is known by.

/// A port as `address:published:target/protocol`; an address or published port that is not there is left out.
pub fn identity(address: &str, published: &str, target: &str, protocol: &str) -> String {
    let address = address.trim_matches(['[', ']']);
    let host = match address {
        "" => String::new(),
        v6 if v6.contains(':') && !v6.contains('$') => format!("[{v6}]:"),
        v4 => format!("{v4}:"),
    };
    let colon = if published.is_empty() && host.is_empty() { "" } else { ":" };
    let protocol = if protocol.is_empty() { "tcp".to_string() } else { protocol.to_lowercase() };
    format!("{host}{published}{colon}{target}/{protocol}")
}
