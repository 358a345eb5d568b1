//! One typed stack manifest in; the files a server needs out, checked against one another.
//!
//! The modules stand in the order of the pipeline: each may use only those above it.

pub mod emit;
pub mod finding;
pub mod manifest;
pub mod scalar;
pub mod stack;
pub mod text;
