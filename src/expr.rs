//! Expressions in scalars: `{{ database.host }}` in kinds and in the manifest's environment values.
//!
//! A value is filled scalar by scalar after parsing, so it can never add a key. A secret stays a name.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, ObjectRepr, Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, context};

use crate::stack::{Facts, Piece, ServiceFacts, Text, secret_path};

/// A secret in an expression or template: its name, and `.file`, the path of the file that holds it.
#[derive(Debug)]
pub struct Secret(pub String);

impl Object for Secret {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "file").then(|| Value::from_object(SecretFile(self.0.clone())))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The path of the file that holds a secret.
#[derive(Debug)]
pub struct SecretFile(pub String);

impl Object for SecretFile {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&secret_path(&self.0))
    }
}

/// Evaluates expressions, compiling each different one once.
#[derive(Default)]
pub struct Expander {
    compiled: RefCell<HashMap<String, Rc<Expression<'static, 'static>>>>,
}

/// Longest expression: minijinja parses and compiles by recursion, and some operators nest without a limit.
const LONGEST: usize = 500;
/// Work one expression may do: about as many steps, or 64 bytes for each.
const FUEL: u64 = 50_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_function("odoo_workers", odoo_workers);
    environment.add_function("version_at_least", version_at_least);
    environment.add_function("gib", |n: f64| (n * f64::from(1 << 30)) as u64);
    environment.add_function("mib", |n: f64| (n * f64::from(1 << 20)) as u64);
    environment
});

impl Expander {
    /// Fills the `{{ }}` of a scalar. The error says what is wrong with the expression.
    pub fn text(&self, scalar: &str, scope: &Value) -> Result<Text, String> {
        if !scalar.contains("{{") {
            return Ok(Text::literal(scalar));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |piece: Piece| match (pieces.last_mut(), piece) {
            (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&text),
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (_, piece) => pieces.push(piece),
        };
        let mut rest = scalar;
        while let Some(start) = rest.find("{{") {
            let Some(length) = rest[start..].find("}}") else {
                return Err("expected `}}` after `{{`".into());
            };
            push(Piece::Literal(rest[..start].to_string()));
            push(piece(&self.value(&rest[start + 2..start + length], scope)?)?);
            rest = &rest[start + length + 2..];
        }
        push(Piece::Literal(rest.to_string()));
        Ok(Text(pieces))
    }

    /// Whether a condition holds: an expression without braces, as in `when: options.workers > 0`.
    pub fn holds(&self, condition: &str, scope: &Value) -> Result<bool, String> {
        self.value(condition, scope).map(|v| v.is_true())
    }

    /// The names an expression takes from its scope, as far as they are written out: `service.memory`. Sorted.
    ///
    /// # Errors
    ///
    /// What is wrong with its syntax.
    pub fn names(&self, expression: &str) -> Result<Vec<String>, Fault> {
        let mut names: Vec<_> = self.compiled(expression)?.undeclared_variables(true).into_iter().collect();
        names.sort();
        Ok(names)
    }

    fn compiled(&self, expression: &str) -> Result<Rc<Expression<'static, 'static>>, Fault> {
        let expression = expression.trim();
        if let Some(known) = self.compiled.borrow().get(expression) {
            return Ok(known.clone());
        }
        if expression.len() > LONGEST {
            let message =
                format!("expected an expression of at most {LONGEST} bytes, found {}", expression.len());
            return Err(Fault { message, range: None });
        }
        let owned = ENVIRONMENT.compile_expression_owned(expression.to_string());
        let compiled = Rc::new(owned.map_err(|e| Fault { message: describe(&e), range: e.range() })?);
        self.compiled.borrow_mut().insert(expression.to_string(), compiled.clone());
        Ok(compiled)
    }

    /// The value of an expression without braces.
    pub fn value(&self, expression: &str, scope: &Value) -> Result<Value, String> {
        let compiled = self.compiled(expression).map_err(|fault| fault.message)?;
        let value = compiled.eval(scope).map_err(|e| describe(&e))?;
        if value.is_undefined() {
            return Err(format!("{} is not known here", crate::text::shown(expression.trim())));
        }
        Ok(value)
    }
}

/// What is wrong with an expression, and where in it as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What, lower case, no full stop.
    pub message: String,
    /// The bytes of the expression without the blanks around it.
    pub range: Option<std::ops::Range<usize>>,
}

/// Names that every expression knows: its functions.
pub fn globals() -> impl Iterator<Item = &'static str> {
    ENVIRONMENT.globals().map(|(name, _)| name)
}

fn piece(value: &Value) -> Result<Piece, String> {
    if let Some(secret) = value.downcast_object_ref::<Secret>() {
        return Ok(Piece::Secret(secret.0.clone()));
    }
    if let Some(file) = value.downcast_object_ref::<SecretFile>() {
        return Ok(Piece::SecretFile(file.0.clone()));
    }
    match value.kind() {
        ValueKind::String | ValueKind::Number => Ok(Piece::Literal(value.to_string())),
        // Written as most programs read it; minijinja would print Python's `True`.
        ValueKind::Bool => Ok(Piece::Literal(if value.is_true() { "true" } else { "false" }.into())),
        kind => Err(format!("expected text or a number, found {kind}")),
    }
}

fn describe(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_string)
}

/// A map by name; collecting pairs into a value would make a list.
pub fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    entries.into_iter().collect::<BTreeMap<_, _>>().into()
}

/// The names of a stack's services as expressions of another service see them.
pub fn services<'a>(facts: impl IntoIterator<Item = &'a ServiceFacts>) -> Value {
    map(facts.into_iter().map(|f| (f.name.clone(), Value::from(Serde(f)))))
}

/// What expressions and templates of one service may use; `stack` adds the names that every service shares.
pub fn scope(facts: &Facts, stack: &Value) -> Value {
    let secret = |name: &String| Value::from_object(Secret(name.clone()));
    let database = facts
        .database
        .as_ref()
        .map(|d| context! { password => secret(&d.password), password_name => d.password.as_str(), ..Value::from(Serde(d)) });
    let optional = |name: &Option<String>| name.as_ref().map(secret);
    let redis =
        facts.redis.as_ref().map(|r| context! { password => optional(&r.password), ..Value::from(Serde(r)) });
    let clients: Vec<_> = facts
        .clients
        .iter()
        .map(|d| context! { password => secret(&d.password), password_name => d.password.as_str(), ..Value::from(Serde(d)) })
        .collect();
    let secrets = map(facts.secrets.iter().map(|(key, name)| (key.clone(), secret(name))));
    let mail =
        facts.mail.as_ref().map(|m| context! { password => optional(&m.password), password_name => m.password.as_deref(), ..Value::from(Serde(m)) });
    context! {
        database => database, redis => redis, mail => mail, clients => clients, secrets => secrets,
        ..context! { ..stack.clone(), ..Value::from(Serde(facts)) }
    }
}

/// Odoo's worker processes for a machine: twice the CPUs, as far as memory allows.
///
/// Odoo's documentation counts 2 workers a CPU plus one for cron. `limit_memory_soft` is 640 MiB in our odoo.conf;
/// two more processes (cron, websocket) need as much, so that all together stay below the memory limit.
fn odoo_workers(cpus: Option<f64>, memory: Option<u64>) -> u64 {
    const SOFT_LIMIT: u64 = 640 << 20;
    let by_cpu = cpus.map_or(2, |n| (n * 2.0).floor().max(1.0) as u64);
    let by_memory = memory.map_or(u64::MAX, |m| (m / SOFT_LIMIT).saturating_sub(2));
    by_cpu.min(by_memory).max(1)
}

/// Whether a version such as `2.40.7` is at least another: compared number by number.
pub(crate) fn version_at_least(version: &str, least: &str) -> Result<bool, Error> {
    let numbers = |text: &str| -> Vec<u64> {
        text.split('.')
            .map_while(|part| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .collect()
    };
    let least = numbers(least);
    if least.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "expected a version such as 2.35"));
    }
    Ok(numbers(version) >= least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::DatabaseFacts;

    fn facts() -> Value {
        let database = DatabaseFacts {
            host: "db".into(),
            port: 5432,
            password: "DB_PASSWORD".into(),
            ..Default::default()
        };
        scope(&Facts { database: Some(database), ..Default::default() }, &Value::from(()))
    }

    #[test]
    fn secrets_stay_names() {
        let text = Expander::default()
            .text("postgres://u:{{ database.password }}@{{ database.host }}:{{ database.port }}", &facts())
            .expect("a text");
        assert_eq!(
            text.0,
            [
                Piece::Literal("postgres://u:".into()),
                Piece::Secret("DB_PASSWORD".into()),
                Piece::Literal("@db:5432".into())
            ]
        );
        let file = Expander::default().text("{{ database.password.file }}", &facts()).expect("a path");
        assert_eq!(file.0, [Piece::SecretFile("DB_PASSWORD".into())]);
    }

    #[test]
    fn a_fault_says_what_is_wrong() {
        let error = |t: &str| Expander::default().text(t, &facts()).expect_err("a fault");
        assert!(error("{{ nothing }}").contains("nothing"), "{}", error("{{ nothing }}"));
        assert!(error("{{ database.nothing }}").contains("nothing"));
        assert!(error("{{ database.host").contains("}}"));
        assert!(error("{{ redis }}").contains("expected text"));
        assert!(!error("{{ 1 + }}").is_empty());
    }

    #[test]
    fn workers_follow_cpus_and_memory() {
        assert_eq!(odoo_workers(Some(4.0), Some(8 << 30)), 8);
        assert_eq!(odoo_workers(Some(4.0), Some(4 << 30)), 4);
        assert_eq!(odoo_workers(Some(1.0), Some(1 << 30)), 1);
        assert_eq!(odoo_workers(None, None), 2);
        assert!(version_at_least("2.40.7", "2.35.0").expect("versions"));
        assert!(!version_at_least("2.4.7", "2.35").expect("versions"));
    }
}
