//! Parquet and Arrow IPC files in and out of tables.
