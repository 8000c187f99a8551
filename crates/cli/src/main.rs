//! The binary `workbell`.
fn main() {}
