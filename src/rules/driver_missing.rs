//! Superset runs an image that cannot talk to PostgreSQL.
//!
//! Since 4.1 the official images hold no database driver, so Superset ends at its first start with "No module named
//! psycopg2". Left alone, stackgen builds an image with the driver; naming the official image turns that off.
//! Source: <https://superset.apache.org/docs/installation/docker-builds>
//!
//! Fix, unsafe: writes the version of the image as `version`.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   superset:
//!     kind: superset
//!     internal: true
//!     image: apache/superset:6.0.0
//!     database: db
//!   db:
//!     kind: postgres
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   superset:
//!     kind: superset
//!     internal: true
//!     version: 6.0.0
//!     database: db
//!   db:
//!     kind: postgres
//! ```

use super::common::{own_image, place};
use crate::finding::{Finding, Fix};
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    for service in stack.services.iter().filter(|s| s.kind == "superset" && s.database.is_some()) {
        let name = service.image.reference.trim_start_matches("docker.io/");
        // An image of another name is somebody's own and may well have the driver; so has the one for development.
        let official = name.starts_with("apache/superset:") || name == "apache/superset";
        if official && own_image(service) && service.build.is_none() && !name.ends_with("-dev") {
            let message = format!("`{name}` has no driver for the database of `{}`", service.owner);
            let version = name.rsplit_once(':').map(|(_, tag)| tag);
            let fix = version.map(|version| {
                Fix::risky(format!("write `version: {version}` instead of `image`"))
                    .remove(service.place.join("image"))
                    .set(service.place.join("version"), version)
            });
            out.push(
                Finding::error("driver-missing", place(&service.image.origin, service, ["image"]), message)
                    .fix(fix)
                    .help("write `version:` instead of `image:`; an image with the driver is then built"),
            );
        }
    }
}
