//! The command eyas.
fn main() {}
