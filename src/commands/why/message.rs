//! Places of generated files in what programs print: `nginx: [emerg] … in /etc/nginx/stackgen/nginx.conf:44`.

/// What a message speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A line of a file, by the path as the program knows it.
    Line(String, u32),
    /// An option of a program, without its dashes.
    Option(String),
    /// Keys of the Compose file.
    Keys(Vec<String>),
    /// A line of the Compose file, which is not named.
    ComposeLine(u32),
}

/// Everything a line of a message speaks of, in the order it does.
pub(super) fn spots(line: &str) -> Vec<Spot> {
    let mut spots = Vec::new();
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | '`' | ',' | '=');
    let mut rest = line;
    while let Some(start) = rest.find(|c| !ends(c)) {
        let word = &rest[start..];
        let (word, after) = word.split_at(word.find(ends).unwrap_or(word.len()));
        let before = &line[..line.len() - rest.len() + start];
        spots.extend(spot(before, word, after));
        rest = after;
    }
    if let Some(number) = line.split_once("yaml: line ").and_then(|(_, rest)| leading_number(rest)) {
        spots.push(Spot::ComposeLine(number));
    }
    // `service "odoo" refers to undefined network`, `required variable NAME is missing a value`
    for (before, section) in
        [("service \"", "services"), ("network \"", "networks"), ("volume \"", "volumes")]
    {
        let name = line.split_once(before).and_then(|(_, rest)| rest.split_once('"'));
        spots.extend(name.map(|(name, _)| Spot::Keys(vec![section.to_string(), name.to_string()])));
    }
    spots
}

/// What a word speaks of; where a line is named, its number may stand in what comes before or after.
fn spot(before: &str, word: &str, after: &str) -> Option<Spot> {
    if let Some(option) = word.strip_prefix("--").filter(|option| option.len() > 1) {
        return Some(Spot::Option(option.trim_end_matches([':', '.']).to_string()));
    }
    let word = word.trim_end_matches(['.', ':', ';', '\'', '"']);
    let word_and_more = word.split(':').next().unwrap_or(word);
    let name = word_and_more.rsplit('/').next().unwrap_or(word_and_more);
    let is_file =
        name.contains('.') && !name.starts_with('.') || name.starts_with(".env") || name == "Dockerfile";
    let is_compose = ["services", "networks", "volumes", "secrets", "configs"]
        .iter()
        .any(|s| word.strip_prefix(s).is_some_and(|rest| rest.starts_with(['.', '['])));
    if is_compose && !word.contains('/') {
        let keys = word.replace('[', ".").replace(']', "");
        return Some(Spot::Keys(
            keys.split('.').filter(|k| !k.is_empty()).map(ToString::to_string).collect(),
        ));
    }
    if !is_file {
        return None;
    }
    // `nginx.conf:44`, `nftables.conf:31:5-9:`
    if let Some(number) = word.split_once(':').and_then(|(_, rest)| leading_number(rest)) {
        return Some(Spot::Line(word_and_more.to_string(), number));
    }
    // `Unexpected line 18 in certbot/cli.ini`: ConfigArgParse counts from 0.
    let number: Option<u32> =
        before.trim_end().strip_suffix(" in").and_then(|rest| rest.rsplit_once("line ")?.1.parse().ok());
    if let Some(number) = number.and_then(|n| n.checked_add(1)) {
        return Some(Spot::Line(word_and_more.to_string(), number));
    }
    // `"superset_config.py", line 12`, `'odoo.conf' [line  3]`, `start.sh: line 12:`, `start.sh: 12:`
    let after = after.trim_start_matches([' ', '\'', '"', ',', '[', ':', ')']);
    let number = match after.strip_prefix("line") {
        Some(rest) => leading_number(rest.trim_start()),
        None => leading_number(after).filter(|n| after.starts_with(&format!("{n}:"))),
    };
    number.map(|number| Spot::Line(word_and_more.to_string(), number))
}

fn leading_number(text: &str) -> Option<u32> {
    text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_messages() {
        let line = |file: &str, number| Spot::Line(file.to_string(), number);
        let keys = |keys: &[&str]| Spot::Keys(keys.iter().map(ToString::to_string).collect());
        let table = [
            (
                "nginx: [emerg] unknown directive \"gzp\" in /etc/nginx/stackgen/nginx.conf:44",
                line("/etc/nginx/stackgen/nginx.conf", 44),
            ),
            (
                "firewall/nftables.conf:31:5-9: Error: syntax error, unexpected string",
                line("firewall/nftables.conf", 31),
            ),
            (
                "  File \"/app/pythonpath/superset_config.py\", line 12, in <module>",
                line("/app/pythonpath/superset_config.py", 12),
            ),
            (
                "While reading from '/etc/odoo/odoo.conf' [line  4]: option 'a'",
                line("/etc/odoo/odoo.conf", 4),
            ),
            ("/etc/odoo/start.sh: 12: Syntax error: end of file unexpected", line("/etc/odoo/start.sh", 12)),
            ("/etc/odoo/start.sh: line 12: syntax error", line("/etc/odoo/start.sh", 12)),
            ("certbot: error: Unexpected line 18 in certbot/cli.ini: = [", line("certbot/cli.ini", 19)),
            ("certbot: error: argument --key-type: invalid choice", Spot::Option("key-type".into())),
            ("yaml: line 12: did not find expected key", Spot::ComposeLine(12)),
            (
                "services.odoo.deploy.resources must be a mapping",
                keys(&["services", "odoo", "deploy", "resources"]),
            ),
            ("'services[a].mem_limit' invalid size: 'x'", keys(&["services", "a", "mem_limit"])),
            ("service \"odoo\" refers to undefined network x", keys(&["services", "odoo"])),
        ];
        for (text, expected) in table {
            assert!(spots(text).contains(&expected), "{text}: {:?}", spots(text));
        }
        assert!(spots("it works: all is well").is_empty());
    }
}
