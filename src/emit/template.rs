//! Text templates: one environment, and one way per syntax to put a value in without letting it add anything.
//!
//! The syntax follows from the template's name. A value that its syntax cannot hold is an error, never an escape that
//! changes its meaning; a secret prints as the code that reads it where the syntax has such a thing.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::expr::{Secret, SecretFile};
use crate::format::is_visible;
use minijinja::value::{Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior,
    syntax::SyntaxConfig,
};

/// Embeds templates by their names below `templates/`.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/", $name)))),*];
    };
}

templates!(
    "nginx/nginx.conf.j2",
    ".env.example.j2",
    "affine/start.sh.j2",
    "backup/backup.sh.j2",
    "backup/database.sh.j2",
    "backup/restic.sh.j2",
    "backup/stackgen-backup-failed@.service.j2",
    "backup/stackgen-backup.service.j2",
    "backup/stackgen-backup.timer.j2",
    "certbot/certificates.sh.j2",
    "certbot/certificates.txt.j2",
    "certbot/cli.ini.j2",
    "certbot/stackgen-certificates.service.j2",
    "certbot/stackgen-certificates.timer.j2",
    "dns/doctl.sh.j2",
    "dns/records.md.j2",
    "dns/zone.j2",
    "databases/check.sql.j2",
    "databases/doctl.sh.j2",
    "databases/role.sql.j2",
    "databases/server.sh.j2",
    "databases/server.sql.j2",
    "deploy/deploy.sh.j2",
    "docs/page.html.j2",
    "docs/topology.mmd.j2",
    "docs/topology.svg.j2",
    "firewall/apply.sh.j2",
    "firewall/doctl.sh.j2",
    "firewall/nftables.conf.j2",
    "firewall/stackgen-firewall.service.j2",
    "mattermost/Dockerfile.j2",
    "mattermost/start.sh.j2",
    "monitoring/containers.sh.j2",
    "monitoring/stack.prom.j2",
    "monitoring/stackgen-containers.service.j2",
    "monitoring/stackgen-containers.timer.j2",
    "odoo/odoo.conf.j2",
    "odoo/start.sh.j2",
    "postgres/Dockerfile.j2",
    "postgres/roles.sh.j2",
    "probe/probe.sh.j2",
    "redis/redis.conf.j2",
    "redis/start.sh.j2",
    "security/50-stackgen.conf.j2",
    "security/52stackgen.j2",
    "security/apply.sh.j2",
    "security/core.rules.j2",
    "security/fail2ban.conf.j2",
    "security/site.rules.j2",
    "superset/Dockerfile.j2",
    "superset/init.sh.j2",
    "superset/superset_config.py.j2",
);

/// Renders an embedded template. The error says which value did not fit, and where in the template.
pub fn render(name: &str, context: Value) -> Result<String, String> {
    compiled(name).and_then(|t| t.render(context)).map_err(|e| describe(&e))
}

/// An embedded template; those that a stack has no use for are never compiled.
fn compiled(name: &str) -> Result<Template<'static, 'static>, Error> {
    static COMPILED: Mutex<BTreeMap<&str, Template<'static, 'static>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = compiled.get(name) {
        return Ok(template.clone());
    }
    let Some((name, text)) = TEMPLATES.iter().find(|(known, _)| *known == name) else {
        return Err(Error::new(ErrorKind::TemplateNotFound, format!("there is no template `{name}`")));
    };
    let template = ENVIRONMENT.template_from_named_str(name, text)?;
    compiled.insert(name, template.clone());
    Ok(template)
}

/// Longest template of a kind beside a manifest, in bytes.
const LONGEST: usize = 32 << 10;
/// Work it may do: about as many steps, or 64 bytes for each.
const FUEL: u64 = 1 << 20;
/// Room for the deepest nesting that fits into the longest template: minijinja parses by recursion.
const STACK: usize = 256 << 20;

/// Renders a template given as text, as a kind beside a manifest brings it; `name` decides the syntax. It cannot run
/// for ever, use up memory or end the program.
pub fn render_text(name: &str, text: &str, context: Value) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(format!("expected a template of at most {LONGEST} bytes, found {}", text.len()));
    }
    let render = || {
        let mut environment = COMPLETE.clone();
        environment.set_fuel(Some(FUEL));
        environment.add_template_owned(name.to_string(), text.to_string()).map_err(|e| describe(&e))?;
        environment.get_template(name).and_then(|t| t.render(context)).map_err(|e| describe(&e))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, render);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(_)) | Err(_) => Err("the template could not be rendered".into()),
        }
    })
}

/// Whether a template of that name is embedded.
pub fn exists(name: &str) -> bool {
    TEMPLATES.iter().any(|(known, _)| *known == name)
}

fn describe(error: &Error) -> String {
    let mut text = error.detail().map_or_else(|| error.kind().to_string(), str::to_string);
    if let (Some(name), Some(line)) = (error.name(), error.line()) {
        text.push_str(&format!(" (templates/{name}:{line})"));
    }
    text
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // The delimiters are minijinja's own; only white space is set, so a template reads like the file it makes.
    if let Ok(syntax) =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()
    {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| AutoEscape::Custom(Syntax::of(name).name().into()));
    environment.set_formatter(format);
    // Nothing gets into a file unquoted but what our own filters checked.
    environment.remove_filter("safe");
    environment.add_filter("cell", cell);
    environment.add_filter("code", code);
    environment.add_filter("comment", comment);
    environment.add_filter("directives", directives);
    environment.add_filter("identifier", identifier);
    environment.add_filter("python", python);
    environment.add_filter("pattern", pattern);
    environment.add_filter("q", nginx_word);
    environment
        .add_filter("strings", |text: &str| Value::from_safe_string(crate::format::zone::strings(text)));
    environment.add_filter("unit_path", unit_path);
    environment.add_function("version_at_least", crate::expr::version_at_least);
    environment
});

/// With every embedded template, which those of others may include.
static COMPLETE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = ENVIRONMENT.clone();
    for (name, text) in TEMPLATES {
        // A template that does not parse is found by the first test that renders it.
        let _ = environment.add_template(name, text);
    }
    environment
});

/// How a value is written into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Nginx,
    Ini,
    Shell,
    Python,
    Dockerfile,
    Nft,
    Dotenv,
    Sql,
    Zone,
    /// HTML, and XML alike.
    Html,
    Mermaid,
}

const SYNTAXES: &[(Syntax, &str)] = &[
    (Syntax::Nginx, "nginx"),
    (Syntax::Ini, "ini"),
    (Syntax::Shell, "shell"),
    (Syntax::Python, "python"),
    (Syntax::Dockerfile, "dockerfile"),
    (Syntax::Nft, "nft"),
    (Syntax::Dotenv, "dotenv"),
    (Syntax::Sql, "sql"),
    (Syntax::Zone, "zone"),
    (Syntax::Html, "html"),
    (Syntax::Mermaid, "mermaid"),
];

impl Syntax {
    /// `nginx/*` is nginx; else the ending before `.j2` decides. What is unknown is treated as INI, the strictest.
    fn of(name: &str) -> Self {
        let name = name.strip_suffix(".j2").unwrap_or(name);
        match name.rsplit('/').next().unwrap_or(name) {
            _ if name.starts_with("nginx/") => Self::Nginx,
            _ if name == "dns/zone" => Self::Zone,
            _ if name.starts_with("firewall/") && name.ends_with(".conf") => Self::Nft,
            n if n.ends_with(".sh") => Self::Shell,
            n if n.ends_with(".py") => Self::Python,
            n if n.ends_with(".sql") => Self::Sql,
            // Rules of ModSecurity: words inside quotes, where nothing may end them.
            n if n.ends_with(".rules") => Self::Nft,
            n if n.ends_with(".html") || n.ends_with(".svg") => Self::Html,
            n if n.ends_with(".mmd") => Self::Mermaid,
            n if n.ends_with("Dockerfile") => Self::Dockerfile,
            n if n.contains(".env") => Self::Dotenv,
            _ => Self::Ini,
        }
    }

    fn name(self) -> &'static str {
        SYNTAXES.iter().find(|(s, _)| *s == self).map_or("ini", |(_, n)| n)
    }
}

fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let AutoEscape::Custom(name) = state.auto_escape() else {
        return Err(refuse("a template without a syntax"));
    };
    let syntax = SYNTAXES.iter().find(|(_, n)| *n == name).map_or(Syntax::Ini, |(s, _)| *s);
    let text = if value.is_safe() {
        // Marked by one of our own filters, which checked it.
        value.to_string()
    } else if let Some(secret) = value.downcast_object_ref::<Secret>() {
        match syntax {
            Syntax::Python => format!("secret(\"{}\")", secret.0),
            Syntax::Shell => format!("\"$(cat {})\"", crate::stack::secret_path(&secret.0)),
            _ => return Err(refuse("a secret cannot stand in this file")),
        }
    } else if let Some(file) = value.downcast_object_ref::<SecretFile>() {
        write_text(syntax, &crate::stack::secret_path(&file.0), ValueKind::String)?
    } else {
        match value.kind() {
            ValueKind::Number | ValueKind::String => write_text(syntax, &value.to_string(), value.kind())?,
            ValueKind::Bool if syntax == Syntax::Python => {
                if value.is_true() { "True" } else { "False" }.into()
            }
            kind => return Err(refuse(&format!("a value of kind {kind} cannot be written here"))),
        }
    };
    out.write_str(&text).map_err(|_| refuse("the output could not be written"))
}

/// One value in its syntax, complete: nothing of it can be read as anything but this value.
fn write_text(syntax: Syntax, text: &str, kind: ValueKind) -> Result<String, Error> {
    let line = || {
        if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(refuse("a line break or control character cannot stand in this file"));
        }
        Ok(())
    };
    let word = |extra: &[u8]| {
        let ok = |b: u8| b.is_ascii_alphanumeric() || b"_./:-".contains(&b) || extra.contains(&b);
        if !text.is_empty() && text.bytes().all(ok) {
            return Ok(text.to_string());
        }
        Err(refuse(&format!("{} cannot stand here unquoted", crate::scalar::shown(text))))
    };
    match syntax {
        // `*`, `~` and the like are written in the template itself, never by a value.
        Syntax::Nginx => word(b"@%+,=").map_err(|e| e.with_source(refuse("use the filter q for free text"))),
        Syntax::Nft | Syntax::Dockerfile => word(b"@+=,"),
        Syntax::Sql => word(b""),
        // `@` and `*` alone are names there, `;` starts a comment.
        Syntax::Zone => word(b"@*"),
        Syntax::Html => {
            line()?;
            Ok(html(text))
        }
        // The code of a character never means anything to Mermaid, whatever the character does.
        Syntax::Mermaid => {
            line()?;
            let plain = |c: char| c.is_alphanumeric() || " ./:,-_".contains(c);
            Ok(text
                .chars()
                .map(|c| if plain(c) { c.to_string() } else { format!("#{};", c as u32) })
                .collect())
        }
        Syntax::Ini | Syntax::Dotenv => {
            line()?;
            if text.trim() != text {
                return Err(refuse("blanks around a value would be lost in this file"));
            }
            Ok(text.to_string())
        }
        Syntax::Shell => {
            if text.contains('\0') {
                return Err(refuse("NUL cannot stand in a shell word"));
            }
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(&b);
            if !text.is_empty() && text.bytes().all(plain) {
                return Ok(text.to_string());
            }
            Ok(format!("'{}'", text.replace('\'', r"'\''")))
        }
        Syntax::Python => {
            if kind == ValueKind::Number {
                return Ok(text.to_string());
            }
            // JSON's string syntax in ASCII is also Python's.
            Ok(python_string(text))
        }
    }
}

/// Text of HTML or XML, between tags and in quoted attributes.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A Python string literal, ASCII only.
fn python_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if (c as u32) > 0xffff => out.push_str(&format!("\\U{:08x}", c as u32)),
            c => out.push_str(&format!("\\u{:04x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// Text of a comment: on one line, so that it cannot end the comment, and with nothing in it that looks like something
/// else.
fn comment(text: &str) -> Value {
    Value::from_safe_string(text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect())
}

/// Text of a cell of a table in Markdown, as it is.
fn cell(text: &str) -> Value {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() && !"-.,:;/()@'\"".contains(c) {
            out.push('\\');
        }
        out.push(if is_visible(c) { c } else { ' ' });
    }
    Value::from_safe_string(out)
}

/// Text of a cell of a table in Markdown, as code, to be copied; but for a bar, which ends a cell in code as well.
fn code(text: &str) -> Value {
    if text.contains('|') {
        return cell(text);
    }
    let ticks = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(ticks + 1);
    let text: String = text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect();
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    Value::from_safe_string(format!("{fence}{blank}{text}{blank}{fence}"))
}

/// Words that are no names in Python.
const KEYWORDS: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "__debug__",
];

/// Free text as one word of nginx.
fn nginx_word(text: &str) -> Result<Value, Error> {
    crate::format::nginx::quote(text).map(Value::from_safe_string).map_err(|e| refuse(e.reason))
}

/// A path or host name as a regular expression that matches nothing else. What has to be quoted anywhere is refused.
fn pattern(text: &str) -> Result<Value, Error> {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)) {
        return Ok(Value::from_safe_string(text.replace('.', r"\.")));
    }
    Err(refuse(&format!("{} cannot stand in a pattern", crate::scalar::shown(text))))
}

/// Raw directives of nginx, complete by themselves, that many blanks in. They are read and printed, so that what is
/// open at their end never swallows what follows, and no line break inside quotes is indented.
fn directives(text: &str, indent: usize) -> Result<Value, Error> {
    let tree = crate::format::nginx::read_snippet(text).map_err(|e| refuse(&e.message))?;
    let blanks = " ".repeat(indent.min(40));
    let lines: Vec<String> = crate::format::nginx::print(&tree)
        .lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("{blanks}{line}") })
        .collect();
    Ok(Value::from_safe_string(lines.join("\n")))
}

/// A name in Python, INI or SQL, written without quotes.
fn identifier(text: &str) -> Result<Value, Error> {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let named = !text.starts_with(|c: char| c.is_ascii_digit()) && !KEYWORDS.contains(&text);
    if !text.is_empty() && named && text.bytes().all(ok) {
        return Ok(Value::from_safe_string(text.to_string()));
    }
    Err(refuse(&format!("{} is no name", crate::scalar::shown(text))))
}

/// A value as Python writes it, also in a file of another syntax.
fn python(value: &Value) -> Result<Value, Error> {
    if let Some(secret) = value.downcast_object_ref::<Secret>() {
        return Ok(Value::from_safe_string(format!("secret(\"{}\")", secret.0)));
    }
    write_text(Syntax::Python, &value.to_string(), value.kind()).map(Value::from_safe_string)
}

/// A path in a systemd unit, one word: `%` starts a specifier, and what the shell would split is quoted. Source:
/// systemd.service(5), command lines; systemd.unit(5), specifiers.
fn unit_path(text: &str) -> Result<Value, Error> {
    if text.chars().any(|c| c.is_control()) {
        return Err(refuse("a line break or control character cannot stand in this file"));
    }
    // `$` is a variable in ExecStart unless doubled.
    let escaped = text.replace('%', "%%").replace('$', "$$");
    if escaped.contains([' ', '"', '\'', '\\', ';']) {
        let quoted = escaped.replace('\\', "\\\\").replace('"', "\\\"");
        return Ok(Value::from_safe_string(format!("\"{quoted}\"")));
    }
    Ok(Value::from_safe_string(escaped))
}

/// The error of a value that does not fit.
fn refuse(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.to_string())
}
