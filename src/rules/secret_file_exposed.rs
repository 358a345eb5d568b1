//! A file with secrets is under version control.
//!
//! Whoever can read the repository, now or in ten years, has them; removing the file changes nothing about that.
//! Known is what the index of git lists below the directory that is read.
//!
//! ```yaml docker-compose.yml flagged
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```
//!
//! ```text .env flagged
//! DB_PASSWORD=
//! ```
//!
//! ```text .git-tracked flagged
//! .env
//! ```
//!
//! ```yaml docker-compose.yml accepted
//! x-base: &base { restart: unless-stopped, mem_limit: 256m, logging: { options: { max-size: 10m } } }
//! services:
//!   app: { <<: *base, image: "ghcr.io/example/app:1.4.2" }
//! ```
//!
//! ```text .env accepted
//! DB_PASSWORD=
//! ```

use crate::finding::Finding;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for (path, place) in stack.foreign.iter().flat_map(|f| &f.tracked) {
        let message = format!("{} holds secrets and is under version control", crate::scalar::shown(path));
        out.push(Finding::error("secret-file-exposed", place.clone(), message).help(
            "`git rm --cached` it, name it in .gitignore, and change every secret in it: they are known",
        ));
    }
}
