//! One typed stack manifest in; the files a server needs out, checked against one another.
//!
//! The modules stand in the order of the pipeline: each may use only those above it.

pub mod text;
pub mod secrecy;
pub mod finding;
pub mod format;
pub mod scalar;
pub mod manifest;
pub mod table;
pub mod stack;
pub mod expr;
pub mod kinds;
pub mod parse;
pub mod resolve;
pub mod foreign;
pub mod rules;
pub mod policy;
pub mod runbook;
pub mod emit;
pub mod docs;
pub mod compile;
pub mod fix;
pub mod host;
pub mod baseline;
pub mod outline;
pub mod built;
pub mod origin;
pub mod deployed;
pub mod write;
pub mod diff;
pub mod render;
pub mod cli;
pub mod commands;
