//! Services wait for one another in a circle.
//!
//! Compose refuses to start any of them.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   a:
//!     image: ghcr.io/example/app:1.4.2
//!     depends_on: [b]
//!     healthcheck: { command: [/app, ready] }
//!   b:
//!     image: ghcr.io/example/app:1.4.2
//!     depends_on: [a]
//!     healthcheck: { command: [/app, ready] }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   a:
//!     image: ghcr.io/example/app:1.4.2
//!     depends_on: [b]
//!     healthcheck: { command: [/app, ready] }
//!   b:
//!     image: ghcr.io/example/app:1.4.2
//!     healthcheck: { command: [/app, ready] }
//! ```

use std::collections::HashMap;

use crate::finding::Finding;
use crate::stack::Stack;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let index: HashMap<&str, usize> =
        stack.services.iter().enumerate().map(|(i, s)| (s.name.as_str(), i)).collect();
    let mut marks = vec![Mark::New; stack.services.len()];
    for start in 0..stack.services.len() {
        // A walk in depth with its own list of open services and the dependency each has come to: ten thousand in a
        // row must not use up the stack.
        let mut open: Vec<(usize, usize)> =
            if marks[start] == Mark::New { vec![(start, 0)] } else { Vec::new() };
        while let Some((at, next)) = open.last_mut() {
            let service = &stack.services[*at];
            marks[*at] = Mark::Open;
            let Some(dependency) = service.depends_on.get(*next) else {
                marks[*at] = Mark::Done;
                open.pop();
                continue;
            };
            *next += 1;
            let Some(other) = index.get(dependency.service.as_str()).copied() else { continue };
            match marks[other] {
                Mark::New => open.push((other, 0)),
                Mark::Done => {}
                Mark::Open => {
                    let from = open.iter().position(|(i, _)| *i == other).unwrap_or(0);
                    let mut names: Vec<&str> =
                        open[from..].iter().map(|(i, _)| stack.services[*i].name.as_str()).collect();
                    names.push(&stack.services[other].name);
                    let message = format!("services wait for one another: {}", names.join(" -> "));
                    out.push(
                        Finding::error("dependency-cycle", dependency.place.clone(), message)
                            .help("remove one of the dependencies; most programs try again by themselves"),
                    );
                }
            }
        }
    }
}
