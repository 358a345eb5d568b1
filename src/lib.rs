//! One typed stack manifest in; the files a server needs out, checked against one another.

pub mod finding;
pub mod format;
pub mod text;
