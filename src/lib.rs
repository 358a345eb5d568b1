//! One typed stack manifest in; every file the server needs out, checked against one another.

pub mod finding;
pub mod format;
pub mod text;
