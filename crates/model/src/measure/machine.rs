//! What this machine is.

use std::fs;

use crate::engine::Tier;

/// Bytes of the caches of a core where the system does not tell.
const COMMON_CACHES: [f64; 2] = [32.0 * 1024.0, 1024.0 * 1024.0];

/// The processor's model, the number of cores and the tier, e.g. `AMD EPYC 9R14, 8 cores, avx512`:
/// calibrated prices hold where it is equal.
pub fn fingerprint() -> String {
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let facts = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model_name(&facts).unwrap_or(std::env::consts::ARCH);
    format!("{model}, {n_cores} cores, {}", Tier::best())
}

fn model_name(facts: &str) -> Option<&str> {
    let line = facts.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim()).filter(|name| !name.is_empty())
}

/// Bytes of the first-level data cache and the second-level cache of the first core.
pub(crate) fn cache_bytes() -> [f64; 2] {
    let size = |index| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
        fs::read_to_string(path).ok().and_then(|text| parse_size(&text))
    };
    // Index 0 is the data cache of the first level, 1 that of instructions.
    [size(0).unwrap_or(COMMON_CACHES[0]), size(2).unwrap_or(COMMON_CACHES[1])]
}

/// Bytes of `48K`, `2M` or `512`.
fn parse_size(text: &str) -> Option<f64> {
    let text = text.trim();
    let (digits, factor) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1024.0),
        b'M' => (&text[..text.len() - 1], 1024.0 * 1024.0),
        _ => (text, 1.0),
    };
    digits.parse::<u32>().ok().filter(|&size| size > 0).map(|size| f64::from(size) * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes_are_read() {
        let facts = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n";
        assert_eq!(model_name(facts), Some("Some CPU @ 2 GHz"));
        assert_eq!(model_name("Processor : ARM\n"), None);
        let sizes = ["48K\n", "2M", "512", "", "K", "x"].map(parse_size);
        assert_eq!(sizes, [Some(49_152.0), Some(2_097_152.0), Some(512.0), None, None, None]);
        assert!(fingerprint().contains(" cores, "));
        assert!(cache_bytes()[0] > 0.0);
    }
}
