//! Reads CSV files and prints speed and memory: `read_csv FILE [THREADS]`.

use std::time::Instant;

use eyas_learn::data::{ReadOptions, read_csv};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: read_csv FILE [THREADS]")?;
    let threads = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
    let start = Instant::now();
    let (table, notices) =
        read_csv(path.as_ref(), &ReadOptions { threads, ..ReadOptions::default() })?;
    let seconds = start.elapsed().as_secs_f64();
    let raw = (table.n_rows() * table.columns.len() * 8) as f64 / 1e6;
    let peak = peak_megabytes().unwrap_or(f64::NAN);
    println!("{} rows x {} columns", table.n_rows(), table.columns.len());
    println!("{megabytes:.1} MB in {seconds:.3} s: {:.0} MB/s", megabytes / seconds);
    println!("peak memory {peak:.0} MB, {:.2} times the {raw:.0} MB of numbers", peak / raw);
    notices.iter().for_each(|notice| println!("{notice}"));
    Ok(())
}

/// Peak resident memory of this process, as Linux tells it.
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1.024 / 1e3)
}
