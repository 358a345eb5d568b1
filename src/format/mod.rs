//! One syntax per file: text to tree and tree to text, knowing nothing of stacks.

pub mod decode;
pub mod nginx;
pub mod toml;
pub mod tree;
pub mod value;
pub mod yaml;
