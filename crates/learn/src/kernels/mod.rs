//! Tight loops over slices and numbers: they assert lengths and then loop; no configuration,
//! allocation, threads or errors.

pub mod arch;
pub mod exponential;
pub mod flags;
pub mod histogram;
pub mod partition;
