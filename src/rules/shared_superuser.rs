//! Several services log in to a database server as the same role, or one as its administrator.
//!
//! A fault or a break-in in one of them then reaches the data of all: the role can read, change and drop every
//! database. It also makes a password impossible to change without stopping everything.
//!
//! Fix, unsafe: removes `user`, so that a role of its own follows; its rights have to be granted.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, ca: ./ca.crt, admin: doadmin }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: { server: main, user: doadmin }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! databases:
//!   main: { host: db.example.com, ca: ./ca.crt, admin: doadmin }
//! services:
//!   odoo:
//!     kind: odoo
//!     internal: true
//!     database: main
//! ```

use std::collections::HashMap;

use crate::finding::{Finding, Fix};
use crate::stack::{DatabaseUse, Role, Stack};

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let admins: HashMap<&str, &str> =
        stack.databases.iter().filter_map(|d| Some((d.name.as_str(), d.admin.as_deref()?))).collect();
    let mut seen: HashMap<(&str, &str), (&str, &DatabaseUse)> = HashMap::new();
    // A worker is the same program as what it works for.
    for service in stack.services.iter().filter(|s| s.name == s.owner && s.role != Role::Worker) {
        let Some(used) = &service.database else { continue };
        let (place, user) = (used.place.join("user"), used.user.as_str());
        let (name, server) = (&service.name, &used.server);
        let fix =
            Fix::risky(format!("remove `user`: the role `{}` follows", used.name)).remove(place.clone());
        let help = "leave `user` out: the role is then named after the database and owns only that";
        if admins.get(server.as_str()) == Some(&user) {
            let message = format!("`{name}` logs in as `{user}`, which administers `{server}`");
            out.push(Finding::warning("shared-superuser", place, message).help(help).fix(fix));
        } else if let Some((other, first)) = seen.get(&(server.as_str(), user)) {
            let message = format!("`{name}` and `{other}` both log in to `{server}` as `{user}`");
            out.push(
                Finding::warning("shared-superuser", place, message)
                    .fix(fix)
                    .related(first.place.clone(), "the other one")
                    .help(help),
            );
        } else {
            seen.insert((server, user), (name, used));
        }
    }
}
