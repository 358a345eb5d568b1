//! Durations and sizes in one form each.

/// A duration as Compose reads one (`90s`, `1m30s`, `1.5h`, `2d`), with its largest units first: `1m30s`. Anything else
/// comes back as it is.
pub(super) fn duration(text: &str) -> String {
    nanoseconds(text).map_or_else(|| text.to_string(), print_duration)
}

fn nanoseconds(text: &str) -> Option<u128> {
    let mut rest = text.trim();
    let mut sum = 0u128;
    if rest.is_empty() {
        return None;
    }
    if rest == "0" {
        return Some(0);
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit: u128 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            _ => return None,
        };
        sum = sum.checked_add(decimal(number, unit)?)?;
        rest = tail;
    }
    Some(sum)
}

/// A decimal number times a unit, rounded down.
fn decimal(text: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.is_empty() || (t.len() <= 20 && t.bytes().all(|b| b.is_ascii_digit()));
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let number = |t: &str| if t.is_empty() { Some(0) } else { t.parse::<u128>().ok() };
    let part = number(fraction)?.checked_mul(unit)? / 10u128.checked_pow(fraction.len() as u32)?;
    number(whole)?.checked_mul(unit)?.checked_add(part)
}

fn print_duration(sum: u128) -> String {
    if sum == 0 {
        return "0s".to_string();
    }
    let mut out = String::new();
    let mut rest = sum;
    for (unit, name) in
        [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms")]
    {
        if rest >= unit {
            out.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if rest > 0 {
        out.push_str(&format!("{rest}ns"));
    }
    out
}

/// A size as Docker reads one (`64M`, `1.5g`, `1024kb`, `1048576`), in the largest unit that needs no fraction: `1536m`.
/// Anything else comes back as it is.
pub(super) fn size(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit: u128 = match lower[number.len()..].trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        "p" | "pb" | "pib" => 1 << 50,
        _ => return text.to_string(),
    };
    decimal(number, unit).map_or_else(|| text.to_string(), print_size)
}

/// A number of bytes in the largest unit that needs no fraction.
pub(super) fn print_size(bytes: u128) -> String {
    let units = [(50, "p"), (40, "t"), (30, "g"), (20, "m"), (10, "k")];
    match units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift)) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// A number without needless zeros: `0.50` is `0.5`.
pub(super) fn number(text: &str) -> String {
    text.parse::<f64>().ok().filter(|n| n.is_finite()).map_or_else(|| text.to_string(), |n| n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        let durations = [
            ("90s", "1m30s"),
            ("1m30s", "1m30s"),
            ("2h0m0s", "2h"),
            ("1500ms", "1s500ms"),
            ("1.5s", "1s500ms"),
            ("1d", "24h"),
            ("0", "0s"),
            ("0s", "0s"),
            ("x", "x"),
            ("1", "1"),
            ("", ""),
            ("99999999999999999999999999999999999999999h", "99999999999999999999999999999999999999999h"),
        ];
        for (text, expected) in durations {
            assert_eq!(duration(text), expected, "{text}");
        }
        let sizes = [
            ("64M", "64m"),
            ("1.5g", "1536m"),
            ("1024kb", "1m"),
            ("1048576", "1m"),
            ("1 GiB", "1g"),
            ("10b", "10"),
            ("0", "0"),
            ("-1", "-1"),
            ("g", "g"),
        ];
        for (text, expected) in sizes {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
