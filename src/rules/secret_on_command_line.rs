//! A secret is put into a command.
//!
//! Every process of the machine can read the arguments of every other (`ps`), and they are kept in `docker inspect`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     database: db
//!     healthcheck: { command: [/app, ready] }
//!     command: [serve, "--db-password={{ database.password }}"]
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     database: db
//!     healthcheck: { command: [/app, ready] }
//!     command: [serve]
//!     env: { DB_PASSWORD: "{{ database.password }}" }
//!   db:
//!     kind: postgres
//! ```

use crate::finding::Finding;
use crate::secrecy::names_a_secret;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.found.is_some()) {
        let variables = stack.foreign.iter().flat_map(|f| &f.variables);
        let named = variables.filter(|v| {
            matches!(v.into.as_str(), "command" | "entrypoint" | "test")
                && names_a_secret(&v.name)
                && is_below(&v.place, &service.place)
        });
        for variable in named {
            let message = format!(
                "`{}` shows the secret `{}` to every process of the machine",
                service.name, variable.name
            );
            out.push(
                Finding::error("secret-on-command-line", variable.place.clone(), message)
                    .help("hand it over by a variable or a file"),
            );
        }
    }
}

fn is_below(place: &crate::finding::Place, outer: &crate::finding::Place) -> bool {
    use crate::finding::Place::At;
    matches!((place, outer), (At { document: a, path, .. }, At { document: b, path: around, .. })
        if a == b && path.0.starts_with(&around.0))
}
